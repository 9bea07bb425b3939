/*
 * See the header. Called when a release is accepted (queue/accept.c), when it is live or given up
 * (converge/), and when a site is started (rpc_sites.c).
 */
#include "dialup-deployd/handover.h"

#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/site/site_type.h"

enum { FALLBACK_MEMORY_MIB = 256, FALLBACK_MILLICORES = 250 };

struct deployment_needs handover_declare(const struct site *site, const char *type, bool is_files)
{
    const struct site_type *known = site_type_find(type);
    if (is_files) {
        return (struct deployment_needs){.type = type};
    }
    if (str_equal(site->type, type) && site->memory_mib > 0) {
        return (struct deployment_needs){type, site->memory_mib, site->cpu_millicores};
    }
    /* A container always has limits, even one of a type that is files as a rule. */
    bool has_needs = known && known->memory_mib > 0;
    return (struct deployment_needs){
        .type = type,
        .memory_mib = has_needs ? known->memory_mib : FALLBACK_MEMORY_MIB,
        .cpu_millicores = has_needs ? known->cpu_millicores : FALLBACK_MILLICORES,
    };
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The site with what it must have room for while next is to take over; its own row counts as long
 * as what is live runs. */
static struct site with_room_for(const struct site *site, const struct deployment_needs *next)
{
    bool keeps_live = site->live_deployment && site->desired == SITE_WANT_RUNNING;
    struct site both = *site;
    both.memory_mib = larger(keeps_live ? site->memory_mib : 0, next->memory_mib);
    both.cpu_millicores = larger(keeps_live ? site->cpu_millicores : 0, next->cpu_millicores);
    return both;
}

int handover_check(const struct admission *admission, struct arena *arena, const struct site *site,
                   const struct deployment_needs *needs, const char *action, struct error *err)
{
    const struct site both = with_room_for(site, needs);
    return admission_check_run(admission, arena, &both, action, err);
}

int handover_begin(const struct admission *admission, struct arena *arena, const struct site *site,
                   int64_t deployment_id, const struct deployment_needs *needs, const char *action,
                   int64_t now, struct error *err)
{
    struct db *db = admission->db;
    const struct site both = with_room_for(site, needs);
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 ||
        (result = admission_reserve_run(admission, arena, &both, action, now, err)) < 0 ||
        (result = deployments_set_needs(db, deployment_id, needs, err)) < 0 ||
        (result = deployments_set_state(db, deployment_id, DEPLOYMENT_STARTING, "Starting", now,
                                        err)) < 0 ||
        (result = sites_set_desired_deployment(db, site->id, deployment_id, now, err)) < 0 ||
        (result = sites_set_desired(db, site->id, SITE_WANT_RUNNING, now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}

/* The rows are read anew: their owner may have changed them since the caller looked. */
int handover_done(const struct admission *admission, struct arena *arena, int64_t site_id,
                  int64_t deployment_id, int64_t now, struct error *err)
{
    struct db *db = admission->db;
    struct site live;
    struct deployment wanted;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 || (result = sites_find(db, arena, site_id, &live, err)) < 0 ||
        (result = deployments_find(db, arena, deployment_id, &wanted, err)) < 0) {
        return result;
    }
    if (live.desired_deployment != deployment_id) {
        return error_set(err, ERR_CONFLICT, "The release is not wanted any more");
    }
    live.type = wanted.needs.type;
    live.memory_mib = wanted.needs.memory_mib;
    live.cpu_millicores = wanted.needs.cpu_millicores;
    if ((result = sites_update(db, &live, now, err)) < 0 ||
        (result = sites_set_live_deployment(db, site_id, deployment_id, now, err)) < 0 ||
        (result = admission_keep_run(admission, arena, &live, "Cannot start", now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}

/* The ledger, for what was live before. */
static int return_room(const struct admission *admission, struct arena *arena,
                       const struct site *site, int64_t now, struct error *err)
{
    struct db *db = admission->db;
    if (!site->live_deployment || site->desired != SITE_WANT_RUNNING) {
        return admission_release_stopped(db, site, now, err);
    }
    int result = admission_keep_run(admission, arena, site, "Cannot start", now, err);
    if (result != -ERR_QUOTA_EXCEEDED) {
        return result;
    }
    result = admission_release_stopped(db, site, now, err);
    return result < 0 ? result : sites_set_desired(db, site->id, SITE_WANT_STOPPED, now, err);
}

int handover_undo(const struct admission *admission, struct arena *arena, int64_t site_id,
                  int64_t now, struct error *err)
{
    struct db *db = admission->db;
    struct site site;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 || (result = sites_find(db, arena, site_id, &site, err)) < 0 ||
        (result = sites_set_desired_deployment(db, site_id, site.live_deployment, now, err)) < 0 ||
        (result = return_room(admission, arena, &site, now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}

/* The site with all that it must have room for to be started as it is. */
static int read_room(const struct admission *admission, struct arena *arena,
                     const struct site *site, struct site *ret_room, struct error *err)
{
    struct deployment wanted;
    if (site->desired_deployment == site->live_deployment) {
        *ret_room = *site;
        return 0;
    }
    int result = deployments_find(admission->db, arena, site->desired_deployment, &wanted, err);
    if (result == 0) {
        *ret_room = with_room_for(site, &wanted.needs);
    }
    return result;
}

int handover_reserve(const struct admission *admission, struct arena *arena,
                     const struct site *site, const char *action, int64_t now, struct error *err)
{
    struct site room;
    int result = read_room(admission, arena, site, &room, err);
    return result < 0 ? result : admission_reserve_run(admission, arena, &room, action, now, err);
}

int handover_keep(const struct admission *admission, struct arena *arena, const struct site *site,
                  const char *action, int64_t now, struct error *err)
{
    struct site room;
    int result = read_room(admission, arena, site, &room, err);
    return result < 0 ? result : admission_keep_run(admission, arena, &room, action, now, err);
}
