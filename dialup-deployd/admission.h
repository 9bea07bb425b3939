/*
 * Admission: the quota room's arithmetic on the numbers of the database. Check and reserve happen
 * in the caller's transaction, so two requests for the last place cannot both have it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"
#include "libdialup/store/sites.h"

struct db;
struct deployd;

/* Whom a request is for, on which machine. */
struct admission {
    struct db *db;
    const struct quota_machine *machine;
    int64_t reserve_percent; /* of the machine, never promised */
    enum quota_entity owner_kind;
    int64_t owner_id;
};

struct admission admission_for(const struct deployd *deployd, enum quota_entity owner_kind,
                               int64_t owner_id);

/* The levels that bind a request; the verdict borrows from them. */
struct admission_levels {
    struct quota_level levels[QUOTA_MAX_LEVELS];
    size_t count;
};

/* Reads limits and uses of the owner and the system: a user with what they brought into teams taken
 * off, a team instead of a user. Names live in the arena. */
int admission_read_levels(const struct admission *admission, struct arena *arena,
                          struct admission_levels *ret_levels, struct error *err);

/* For the words of a refusal: who leads the team whose limit it is. Nothing for a user. */
void admission_name_leads(const struct admission *admission, struct arena *arena,
                          struct admission_levels *levels);

/* The owner's level alone; QUOTA_SYSTEM as owner: the server's. */
int admission_read_level(const struct admission *admission, struct arena *arena,
                         struct quota_level *ret_level, struct error *err);

/* Takes off what a site has itself, for a request that replaces it. */
void admission_take_off(struct admission_levels *levels, const struct quota_amounts *amounts);

/* What a site has as long as it exists, with its containers, asleep or not; and while it runs. */
struct quota_amounts admission_for_existing(const struct site *site);
struct quota_amounts admission_for_running(const struct site *site);

/* Notes a new site in the ledger; it has no containers yet. */
int admission_note_site(struct db *db, const struct site *site, int64_t now, struct error *err);

/* Whether admission_reserve_run would find room now; reserves nothing. */
int admission_check_run(const struct admission *admission, struct arena *arena,
                        const struct site *site, const char *action, struct error *err);

/* Reserves what the site's row says it needs to run, in place of what it had; ERR_QUOTA_EXCEEDED
 * with the words for action ("Cannot deploy"). A site that is served from files needs nothing. */
int admission_reserve_run(const struct admission *admission, struct arena *arena,
                          const struct site *site, const char *action, int64_t now,
                          struct error *err);

/* The ledger as the site's row says; checked only as far as it is more than what the site holds
 * already. */
int admission_keep_run(const struct admission *admission, struct arena *arena,
                       const struct site *site, const char *action, int64_t now, struct error *err);

/* Whether there is room for a site that does not exist yet, and for it to run: somebody who could
 * never start it hears so now. Reserves nothing. */
int admission_check_new(const struct admission *admission, struct arena *arena,
                        const struct site *site, const char *action, struct error *err);

/* Whether it could run if nothing else did; reserves nothing. */
int admission_check_alone(const struct admission *admission, struct arena *arena,
                          const struct site *site, const char *action, struct error *err);

/* Whether the ledger holds anything for it to run. */
int admission_holds_run(struct db *db, int64_t site_id, bool *ret_holds, struct error *err);

/* Gives back what it needed to run; its containers still exist. */
int admission_release_run(struct db *db, int64_t site_id, struct error *err);

/* The same for a site that is stopped: it keeps the containers that its live release needs to
 * exist, whatever came and went meanwhile; none if nothing was ever live. */
int admission_release_stopped(struct db *db, const struct site *site, int64_t now,
                              struct error *err);

/* Notes what a site's files occupy, if there is room for it; the row replaces the one before. */
int admission_account_storage(const struct admission *admission, struct arena *arena,
                              const struct site *site, int64_t size_bytes, const char *action,
                              int64_t now, struct error *err);

/* Notes what a site was found to occupy, whether there is room for it or not: it is there. */
int admission_note_storage(struct db *db, const struct site *site, int64_t size_bytes, int64_t now,
                           struct error *err);

/* How many bytes the owner may still store; INT64_MAX without a limit. */
int admission_storage_left(const struct admission *admission, struct arena *arena,
                           int64_t *ret_bytes, struct error *err);

/* The same of what is thrown away again: what builds keep for the next one. */
int admission_temp_left(const struct admission *admission, struct arena *arena, int64_t *ret_bytes,
                        struct error *err);

/* Whether the owner may store anything more at all: ERR_QUOTA_EXCEEDED if all of it is full, so
 * that nobody builds for nothing. */
int admission_check_may_write(const struct admission *admission, struct arena *arena,
                              const char *action, struct error *err);
