/*
 * Sites: made, changed, started, stopped, deleted. Handlers of
 * proto/deployd.openrpc.json; the table of them is in rpc.c.
 */
#include "dialup-deployd/rpc.h"

#include <string.h>
#include <sys/un.h>

#include "dialup-deployd/adjust.h"
#include "dialup-deployd/admission.h"
#include "dialup-deployd/change.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/handover.h"
#include "dialup-deployd/owner_limits.h"
#include "dialup-deployd/queue/queue.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/sleep/waker.h"
#include "dialup-deployd/withdraw.h"
#include "libdialup/base/clock.h"
#include "libdialup/site/domain.h"
#include "libdialup/site/site_type.h"
#include "libdialup/site/strategy.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/teams.h"
#include "libdialup/store/users.h"
#include "libdialup/view/view.h"
#include "proto/deployd_rpc.h"

enum { SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 };
enum { RELATIVES_MAX = 1000 };

/* It may have slept. */
static void wake_site(struct change *change)
{
    converger_wake(change->deployd->converger, change->site_id);
}

static void kick_site(struct change *change)
{
    converger_kick(change->deployd->converger, change->site_id);
}

/* site_create -------------------------------------------------------------------------------- */

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

static bool is_of(const struct site *site, enum quota_entity owner_kind, int64_t owner_id)
{
    return site->owner_kind == owner_kind && site->owner_id == owner_id;
}

static int refuse_relative(const char *name, const char *where, const struct site *site,
                           struct error *err)
{
    error_set_field(err, ERR_CONFLICT, "domain", "%s is %s %s, which is somebody else's", name,
                    where, site->domain);
    error_hint(err, "Choose a name that has no part of theirs");
    return -ERR_CONFLICT;
}

/* The sites whose names end in this one's. */
static int check_beneath(struct db *db, struct arena *arena, const struct domain *domain,
                         enum quota_entity owner_kind, int64_t owner_id, struct error *err)
{
    const char *end = arena_printf(arena, ".%s", domain->name);
    const struct sites_page page = {0, RELATIVES_MAX, end};
    struct sites_list list;
    int result = sites_list(db, arena, &page, &list, err);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        const struct site *site = &list.rows[i];
        if (str_ends_with(site->domain, end) && !is_of(site, owner_kind, owner_id)) {
            result = refuse_relative(domain->name, "above", site, err);
        }
    }
    return result;
}

/* A site may set cookies for a name above it, and those go to all beneath. Below the server's own
 * name every name leads here; for other domains, who has them says which do. */
static int check_relatives(struct db *db, struct arena *arena, const struct domain *domain,
                           const char *suffix, enum quota_entity owner_kind, int64_t owner_id,
                           struct error *err)
{
    const char *end = arena_printf(arena, ".%s", suffix);
    int result = 0;
    if (!str_ends_with(domain->name, end)) {
        return 0;
    }
    const char *name = strchr(domain->name, '.') + 1;
    for (; result == 0 && str_ends_with(name, end); name = strchr(name, '.') + 1) {
        struct site site;
        result = sites_find_by_domain(db, arena, name, &site, err);
        if (result == 0 && !is_of(&site, owner_kind, owner_id)) {
            return refuse_relative(domain->name, "beneath", &site, err);
        }
        result = result == -ERR_NOT_FOUND ? 0 : result;
    }
    return check_beneath(db, arena, domain, owner_kind, owner_id, err);
}

/* Somebody else's site with a name that people could take for this one. */
static int check_look_alikes(struct db *db, struct arena *arena, const struct domain *domain,
                             enum quota_entity owner_kind, int64_t owner_id, struct error *err)
{
    char look[DOMAIN_NAME_SIZE];
    struct sites_list list;
    domain_skeleton(domain, look);
    int result = sites_list_by_look(db, arena, look, &list, err);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        const struct site *site = &list.rows[i];
        if (!is_of(site, owner_kind, owner_id) && !str_equal(site->domain, domain->name)) {
            result = error_set_field(err, ERR_CONFLICT, "domain",
                                     "%s looks too much like %s, which is somebody else's",
                                     domain->name, site->domain);
            error_hint(err, "Choose a name that nobody can take for theirs");
        }
    }
    return result;
}

static int check_person(struct db *db, struct arena *arena, int64_t user_id, struct error *err)
{
    struct user user;
    int result = users_find(db, arena, user_id, &user, err);
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

/* Which of its members may make a team's site is admind's to say: it knows who asks. Here the team
 * has to be there, in the transaction in which it cannot be deleted. */
static int check_may_create(struct db *db, struct arena *arena, enum quota_entity owner_kind,
                            int64_t owner_id, struct error *err)
{
    struct team team;
    return owner_kind == QUOTA_TEAM ? teams_find(db, arena, owner_id, &team, err)
                                    : check_person(db, arena, owner_id, err);
}

static int describe_site(const struct deployd_site_create_params *params, struct site *ret_site,
                         struct error *err)
{
    const struct site_type *type;
    const struct site_strategy *strategy;
    int result = site_type_parse(params->type ? params->type : "auto", &type, err);
    if (result == 0) {
        result = site_strategy_parse(params->strategy ? params->strategy : SITE_STRATEGY_DEFAULT,
                                     &strategy, err);
    }
    if (result != 0) {
        return result;
    }
    bool needs_container = type->served == SITE_SERVED_CONTAINER;
    *ret_site = (struct site){
        .owner_kind = rpc_owner_kind(params->owner_kind),
        .owner_id = params->owner_id,
        .type = type->name,
        .strategy = strategy->name,
        .idle_minutes = params->idle_minutes,
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
    if (result != 0 ||
        (result = domain_parse_site(params->domain, &rules, &domain, NULL, err)) < 0 ||
        (result = check_may_create(db, arena, site.owner_kind, site.owner_id, err)) < 0 ||
        (result = check_look_alikes(db, arena, &domain, site.owner_kind, site.owner_id, err)) < 0 ||
        (result = check_relatives(db, arena, &domain, rules.suffix, site.owner_kind, site.owner_id,
                                  err)) < 0) {
        return result;
    }
    site.domain = domain.name;
    struct admission admission = admission_for(change->deployd, site.owner_kind, site.owner_id);
    if ((result = admission_check_new(&admission, arena, &site, "Cannot deploy", err)) < 0 ||
        (result = sites_create(db, &site, now, &change->site_id, err)) < 0) {
        return result;
    }
    site.id = change->site_id;
    if ((result = admission_note_site(db, &site, now, err)) < 0 ||
        (result = sites_find(db, arena, change->site_id, &site, err)) < 0) {
        return result;
    }
    *(struct deployd_site *)change->result = view_site(&site);
    return 0;
}

/* It may be the first one of its owner. */
static void after_create(struct change *change)
{
    const struct deployd_site_create_params *params = change->params;
    owner_limits_tell(change->deployd->owner_limits, rpc_owner_kind(params->owner_kind),
                      params->owner_id);
    kick_site(change);
}

static const struct change_kind site_create = {work_site_create, after_create};

int handle_site_create(void *context, struct ipc_request *request, const void *params, void *result,
                       struct error *err)
{
    const struct deployd_site_create_params *wanted = params;
    return change_start(rpc_deployd(context), request, params, wanted->idempotency_key,
                        &site_create);
}

/* site_update, site_set_desired, site_restart, site_delete ------------------------------------ */

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

static int read_adjustment(const struct deployd_site_update_params *params,
                           struct adjustment *ret_adjustment, struct error *err)
{
    *ret_adjustment = (struct adjustment){
        .has_idle_minutes = params->has_idle_minutes,
        .idle_minutes = params->idle_minutes,
        .memory_mib = params->has_memory_mib ? params->memory_mib : 0,
        .cpu_millicores = params->has_cpu_millicores ? params->cpu_millicores : 0,
    };
    return params->strategy ? site_strategy_parse(params->strategy, &ret_adjustment->strategy, err)
                            : 0;
}

static int work_update(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_site_update_params *params = change->params;
    struct adjustment adjustment;
    struct site site;
    change->site_id = params->site_id;
    int result = read_adjustment(params, &adjustment, err);
    if (result == 0) {
        result = rpc_find_site(db, change->arena, params->site_id, &site, err);
    }
    if (result == 0) {
        struct admission admission = admission_for(change->deployd, site.owner_kind, site.owner_id);
        result = adjust_site(&admission, change->arena, &site, &adjustment, clock_unix(),
                             &change->wakes_site, err);
    }
    return result < 0 ? result : answer_site(change, db, err);
}

static void after_update(struct change *change)
{
    if (change->wakes_site) {
        wake_site(change);
    } else {
        kick_site(change);
    }
}

/* One that may not sleep any more wakes: others give way to it as for a visitor. */
static bool on_update_refused(struct change *change, const struct error *err)
{
    enum { TRIES = 4 };
    const struct deployd_site_update_params *params = change->params;
    struct deployd *deployd = change->deployd;
    const struct site_strategy *strategy =
        params->strategy ? site_strategy_find(params->strategy) : NULL;
    struct site site;
    if (err->code != ERR_QUOTA_EXCEEDED || !strategy || strategy->may_sleep ||
        change->times_refused++ == TRIES ||
        sites_find(deployd->run->db, change->arena, change->site_id, &site, NULL) < 0) {
        return false;
    }
    return site.desired == SITE_WANT_RUNNING && site.sleep == SITE_ASLEEP &&
           waker_make_room(deployd->waker, &site, change_again, change);
}

static const struct change_kind site_update = {work_update, after_update, on_update_refused};

int handle_site_update(void *context, struct ipc_request *request, const void *params, void *result,
                       struct error *err)
{
    const struct deployd_site_update_params *wanted = params;
    return change_start(rpc_deployd(context), request, params, wanted->idempotency_key,
                        &site_update);
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
        result =
            handover_reserve(&admission, change->arena, site, "Cannot start", clock_unix(), err);
    }
    if (result == 0) {
        result = sites_set_sleep(db, site->id, SITE_AWAKE, clock_unix(), err);
    }
    if (result == 0 && site->state == SITE_FAILED) {
        result = sites_restart(db, site->id, clock_unix(), err); /* with all its attempts again */
    }
    return result < 0 ? result
                      : sites_set_desired(db, site->id, SITE_WANT_RUNNING, clock_unix(), err);
}

/* Why what was on its way to a site comes to nothing. */
static struct error withdrawal(bool is_deleted)
{
    struct error reason;
    error_set(&reason, ERR_CONFLICT, "The site was %s before this release was live",
              is_deleted ? "deleted" : "stopped");
    error_hint(&reason, "Deploy it again: that %s the site, too", is_deleted ? "makes" : "starts");
    return reason;
}

/* In the transaction in which nobody wants the site any more: so no deployment starts it again,
 * whatever happens next. */
static int want_down(struct change *change, struct db *db, const struct site *site,
                     enum site_desired desired, struct error *err)
{
    const struct error reason = withdrawal(desired == SITE_WANT_DELETED);
    int result =
        withdraw_all(db, change->arena, site, &reason, clock_unix(), &change->withdrawn, err);
    return result < 0 ? result : sites_set_desired(db, site->id, desired, clock_unix(), err);
}

static void after_down(struct change *change, bool is_deleted)
{
    const struct error reason = withdrawal(is_deleted);
    queue_stop_builds(change->deployd->queue, change->site_id);
    for (size_t i = 0; i < change->withdrawn.count; i++) {
        release_tell_end(change->deployd, &change->withdrawn.rows[i], &reason);
    }
    kick_site(change);
}

static int work_set_desired(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_site_set_desired_params *params = change->params;
    struct site site;
    change->site_id = params->site_id;
    int result = rpc_find_site(db, change->arena, params->site_id, &site, err);
    if (result == 0) {
        result = str_equal(params->desired, "running")
                     ? want_running(change, db, &site, err)
                     : want_down(change, db, &site, SITE_WANT_STOPPED, err);
    }
    return result < 0 ? result : answer_site(change, db, err);
}

static void after_set_desired(struct change *change)
{
    const struct deployd_site_set_desired_params *params = change->params;
    if (str_equal(params->desired, "stopped")) {
        after_down(change, false);
    } else {
        wake_site(change);
    }
}

static const struct change_kind site_set_desired = {work_set_desired, after_set_desired};

int handle_site_set_desired(void *context, struct ipc_request *request, const void *params,
                            void *result, struct error *err)
{
    const struct deployd_site_set_desired_params *wanted = params;
    return change_start(rpc_deployd(context), request, params, wanted->idempotency_key,
                        &site_set_desired);
}

static int work_restart(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_site_restart_params *params = change->params;
    struct site site;
    change->site_id = params->site_id;
    int result = rpc_find_site(db, change->arena, params->site_id, &site, err);
    if (result == 0) {
        result = want_running(change, db, &site, err);
    }
    if (result == 0) {
        result = sites_restart(db, site.id, clock_unix(), err);
    }
    return result < 0 ? result : answer_site(change, db, err);
}

static const struct change_kind site_restart = {work_restart, wake_site};

int handle_site_restart(void *context, struct ipc_request *request, const void *params,
                        void *result, struct error *err)
{
    const struct deployd_site_restart_params *wanted = params;
    return change_start(rpc_deployd(context), request, params, wanted->idempotency_key,
                        &site_restart);
}

static int work_delete(struct change *change, struct db *db, struct error *err)
{
    const struct deployd_site_delete_params *params = change->params;
    struct site site;
    change->site_id = params->site_id;
    int result = rpc_find_site(db, change->arena, params->site_id, &site, err);
    if (result == 0) {
        result = want_down(change, db, &site, SITE_WANT_DELETED, err);
    }
    if (result == 0) {
        result = reservations_release_site(db, site.id, err);
    }
    return result < 0 ? result : answer_site(change, db, err);
}

static void after_delete(struct change *change)
{
    after_down(change, true);
}

static const struct change_kind site_delete = {work_delete, after_delete};

int handle_site_delete(void *context, struct ipc_request *request, const void *params, void *result,
                       struct error *err)
{
    const struct deployd_site_delete_params *wanted = params;
    return change_start(rpc_deployd(context), request, params, wanted->idempotency_key,
                        &site_delete);
}
