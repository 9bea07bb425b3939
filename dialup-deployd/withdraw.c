/*
 * See the header. Called when a site is stopped or deleted (rpc_sites.c), by the queue for what is
 * left over, and by the converger for a release that does not start.
 */
#include "dialup-deployd/withdraw.h"

#include "dialup-deployd/handover.h"
#include "libdialup/db/transaction.h"

static int end_all(struct db *db, const struct deployments_list *unfinished, int64_t site_id,
                   const struct error *reason, int64_t now, struct deployments_list *ended,
                   struct error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < unfinished->count; i++) {
        if (unfinished->rows[i].site_id == site_id) {
            ended->rows[ended->count++] = unfinished->rows[i];
            result = deployments_finish(db, unfinished->rows[i].id, reason, now, err);
        }
    }
    return result;
}

int withdraw_all(struct db *db, struct arena *arena, const struct site *site,
                 const struct error *reason, int64_t now, struct deployments_list *ret_ended,
                 struct error *err)
{
    struct deployments_list unfinished;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 || (result = deployments_list_unfinished(db, arena, &unfinished, err)) < 0) {
        return result;
    }
    struct deployments_list ended = {
        .rows = arena_calloc(arena, unfinished.count, sizeof(*ended.rows))};
    result = end_all(db, &unfinished, site->id, reason, now, &ended, err);
    if (result == 0 && site->desired_deployment != site->live_deployment) {
        result = sites_set_desired_deployment(db, site->id, site->live_deployment, now, err);
    }
    if (result == 0) {
        *ret_ended = ended;
    }
    return result < 0 ? result : db_transaction_commit(&transaction, err);
}

int withdraw_one(const struct admission *admission, struct arena *arena,
                 const struct deployment *deployment, const struct error *reason, int64_t now,
                 bool *ret_was_open, struct error *err)
{
    struct db *db = admission->db;
    struct deployment row;
    struct site site;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 || (result = deployments_find(db, arena, deployment->id, &row, err)) < 0 ||
        (result = sites_find(db, arena, row.site_id, &site, err)) < 0) {
        return result;
    }
    bool was_open = !deployment_state_is_final(row.state);
    bool was_wanted = site.desired_deployment == row.id && site.live_deployment != row.id;
    if ((was_open && (result = deployments_finish(db, row.id, reason, now, err)) < 0) ||
        (was_wanted && (result = handover_undo(admission, arena, site.id, now, err)) < 0)) {
        return result;
    }
    *ret_was_open = was_open;
    return db_transaction_commit(&transaction, err);
}

bool withdraw_is_due(const struct deployment *deployment, const struct site *site)
{
    if (site->desired == SITE_WANT_DELETED || site->state == SITE_DELETED) {
        return true;
    }
    bool is_wanted =
        site->desired == SITE_WANT_RUNNING && site->desired_deployment == deployment->id;
    return deployment->state == DEPLOYMENT_STARTING && !is_wanted;
}
