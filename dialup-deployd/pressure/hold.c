/*
 * See the header. Called by whoever enforces, and where a release is accepted.
 */
#include "dialup-deployd/pressure/hold.h"

#include "dialup-deployd/deployd.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/runtime.h"

enum { S_PER_HOUR = 3600 };

static const struct {
    enum enforcement_cause cause;
    const char *step;
    const char *words;
    const char *hint; /* for who deploys meanwhile */
} holds[] = {
    [SITE_FREE] = {0, "", "", ""},
    [SITE_HELD_BY_MEMORY] = {ENFORCED_BY_MEMORY, "stop_site",
                             "The server is short of memory; it comes back by itself when there is "
                             "some",
                             "Deploy again when it is back, or ask admin for a larger server"},
    [SITE_HELD_BY_RUNTIME] = {ENFORCED_BY_RUNTIME, "stop_site",
                              "The running time of today is used up; it runs again after midnight "
                              "(UTC)",
                              "Deploy again tomorrow, or ask admin for more hours"},
    [SITE_HELD_BY_LIMITS] = {ENFORCED_BY_LIMITS, "stop_site",
                             "Its owner's sites use more than the limits allow; it comes back by "
                             "itself when there is room",
                             "Stop or remove another site, or ask admin for higher limits"},
};

const char *hold_words(enum site_hold hold)
{
    return holds[hold].words;
}

int hold_site(struct deployd *deployd, const struct site *site, enum site_hold hold,
              int64_t memory_mib, const char *reason, struct error *err)
{
    struct db *db = deployd->run->db;
    int64_t now = clock_unix();
    const struct enforcement row = {
        .at = now,
        .cause = holds[hold].cause,
        .step = holds[hold].step,
        .owner_kind = site->owner_kind,
        .owner_id = site->owner_id,
        .site_id = site->id,
        .memory_mib = memory_mib,
        .reason = reason,
    };
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 || (result = enforcements_end(db, site->id, 0, now, err)) < 0 ||
        (result = sites_set_hold(db, site->id, hold, now, err)) < 0 ||
        (result = enforcements_add(db, &row, err)) < 0 ||
        (result = db_transaction_commit(&transaction, err)) < 0) {
        return result;
    }
    log_warning("%s gives way (%s): %s", site->domain, site_hold_name(hold), reason);
    return 0;
}

int hold_free(struct deployd *deployd, const struct site *site, struct error *err)
{
    struct db *db = deployd->run->db;
    int64_t now = clock_unix();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 || (result = enforcements_end(db, site->id, 0, now, err)) < 0 ||
        (result = sites_set_hold(db, site->id, SITE_FREE, now, err)) < 0 ||
        (result = sites_set_sleep(db, site->id, SITE_ASLEEP, now, err)) < 0 ||
        (result = db_transaction_commit(&transaction, err)) < 0) {
        return result;
    }
    log_info("%s may run again", site->domain);
    return 0;
}

static int refuse(enum site_hold hold, const char *action, struct error *err)
{
    error_set(err, ERR_QUOTA_EXCEEDED, "%s: %s", action, holds[hold].words);
    error_hint(err, "%s", holds[hold].hint);
    return -ERR_QUOTA_EXCEEDED;
}

int hold_check(const struct admission *admission, struct arena *arena, const struct site *site,
               const struct deployment_needs *needs, const char *action, struct error *err)
{
    struct admission_levels levels;
    int64_t awake_s;
    if (needs->memory_mib <= 0) {
        return 0;
    }
    if (site->hold != SITE_FREE) {
        return refuse(site->hold, action, err);
    }
    int result = admission_read_levels(admission, arena, &levels, err);
    if (result == 0) {
        result = runtime_read(admission->db, site->owner_kind, site->owner_id,
                              runtime_day(clock_unix()), &awake_s, err);
    }
    if (result != 0) {
        return result;
    }
    int64_t hours = quota_level_limit(&levels.levels[0], QUOTA_RUNTIME_HOURS).hard;
    bool is_spent = hours != QUOTA_UNLIMITED && awake_s >= hours * S_PER_HOUR;
    return is_spent ? refuse(SITE_HELD_BY_RUNTIME, action, err) : 0;
}
