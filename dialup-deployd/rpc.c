/*
 * What may be asked of deployd: the handlers of proto/deployd.openrpc.json. Each checks, changes
 * rows, and kicks who must act; none of them waits for Docker.
 */
#include <stdio.h>
#include <string.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/change.h"
#include "dialup-deployd/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/inspect.h"
#include "dialup-deployd/queue.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/views.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/site/domain.h"
#include "libdialup/site/site_type.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/users.h"
#include "proto/deployd_rpc.h"

enum { MAX_UNFINISHED = 10, SOCKET_PATH_MAX = 107, APPLY_TIMEOUT_MS = 20000 };

static struct deployd *deployd_of(void *context)
{
    return ((struct daemon_run *)context)->state;
}

static enum quota_entity owner_kind_of(const char *name)
{
    return str_equal(name, "team") ? QUOTA_TEAM : QUOTA_USER;
}

/* A site that is still there. */
static int find_site(struct db *db, struct arena *arena, int64_t id, struct site *ret_site,
                     struct error *err)
{
    int result = sites_find(db, arena, id, ret_site, err);
    if (result == 0 && ret_site->desired == SITE_WANT_DELETED) {
        return error_set(err, ERR_NOT_FOUND, "The site %s was deleted", ret_site->domain);
    }
    return result;
}

static void kick_site(struct change *change)
{
    converger_kick(change->deployd->converger, change->site_id);
}

/* site_create -----------------------------------------------------------------------------------
 */

/* The longest name whose socket still fits: RUN_DIR/sites/NAME.sock. */
static struct domain_rules domain_rules(const struct deployd *deployd)
{
    const char *run_dir = config_text(deployd->run->config, CONFIG_common_run_dir);
    size_t around = strlen(run_dir) + strlen("/sites/.sock");
    return (struct domain_rules){
        .suffix = config_text(deployd->run->config, CONFIG_common_domain),
        .max_len = SOCKET_PATH_MAX - around,
    };
}

/* Somebody else's site with a name that people could take for this one. */
static int check_look_alikes(struct db *db, struct arena *arena, const struct domain *domain,
                             enum quota_entity owner_kind, int64_t owner_id, struct error *err)
{
    struct sites_list list;
    const struct sites_page all = {0};
    int result = sites_list(db, arena, &all, &list, err);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        const struct site *site = &list.rows[i];
        struct domain other;
        bool is_own = site->owner_kind == owner_kind && site->owner_id == owner_id;
        if (!is_own && str_copy(other.name, sizeof(other.name), site->domain) &&
            domain_is_confusable(domain, &other)) {
            result = error_set_field(err, ERR_CONFLICT, "domain",
                                     "%s looks too much like %s, which is somebody else's",
                                     domain->name, other.name);
            error_hint(err, "Choose a name that nobody can take for theirs");
        }
    }
    return result;
}

static int check_may_create(struct db *db, struct arena *arena, enum quota_entity owner_kind,
                            int64_t owner_id, struct error *err)
{
    struct user user;
    if (owner_kind != QUOTA_USER) {
        return error_set_field(err, ERR_UNSUPPORTED, "owner_kind",
                               "Sites of teams are not possible yet");
    }
    int result = users_find(db, arena, owner_id, &user, err);
    if (result == 0 && !user.is_active) {
        result = error_set(err, ERR_FORBIDDEN, "Cannot create site: your account is not active");
        error_hint(err, "Contact admin to activate it");
    } else if (result == 0 && !user.can_create_sites) {
        result = error_set(err, ERR_FORBIDDEN,
                           "Cannot create site: creating sites is disabled for your account");
        error_hint(err, "Contact admin to enable it");
    }
    return result;
}

/* Room for the site, and for it to run: somebody who could never start it hears so now. */
static int admit_new_site(const struct admission *admission, struct arena *arena,
                          const struct site *site, struct error *err)
{
    struct admission_levels levels;
    int result = admission_read_levels(admission, arena, &levels, err);
    if (result < 0) {
        return result;
    }
    struct quota_amounts amounts = admission_for_running(site);
    amounts.of[QUOTA_SITES] = 1;
    struct quota_verdict verdict;
    quota_admit(levels.levels, levels.count, &amounts, &verdict);
    return verdict.allowed ? 0 : quota_refuse(&verdict, "Cannot deploy", err);
}

static int describe_site(const struct deployd_site_create_params *params, struct site *ret_site,
                         struct error *err)
{
    const struct site_type *type;
    int result = site_type_parse(params->type ? params->type : "auto", &type, err);
    if (result < 0) {
        return result;
    }
    bool needs_container = type->served == SITE_SERVED_CONTAINER;
    *ret_site = (struct site){
        .owner_kind = owner_kind_of(params->owner_kind),
        .owner_id = params->owner_id,
        .type = type->name,
        .strategy = params->strategy ? params->strategy : "lazy",
        .memory_mib =
            needs_container && params->has_memory_mib ? params->memory_mib : type->memory_mib,
        .cpu_millicores = needs_container && params->has_cpu_millicores ? params->cpu_millicores
                                                                        : type->cpu_millicores,
    };
    return 0;
}

static int work_site_create(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_site_create_params *params = change->params;
    const struct domain_rules rules = domain_rules(change->deployd);
    struct arena *arena = change->arena;
    struct domain domain;
    struct site site;
    int64_t now = clock_unix();
    int result = describe_site(params, &site, err);
    if (result < 0 ||
        (result = domain_parse_site(params->domain, &rules, &domain, NULL, err)) < 0 ||
        (result = check_may_create(db, arena, site.owner_kind, site.owner_id, err)) < 0 ||
        (result = check_look_alikes(db, arena, &domain, site.owner_kind, site.owner_id, err)) < 0) {
        return result;
    }
    site.domain = domain.name;
    struct admission admission = admission_for(change->deployd, site.owner_kind, site.owner_id);
    const struct quota_amounts one = admission_for_new_site();
    if ((result = admit_new_site(&admission, arena, &site, err)) < 0 ||
        (result = sites_create(db, &site, now, &change->site_id, err)) < 0) {
        return result;
    }
    const struct reservation_holder holder = {
        .entity = site.owner_kind,
        .entity_id = site.owner_id,
        .site_id = change->site_id,
        .purpose = RESERVATION_SITE,
    };
    if ((result = reservations_put(db, &holder, &one, RESERVATION_COMMITTED, now, 0, err)) < 0 ||
        (result = sites_find(db, arena, change->site_id, &site, err)) < 0) {
        return result;
    }
    *(struct deployd_site *)change->result = view_site(&site);
    return 0;
}

static const struct change_kind site_create = {work_site_create, kick_site};

static int handle_site_create(void *context, struct ipc_request *request, const void *params,
                              void *result, struct error *err)
{
    const struct deployd_site_create_params *wanted = params;
    return change_start(deployd_of(context), request, params, wanted->idempotency_key,
                        &site_create);
}

/* site_set_desired, site_restart, site_delete ---------------------------------------------------
 */

/* Answers with the site as it is after the change. */
static int answer_site(struct change *change, struct db *db, struct error *err)
{
    struct site site;
    int result = sites_find(db, change->arena, change->site_id, &site, err);
    if (result == 0) {
        *(struct deployd_site *)change->result = view_site(&site);
    }
    return result;
}

static int want_running(struct change *change, struct db *db, const struct site *site,
                        struct error *err)
{
    struct admission admission = admission_for(change->deployd, site->owner_kind, site->owner_id);
    int result = 0;
    if (!site->desired_deployment) {
        result = error_set(err, ERR_CONFLICT, "%s has nothing to start: it was never deployed",
                           site->domain);
        error_hint(err, "Deploy it first: deploy site --domain %s", site->domain);
    } else {
        result = admission_reserve_run(&admission, change->arena, site, "Cannot start",
                                       clock_unix(), err);
    }
    if (result == 0 && site->state == SITE_FAILED) {
        result = sites_restart(db, site->id, clock_unix(), err); /* with all its attempts again */
    }
    return result < 0 ? result
                      : sites_set_desired(db, site->id, SITE_WANT_RUNNING, clock_unix(), err);
}

static int work_set_desired(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_site_set_desired_params *params = change->params;
    struct site site;
    change->site_id = params->site_id;
    int result = find_site(db, change->arena, params->site_id, &site, err);
    if (result == 0) {
        result = str_equal(params->desired, "running")
                     ? want_running(change, db, &site, err)
                     : sites_set_desired(db, site.id, SITE_WANT_STOPPED, clock_unix(), err);
    }
    return result < 0 ? result : answer_site(change, db, err);
}

static const struct change_kind site_set_desired = {work_set_desired, kick_site};

static int handle_site_set_desired(void *context, struct ipc_request *request, const void *params,
                                   void *result, struct error *err)
{
    const struct deployd_site_set_desired_params *wanted = params;
    return change_start(deployd_of(context), request, params, wanted->idempotency_key,
                        &site_set_desired);
}

static int work_restart(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_site_restart_params *params = change->params;
    struct site site;
    change->site_id = params->site_id;
    int result = find_site(db, change->arena, params->site_id, &site, err);
    if (result == 0) {
        result = want_running(change, db, &site, err);
    }
    if (result == 0) {
        result = sites_restart(db, site.id, clock_unix(), err);
    }
    return result < 0 ? result : answer_site(change, db, err);
}

static const struct change_kind site_restart = {work_restart, kick_site};

static int handle_site_restart(void *context, struct ipc_request *request, const void *params,
                               void *result, struct error *err)
{
    const struct deployd_site_restart_params *wanted = params;
    return change_start(deployd_of(context), request, params, wanted->idempotency_key,
                        &site_restart);
}

static int work_delete(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_site_delete_params *params = change->params;
    struct site site;
    change->site_id = params->site_id;
    int result = find_site(db, change->arena, params->site_id, &site, err);
    if (result == 0) {
        result = sites_set_desired(db, site.id, SITE_WANT_DELETED, clock_unix(), err);
    }
    if (result == 0) {
        result = reservations_release_site(db, site.id, err);
    }
    return result < 0 ? result : answer_site(change, db, err);
}

static void after_delete(struct change *change)
{
    queue_cancel_site(change->deployd->queue, change->site_id);
    kick_site(change);
}

static const struct change_kind site_delete = {work_delete, after_delete};

static int handle_site_delete(void *context, struct ipc_request *request, const void *params,
                              void *result, struct error *err)
{
    const struct deployd_site_delete_params *wanted = params;
    return change_start(deployd_of(context), request, params, wanted->idempotency_key,
                        &site_delete);
}

/* Deployments ------------------------------------------------------------------------------------
 */

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
        *(struct deployd_deployment *)change->result = view_deployment(&row);
    }
    return result;
}

static void kick_queue(struct change *change)
{
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

static int work_deployment_create(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_deployment_create_params *params = change->params;
    struct site site;
    int result = find_site(db, change->arena, params->site_id, &site, err);
    if (result == 0) {
        result = check_upload(change->deployd, params->upload_id, err);
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
    };
    return queue_deployment(change, db, &wanted, err);
}

static const struct change_kind deployment_create = {work_deployment_create, kick_queue};

static int handle_deployment_create(void *context, struct ipc_request *request, const void *params,
                                    void *result, struct error *err)
{
    const struct deployd_deployment_create_params *wanted = params;
    return change_start(deployd_of(context), request, params, wanted->idempotency_key,
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
    }
    if (result < 0) {
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
    int result = find_site(db, change->arena, params->site_id, &site, err);
    if (result == 0) {
        result = find_origin(change, db, &site, &origin, err);
    }
    if (result < 0) {
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
    };
    return queue_deployment(change, db, &wanted, err);
}

static const struct change_kind deployment_rollback = {work_rollback, kick_queue};

static int handle_deployment_rollback(void *context, struct ipc_request *request,
                                      const void *params, void *result, struct error *err)
{
    const struct deployd_deployment_rollback_params *wanted = params;
    return change_start(deployd_of(context), request, params, wanted->idempotency_key,
                        &deployment_rollback);
}

/* Quotas -----------------------------------------------------------------------------------------
 */

static struct quota_amounts amounts_of(const struct deployd_quota_validate_params *params)
{
    const struct site_type *type = params->type ? site_type_find(params->type) : NULL;
    struct site site = {
        .memory_mib = params->has_memory_mib ? params->memory_mib
                      : type                 ? type->memory_mib
                                             : 0,
        .cpu_millicores = params->has_cpu_millicores ? params->cpu_millicores
                          : type                     ? type->cpu_millicores
                                                     : 0,
    };
    struct quota_amounts amounts = {0};
    if (params->development) {
        amounts.of[QUOTA_DEV_CONTAINERS] = 1;
        amounts.of[QUOTA_MEMORY_DEVELOPMENT] = site.memory_mib;
        amounts.of[QUOTA_CPU_DEVELOPMENT] = site.cpu_millicores;
    } else {
        amounts = admission_for_running(&site);
    }
    amounts.of[QUOTA_SITES] = params->new_site;
    if (params->has_storage_mib) {
        amounts.of[params->development ? QUOTA_STORAGE_DEVELOPMENT : QUOTA_STORAGE_PRODUCTION] =
            params->storage_mib;
    }
    return amounts;
}

static int handle_quota_validate(void *context, struct ipc_request *request, const void *params,
                                 void *result, struct error *err)
{
    const struct deployd_quota_validate_params *wanted = params;
    struct deployd *deployd = deployd_of(context);
    struct arena *arena = ipc_request_arena(request);
    struct admission admission =
        admission_for(deployd, owner_kind_of(wanted->owner_kind), wanted->owner_id);
    struct admission_levels *levels = arena_alloc(arena, sizeof(*levels));
    int status = admission_read_levels(&admission, arena, levels, err);
    if (status < 0) {
        return status;
    }
    struct quota_amounts held = {0};
    if (wanted->has_site_id) {
        status = reservations_sum_site(deployd->run->db, wanted->site_id, &held, err);
        admission_take_off(levels, &held);
    }
    struct quota_amounts amounts = amounts_of(wanted);
    struct quota_verdict verdict;
    quota_admit(levels->levels, levels->count, &amounts, &verdict);
    *(struct deployd_verdict *)result = view_verdict(
        &verdict, wanted->development ? "Cannot start editor" : "Cannot deploy", arena);
    return status;
}

/* Containers -------------------------------------------------------------------------------------
 */

struct apply {
    struct deployd *deployd;
    struct ipc_request *request;
    enum quota_entity owner_kind;
    int64_t owner_id;
};

static void on_applied(void *context)
{
    struct apply *apply = context;
    struct deployd_limits_apply_result result = {0};
    result.sites = inspect_owner_limits(apply->deployd, ipc_request_arena(apply->request),
                                        apply->owner_kind, apply->owner_id, &result.sites_count);
    ipc_request_reply(apply->request, &result);
}

static int handle_limits_apply(void *context, struct ipc_request *request, const void *params,
                               void *result, struct error *err)
{
    const struct deployd_limits_apply_params *wanted = params;
    struct deployd *deployd = deployd_of(context);
    struct apply *apply = arena_alloc(ipc_request_arena(request), sizeof(*apply));
    *apply = (struct apply){deployd, request, owner_kind_of(wanted->owner_kind), wanted->owner_id};
    converger_kick_owner(deployd->converger, apply->owner_kind, apply->owner_id);
    converger_when_settled(deployd->converger, apply->owner_kind, apply->owner_id, APPLY_TIMEOUT_MS,
                           on_applied, apply);
    return IPC_LATER;
}

static int handle_site_limits(void *context, struct ipc_request *request, const void *params,
                              void *result, struct error *err)
{
    const struct deployd_site_limits_params *wanted = params;
    return inspect_site_limits(deployd_of(context), ipc_request_arena(request), wanted->site_id,
                               result, err);
}

static int handle_site_logs(void *context, struct ipc_request *request, const void *params,
                            void *result, struct error *err)
{
    const struct deployd_site_logs_params *wanted = params;
    return inspect_start_logs(deployd_of(context), request, wanted->site_id, wanted->tail, err);
}

static int handle_containers(void *context, struct ipc_request *request, const void *params,
                             void *result, struct error *err)
{
    struct deployd_containers_result *list = result;
    list->containers = inspect_containers(deployd_of(context), ipc_request_arena(request),
                                          &list->containers_count);
    return 0;
}

ipc_handler_fn *const deployd_handlers[DEPLOYD_METHOD_COUNT] = {
    [DEPLOYD_SITE_CREATE] = handle_site_create,
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
};
