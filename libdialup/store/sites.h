/*
 * Sites: what should be (desired) and what the converger last saw (state). A deleted site keeps
 * its row for the record and gives its name back; only sites_find still shows it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct db;

enum site_desired { SITE_WANT_RUNNING, SITE_WANT_STOPPED, SITE_WANT_DELETED };
enum site_state { SITE_NEW, SITE_STARTING, SITE_RUNNING, SITE_STOPPED, SITE_FAILED, SITE_DELETED };

/* Frozen: its processes stand still. Asleep: it has no running container and nothing reserved. */
enum site_sleep { SITE_AWAKE, SITE_FROZEN, SITE_ASLEEP };

/* Why nothing of a site runs, although it should: the machine has no memory, its owner's sites ran
 * long enough today, its owner is above a limit. It goes on when that is over. */
enum site_hold { SITE_FREE, SITE_HELD_BY_MEMORY, SITE_HELD_BY_RUNTIME, SITE_HELD_BY_LIMITS };

/* The words of the table: "running". */
const char *site_desired_name(enum site_desired desired);
const char *site_state_name(enum site_state state);
const char *site_sleep_name(enum site_sleep sleep);
const char *site_hold_name(enum site_hold hold); /* "memory"; "" if it is free */

struct site {
    int64_t id;
    enum quota_entity owner_kind; /* QUOTA_USER or QUOTA_TEAM */
    int64_t owner_id;
    const char *domain;
    const char *type;
    const char *strategy;
    int64_t memory_mib;
    int64_t cpu_millicores;
    enum site_desired desired;
    int64_t restart_generation;
    int64_t desired_deployment; /* 0: none yet */
    enum site_state state;
    const char *state_reason;
    int64_t live_deployment;   /* 0: none */
    const char *route_address; /* "172.18.0.5:3000,172.18.0.6:3000" of what is live; "": none */
    enum site_sleep sleep;
    int64_t sleep_at; /* when that changed last; 0: never */
    enum site_hold hold;
    int64_t idle_minutes; /* until it sleeps; 0: the server's setting */
    int64_t instances;    /* that its load asks for */
    int64_t storage_bytes;
    int64_t storage_inodes;
    int64_t created_at;
    int64_t updated_at;
    int64_t deleted_at; /* 0: it is not */
};

/* Pure: its owner wants it to run, a release of it is live in containers, and none is on its way.
 */
bool site_has_live_containers(const struct site *site);

/* Pure: the same, and nothing keeps it: it is awake, or sleeps by its own. */
bool site_is_free_to_run(const struct site *site);

struct sites_list {
    struct site *rows;
    size_t count;
};

struct sites_page {
    int64_t after_id;   /* 0: from the first */
    int64_t limit;      /* 0: all */
    const char *search; /* part of the domain; NULL: all */
};

/* owner, domain, type, strategy, memory, CPU and idle_minutes are taken from site.
 * -ERR_ALREADY_EXISTS, field "domain", if the name is taken. */
int sites_create(struct db *db, const struct site *site, int64_t now, int64_t *ret_id,
                 struct error *err);

int sites_find(struct db *db, struct arena *arena, int64_t id, struct site *ret_site,
               struct error *err);
int sites_find_by_domain(struct db *db, struct arena *arena, const char *domain,
                         struct site *ret_site, struct error *err);

int sites_list_by_owner(struct db *db, struct arena *arena, enum quota_entity owner_kind,
                        int64_t owner_id, struct sites_list *ret_list, struct error *err);
/* Those whose names have this skeleton (libdialup/site/domain.h), which the database works out by
 * itself. */
int sites_list_by_look(struct db *db, struct arena *arena, const char *look,
                       struct sites_list *ret_list, struct error *err);
int sites_list(struct db *db, struct arena *arena, const struct sites_page *page,
               struct sites_list *ret_list, struct error *err);

/* What should be. */
int sites_set_desired(struct db *db, int64_t id, enum site_desired desired, int64_t now,
                      struct error *err);
int sites_set_desired_deployment(struct db *db, int64_t id, int64_t deployment_id, int64_t now,
                                 struct error *err);
/* Wants it running, in a container that is younger than this call. */
int sites_restart(struct db *db, int64_t id, int64_t now, struct error *err);
/* What was restarted goes on as it was, unless it was restarted again meanwhile. */
int sites_undo_restart(struct db *db, int64_t id, int64_t from_generation, int64_t to_generation,
                       int64_t now, struct error *err);
/* Writes type, strategy, memory, CPU and idle_minutes. */
int sites_update(struct db *db, const struct site *site, int64_t now, struct error *err);

/* What is. Nothing is written if state and reason are the same as before. */
int sites_set_state(struct db *db, int64_t id, enum site_state state, const char *reason,
                    int64_t now, struct error *err);
int sites_set_live_deployment(struct db *db, int64_t id, int64_t deployment_id, int64_t now,
                              struct error *err);
/* Where the gate finds the live container when it starts; "": there is none. */
int sites_set_route(struct db *db, int64_t id, const char *address, int64_t now, struct error *err);
/* Nothing is written if it sleeps so already. */
int sites_set_sleep(struct db *db, int64_t id, enum site_sleep sleep, int64_t now,
                    struct error *err);
int sites_set_hold(struct db *db, int64_t id, enum site_hold hold, int64_t now, struct error *err);
int sites_set_instances(struct db *db, int64_t id, int64_t instances, int64_t now,
                        struct error *err);
int sites_set_storage(struct db *db, int64_t id, int64_t bytes, int64_t inodes, int64_t now,
                      struct error *err);
/* The end: state deleted, name free. */
int sites_set_deleted(struct db *db, int64_t id, int64_t now, struct error *err);
