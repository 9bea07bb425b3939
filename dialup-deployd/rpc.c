/*
 * What may be asked of deployd: the table of its handlers, by method of
 * proto/deployd.openrpc.json.
 */
#include "dialup-deployd/rpc.h"

#include "dialup-deployd/deployd.h"
#include "libdialup/base/str.h"
#include "proto/deployd_rpc.h"

struct deployd *rpc_deployd(void *context)
{
    return ((struct daemon_run *)context)->state;
}

enum quota_entity rpc_owner_kind(const char *name)
{
    return str_equal(name, "team") ? QUOTA_TEAM : QUOTA_USER;
}

int rpc_find_site(struct db *db, struct arena *arena, int64_t id, struct site *ret_site,
                  struct error *err)
{
    int result = sites_find(db, arena, id, ret_site, err);
    if (result == 0 && ret_site->desired == SITE_WANT_DELETED) {
        return error_set(err, ERR_NOT_FOUND, "The site %s was deleted", ret_site->domain);
    }
    return result;
}

ipc_handler_fn *const deployd_handlers[DEPLOYD_METHOD_COUNT] = {
    [DEPLOYD_SITE_CREATE] = handle_site_create,
    [DEPLOYD_SITE_UPDATE] = handle_site_update,
    [DEPLOYD_SITE_SET_DESIRED] = handle_site_set_desired,
    [DEPLOYD_SITE_RESTART] = handle_site_restart,
    [DEPLOYD_SITE_DELETE] = handle_site_delete,
    [DEPLOYD_SITE_LOGS] = handle_site_logs,
    [DEPLOYD_SITE_LIMITS] = handle_site_limits,
    [DEPLOYD_DEPLOYMENT_CREATE] = handle_deployment_create,
    [DEPLOYD_DEPLOYMENT_ROLLBACK] = handle_deployment_rollback,
    [DEPLOYD_QUOTA_VALIDATE] = handle_quota_validate,
    [DEPLOYD_CONTAINERS] = handle_containers,
    [DEPLOYD_LIMITS_APPLY] = handle_limits_apply,
    [DEPLOYD_QUOTA_ENFORCE] = handle_quota_enforce,
};
