/*
 * Deployments and rollbacks, which are queued here. Handlers of
 * proto/deployd.openrpc.json; the table of them is in rpc.c.
 */
#include "dialup-deployd/rpc.h"

#include <string.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/change.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/handover.h"
#include "dialup-deployd/pressure/hold.h"
#include "dialup-deployd/queue/queue.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/site/site_type.h"
#include "libdialup/view/view.h"
#include "proto/deployd_rpc.h"

enum { MAX_UNFINISHED = 10 };

static int check_queue(struct db *db, struct arena *arena, int64_t site_id, struct error *err)
{
    struct deployments_list list;
    size_t count = 0;
    int result = deployments_list_unfinished(db, arena, &list, err);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        count += list.rows[i].site_id == site_id;
    }
    if (result == 0 && count >= MAX_UNFINISHED) {
        result =
            error_set(err, ERR_BUSY, "%zu deployments of this site are waiting already", count);
        error_hint(err, "Wait until they are done");
    }
    return result;
}

static int queue_deployment(struct change *change, struct db *db, const struct deployment *wanted,
                            struct error *err)
{
    struct deployment row;
    int64_t id;
    int result = check_queue(db, change->arena, wanted->site_id, err);
    if (result == 0) {
        result = deployments_create(db, wanted, clock_unix(), &id, err);
    }
    if (result == 0) {
        result = deployments_find(db, change->arena, id, &row, err);
    }
    if (result == 0) {
        *(struct deployd_deployment *)change->result = view_deployment(change->arena, &row);
    }
    return result;
}

static void kick_queue(struct change *change)
{
    const struct deployd_deployment *queued = change->result;
    log_info("deployment %lld (number %lld of site %lld) is queued", (long long)queued->id,
             (long long)queued->number, (long long)queued->site_id);
    queue_kick(change->deployd->queue);
}

/* The id becomes a file name: only what we made ourselves looks like this. */
static int check_upload(const struct deployd *deployd, const char *upload_id, struct error *err)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    AUTO_FREE char *part = xasprintf("uploads/%s.part", upload_id);
    AUTO_FREE char *path = config_state_path(deployd->run->config, part);
    if (strspn(upload_id, allowed) != strlen(upload_id) || !fs_exists(path)) {
        return error_set_field(err, ERR_NOT_FOUND, "upload_id", "There is no such upload");
    }
    return 0;
}

/* What is to run in a container in any case is not built in vain. The last word has the release. */
static int check_may_run(const struct admission *admission, struct arena *arena,
                         const struct site *site, struct error *err)
{
    const struct site_type *type = site_type_find(site->type);
    if (!type || type->served != SITE_SERVED_CONTAINER) {
        return 0;
    }
    const struct deployment_needs needs = handover_declare(site, site->type, false);
    int result = hold_check(admission, arena, site, &needs, "Cannot deploy", err);
    return result < 0 ? result
                      : handover_check(admission, arena, site, &needs, "Cannot deploy", err);
}

static int work_deployment_create(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_deployment_create_params *params = change->params;
    struct site site;
    int result = rpc_find_site(db, change->arena, params->site_id, &site, err);
    if (result == 0) {
        result = check_upload(change->deployd, params->upload_id, err);
    }
    if (result == 0) {
        const struct admission admission =
            admission_for(change->deployd, site.owner_kind, site.owner_id);
        result = admission_check_may_write(&admission, change->arena, "Cannot deploy", err);
        if (result == 0) {
            result = check_may_run(&admission, change->arena, &site, err);
        }
    }
    if (result < 0) {
        return result;
    }
    const struct deployment wanted = {
        .site_id = params->site_id,
        .kind = DEPLOYMENT_UPLOAD,
        .source = params->upload_id,
        .message = params->message ? params->message : "",
        .commit_ref = params->commit_ref ? params->commit_ref : "",
        .created_by = params->created_by,
        .request_id = ipc_request_id(change->request),
    };
    return queue_deployment(change, db, &wanted, err);
}

static const struct change_kind deployment_create = {work_deployment_create, kick_queue};

int handle_deployment_create(void *context, struct ipc_request *request, const void *params,
                             void *result, struct error *err)
{
    const struct deployd_deployment_create_params *wanted = params;
    return change_start(rpc_deployd(context), request, params, wanted->idempotency_key,
                        &deployment_create);
}

/* The deployment to go back to: the one that was asked for, or the newest good one before. */
static int find_origin(struct change *change, struct db *db, const struct site *site,
                       struct deployment *ret_origin, struct error *err)
{
    const struct deployd_deployment_rollback_params *params = change->params;
    struct deployment live;
    int result;
    if (params->has_number) {
        result = deployments_find_by_number(db, change->arena, site->id, params->number, ret_origin,
                                            err);
    } else if (!site->live_deployment) {
        result = error_set(err, ERR_CONFLICT, "%s was never live: there is nothing to go back to",
                           site->domain);
    } else {
        result = deployments_find(db, change->arena, site->live_deployment, &live, err);
        if (result == 0) {
            result = deployments_find_good_before(db, change->arena, site->id, live.number,
                                                  ret_origin, err);
        }
        if (result == -ERR_NOT_FOUND) {
            error_set(err, ERR_NOT_FOUND, "%s has no earlier release to go back to", site->domain);
            error_hint(err, "See which there are: deploy sites deployments %s", site->domain);
        }
    }
    if (result != 0) {
        return result;
    }
    AUTO_FREE char *path = deployd_release_path(change->deployd, site->id, release_id(ret_origin));
    bool was_live =
        ret_origin->state == DEPLOYMENT_LIVE || ret_origin->state == DEPLOYMENT_SUPERSEDED;
    if (!was_live || !fs_exists(path)) {
        result = error_set_field(
            err, ERR_CONFLICT, "number", "Release %lld cannot be brought back: %s",
            (long long)ret_origin->number, was_live ? "its files are gone" : "it never was live");
        error_hint(err, "`deploy sites deployments %s` lists what there is", site->domain);
    }
    return result;
}

static int work_rollback(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_deployment_rollback_params *params = change->params;
    struct site site;
    struct deployment origin;
    int result = rpc_find_site(db, change->arena, params->site_id, &site, err);
    if (result == 0) {
        result = find_origin(change, db, &site, &origin, err);
    }
    if (result != 0) {
        return result;
    }
    int64_t release = release_id(&origin);
    const struct deployment wanted = {
        .site_id = site.id,
        .kind = DEPLOYMENT_ROLLBACK,
        .source = arena_printf(change->arena, "deployment:%lld", (long long)release),
        .base_id = release,
        .message = arena_printf(change->arena, "Back to release %lld", (long long)origin.number),
        .commit_ref = origin.commit_ref,
        .created_by = params->created_by,
        .request_id = ipc_request_id(change->request),
    };
    return queue_deployment(change, db, &wanted, err);
}

static const struct change_kind deployment_rollback = {work_rollback, kick_queue};

int handle_deployment_rollback(void *context, struct ipc_request *request, const void *params,
                               void *result, struct error *err)
{
    const struct deployd_deployment_rollback_params *wanted = params;
    return change_start(rpc_deployd(context), request, params, wanted->idempotency_key,
                        &deployment_rollback);
}
