/*
 * All sites together: kicks, the slow pass, Docker's events, and what is ours but nobody's. Called
 * by rpc.c, queue.c and main.c; one site's work is in site_work.c.
 */
#include "dialup-deployd/converge.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge_internal.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/queue.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/trash.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

enum { RECONNECT_S = 2, MAX_EVENT_BYTES = 1 << 20 };

struct settled_waiter {
    struct settled_waiter *next;
    struct converger *converger;
    enum quota_entity owner_kind;
    int64_t owner_id;
    struct event *timeout;
    converger_settled_fn *on_settled;
    void *context;
};

/* Sites -------------------------------------------------------------------------------------- */

static struct site_work *find_work(struct converger *converger, int64_t site_id)
{
    for (struct site_work *work = converger->works; work; work = work->next) {
        if (work->site_id == site_id) {
            return work;
        }
    }
    return NULL;
}

void converger_kick(struct converger *converger, int64_t site_id)
{
    struct site_work *work = find_work(converger, site_id);
    if (!work) {
        work = site_work_new(converger, site_id);
        work->next = converger->works;
        converger->works = work;
    }
    site_work_kick(work);
}

/* A site that waits for its retry has time until then. */
static void kick_unless_waiting(struct converger *converger, int64_t site_id)
{
    const struct site_work *work = find_work(converger, site_id);
    if (!work || !work->is_waiting) {
        converger_kick(converger, site_id);
    }
}

void converger_kick_owner(struct converger *converger, enum quota_entity owner_kind,
                          int64_t owner_id)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct sites_list list;
    if (sites_list_by_owner(converger->deployd->run->db, arena, owner_kind, owner_id, &list, NULL) <
        0) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        converger_kick(converger, list.rows[i].id);
    }
}

static void kick_all(struct converger *converger)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct sites_page all = {0};
    struct sites_list list;
    struct error err;
    if (sites_list(converger->deployd->run->db, arena, &all, &list, &err) < 0) {
        log_error("cannot read the sites: %s", err.message);
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        kick_unless_waiting(converger, list.rows[i].id);
    }
}

/* Settled ------------------------------------------------------------------------------------ */

static void waiter_end(struct settled_waiter *waiter)
{
    struct settled_waiter **link = &waiter->converger->waiters;
    while (*link != waiter) {
        link = &(*link)->next;
    }
    *link = waiter->next;
    waiter->on_settled(waiter->context);
    event_free(waiter->timeout);
    free(waiter);
}

static void on_waiter_timeout(evutil_socket_t fd, short events, void *context)
{
    waiter_end(context);
}

static bool is_owner_busy(const struct converger *converger, const struct settled_waiter *waiter)
{
    for (const struct site_work *work = converger->works; work; work = work->next) {
        if (work->is_busy && work->site.owner_kind == waiter->owner_kind &&
            work->site.owner_id == waiter->owner_id) {
            return true;
        }
    }
    return false;
}

void converger_site_settled(struct converger *converger)
{
    struct settled_waiter *next;
    for (struct settled_waiter *waiter = converger->waiters; waiter; waiter = next) {
        next = waiter->next;
        if (!is_owner_busy(converger, waiter)) {
            waiter_end(waiter);
        }
    }
}

void converger_when_settled(struct converger *converger, enum quota_entity owner_kind,
                            int64_t owner_id, int64_t timeout_ms, converger_settled_fn *on_settled,
                            void *context)
{
    struct settled_waiter *waiter = xcalloc(1, sizeof(*waiter));
    *waiter = (struct settled_waiter){
        .next = converger->waiters,
        .converger = converger,
        .owner_kind = owner_kind,
        .owner_id = owner_id,
        .on_settled = on_settled,
        .context = context,
    };
    converger->waiters = waiter;
    waiter->timeout = evtimer_new(converger->deployd->run->base, on_waiter_timeout, waiter);
    int64_t wait_ms = is_owner_busy(converger, waiter) ? timeout_ms : 0;
    struct timeval delay = {wait_ms / 1000, (wait_ms % 1000) * 1000};
    evtimer_add(waiter->timeout, &delay);
}

static void note_deleted(struct site_work *work)
{
    struct error err;
    struct deployd *deployd = work->converger->deployd;
    if (sites_set_deleted(deployd->run->db, work->site_id, clock_unix(), &err) < 0) {
        log_error("%s: cannot note that it was deleted: %s", work->site.domain, err.message);
        return;
    }
    trash_keep_site(deployd, work->site_id);
    log_info("%s was deleted; its files stay in the trash for 7 days", work->site.domain);
}

/* A release that was to become live when its site was stopped: its deployment ends, so that the
 * next one can begin. */
static void end_unfinished(struct site_work *work)
{
    struct deployd *deployd = work->converger->deployd;
    const struct site *site = &work->site;
    bool is_new = site->desired_deployment && site->desired_deployment != site->live_deployment;
    if (!is_new || deployment_state_is_final(work->wanted.state)) {
        return;
    }
    struct error stopped;
    error_set(&stopped, ERR_CONFLICT, "The site was stopped before this release was live");
    error_hint(&stopped, "Deploy it again: that starts the site, too");
    queue_finish(deployd->queue, site->desired_deployment, &stopped);
    sites_set_desired_deployment(deployd->run->db, site->id, site->live_deployment, clock_unix(),
                                 NULL);
}

void converger_settle_site(struct site_work *work)
{
    struct deployd *deployd = work->converger->deployd;
    struct db *db = deployd->run->db;
    enum site_state state = SITE_RUNNING;
    const char *reason = "";
    if (work->site.desired == SITE_WANT_DELETED) {
        note_deleted(work);
        state = SITE_DELETED;
    } else if (work->site.desired == SITE_WANT_STOPPED) {
        state = SITE_STOPPED;
        end_unfinished(work);
        admission_release_run(db, work->site_id, NULL);
    } else if (work->serve == PLAN_NO_RELEASE) {
        state = work->failure.code ? SITE_FAILED : SITE_NEW;
        reason = work->failure.message;
    }
    if (state != SITE_DELETED) {
        sites_set_state(db, work->site_id, state, reason, clock_unix(), NULL);
    }
    if (state != work->site.state) {
        deployd_tell_site(deployd, work->site_id, work->site.domain, site_state_name(state));
    }
}

void converger_prune_releases(struct site_work *work)
{
    struct deployd *deployd = work->converger->deployd;
    int64_t kept = config_integer(deployd->run->config, CONFIG_deployd_keep_releases);
    AUTO_ARENA struct arena *arena = arena_new();
    struct deployments_list list;
    if (deployments_list(deployd->run->db, arena, work->site_id, 0, 1000, &list, NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct deployment *row = &list.rows[i];
        AUTO_FREE char *path = deployd_release_path(deployd, work->site_id, row->id);
        bool is_served = row->id == release_id(&work->wanted);
        if (row->kind == DEPLOYMENT_ROLLBACK || !fs_exists(path) ||
            !deployment_state_is_final(row->state)) {
            continue;
        }
        kept--;
        if (kept < 0 && !is_served) {
            trash_move(deployd, path);
        }
    }
}

/* Docker ------------------------------------------------------------------------------------- */

void converger_note_docker(struct converger *converger, const struct error *err)
{
    if (!err) {
        converger->docker_seen_at = clock_unix();
        converger->docker_error[0] = '\0';
    } else if (err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT) {
        str_copy(converger->docker_error, sizeof(converger->docker_error), err->message);
    }
}

int64_t converger_docker_seen_at(const struct converger *converger)
{
    return converger->docker_seen_at;
}

const char *converger_docker_error(const struct converger *converger)
{
    return converger->docker_error;
}

static void on_orphan_removed(void *context, const struct error *err)
{
    if (err) {
        log_warning("cannot remove a container that belongs to nobody: %s", err->message);
    }
}

/* Containers with our label whose site is gone; sites are never deleted from the table, so one
 * that is not in it was never ours to keep. */
static void on_all_listed(void *context, const struct container *list, size_t count,
                          const struct error *err)
{
    struct converger *converger = context;
    struct deployd *deployd = converger->deployd;
    AUTO_ARENA struct arena *arena = arena_new();
    converger_note_docker(converger, err);
    for (size_t i = 0; !err && i < count; i++) {
        struct site site;
        struct error missing;
        int found = sites_find(deployd->run->db, arena, list[i].site_id, &site, &missing);
        bool is_orphan = found == -ERR_NOT_FOUND || (found == 0 && site.state == SITE_DELETED);
        if (is_orphan && str_equal(list[i].kind, "production")) {
            log_warning("container %.12s belongs to site %lld, which is gone: removing it",
                        list[i].id, (long long)list[i].site_id);
            container_remove(deployd->engine, list[i].id, 1, on_orphan_removed, NULL);
        }
    }
}

struct build_search {
    struct converger *converger;
    int64_t deployment_id;
};

static void on_builds_listed(void *context, const struct container *list, size_t count,
                             const struct error *err)
{
    struct build_search *search = context;
    for (size_t i = 0; !err && i < count; i++) {
        if (list[i].deployment_id == search->deployment_id && str_equal(list[i].kind, "build")) {
            container_remove(search->converger->deployd->engine, list[i].id, 0, on_orphan_removed,
                             NULL);
        }
    }
    free(search);
}

void converger_remove_builds(struct converger *converger, int64_t deployment_id)
{
    struct build_search *search = xcalloc(1, sizeof(*search));
    *search = (struct build_search){converger, deployment_id};
    container_list(converger->deployd->engine,
                   config_text(converger->deployd->run->config, CONFIG_common_instance), 0,
                   on_builds_listed, search);
}

/* Events are for looking early, never for knowing: a pass finds what they miss. */
static void take_event(struct converger *converger, const char *line, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value;
    if (json_parse(arena, line, size, &value, NULL) < 0) {
        return;
    }
    const struct json_value *actor = json_find(value, "Actor");
    const struct json_value *attributes = json_find(actor, "Attributes");
    int64_t site_id;
    if (!str_parse_i64(json_find_text(attributes, CONTAINER_LABEL_SITE, ""), 1, INT64_MAX,
                       &site_id)) {
        return;
    }
    struct site_work *work = find_work(converger, site_id);
    if (work) {
        site_action_container_died(work, json_find_text(actor, "ID", ""));
    }
}

static bool on_event_data(void *context, const char *data, size_t size)
{
    struct converger *converger = context;
    struct timeval now = {0, 0};
    strbuf_append(&converger->event_text, data, size);
    evtimer_add(converger->event_lines, &now);
    return converger->event_text.size < MAX_EVENT_BYTES;
}

static void on_event_lines(evutil_socket_t fd, short events, void *context)
{
    struct converger *converger = context;
    AUTO_STRBUF struct strbuf text = converger->event_text;
    converger->event_text = STRBUF_INIT;
    size_t at = 0;
    for (const char *end; (end = memchr(strbuf_text(&text) + at, '\n', text.size - at));) {
        size_t size = (size_t)(end - text.data) - at;
        take_event(converger, text.data + at, size);
        at += size + 1;
    }
    strbuf_append(&converger->event_text, strbuf_text(&text) + at, text.size - at);
}

static void on_events_end(void *context, int status, const char *body, size_t size,
                          const struct error *err)
{
    struct converger *converger = context;
    struct timeval delay = {RECONNECT_S, 0};
    converger->events = NULL;
    converger_note_docker(converger, err);
    evtimer_add(converger->reconnect, &delay);
}

static void follow_events(struct converger *converger)
{
    AUTO_STRBUF struct strbuf path = STRBUF_INIT;
    AUTO_FREE char *filter = xasprintf(
        "{\"type\":[\"container\"],\"event\":[\"die\"],\"label\":[\"" CONTAINER_LABEL_INSTANCE
        "=%s\"]}",
        config_text(converger->deployd->run->config, CONFIG_common_instance));
    strbuf_puts(&path, "/events?filters=");
    engine_escape(&path, filter);
    strbuf_clear(&converger->event_text);
    const struct engine_request request = {
        .method = "GET",
        .path = strbuf_text(&path),
        .on_data = on_event_data,
        .timeout_ms = -1,
        .on_done = on_events_end,
        .context = converger,
    };
    converger->events = engine_start(converger->deployd->engine, &request);
}

static void on_network(void *context, const struct error *err)
{
    struct converger *converger = context;
    converger_note_docker(converger, err);
    if (err) {
        log_warning("cannot make our network: %s", err->message);
        return;
    }
    deployd_close_bridges(converger->deployd);
    kick_all(converger);
}

/* Also after somebody pruned it: making one that is there costs a millisecond. */
static void ensure_networks(struct converger *converger)
{
    struct deployd *deployd = converger->deployd;
    const char *instance = config_text(deployd->run->config, CONFIG_common_instance);
    for (int i = DEPLOYD_PRODUCTION; i <= DEPLOYD_DEVELOPMENT; i++) {
        AUTO_FREE char *name = deployd_network_name(deployd, (enum deployd_network)i);
        AUTO_FREE char *bridge = deployd_bridge_name(deployd, (enum deployd_network)i);
        container_ensure_network(deployd->engine, instance, name, bridge, on_network, converger);
    }
}

static void pass(struct converger *converger)
{
    struct timeval interval = {
        config_integer(converger->deployd->run->config, CONFIG_deployd_converge_s), 0};
    ensure_networks(converger);
    container_list(converger->deployd->engine,
                   config_text(converger->deployd->run->config, CONFIG_common_instance), 0,
                   on_all_listed, converger);
    evtimer_add(converger->pass, &interval);
}

static void on_pass(evutil_socket_t fd, short events, void *context)
{
    pass(context);
}

/* The engine was away: what happened meanwhile was told to nobody. */
static void on_reconnect(evutil_socket_t fd, short events, void *context)
{
    follow_events(context);
    pass(context);
}

const struct running_container *converger_running(const struct converger *converger,
                                                  struct arena *arena, int64_t site_id,
                                                  size_t *ret_count)
{
    size_t count = 0;
    for (const struct site_work *work = converger->works; work; work = work->next) {
        count++;
    }
    struct running_container *list =
        arena_calloc(arena, count * SITE_WORK_CONTAINERS, sizeof(*list));
    count = 0;
    for (const struct site_work *work = converger->works; work; work = work->next) {
        for (size_t i = 0; i < SITE_WORK_CONTAINERS; i++) {
            const struct running_container *running = &work->known[i].running;
            if (running->pid > 0 && (site_id == 0 || work->site_id == site_id)) {
                list[count++] = *running;
            }
        }
    }
    *ret_count = count;
    return list;
}

struct converger *converger_new(struct deployd *deployd)
{
    struct converger *converger = xcalloc(1, sizeof(*converger));
    converger->deployd = deployd;
    converger->pass = evtimer_new(deployd->run->base, on_pass, converger);
    converger->reconnect = evtimer_new(deployd->run->base, on_reconnect, converger);
    converger->event_lines = evtimer_new(deployd->run->base, on_event_lines, converger);
    follow_events(converger);
    pass(converger);
    return converger;
}

void converger_free(struct converger *converger)
{
    if (!converger) {
        return;
    }
    while (converger->waiters) {
        waiter_end(converger->waiters);
    }
    while (converger->works) {
        struct site_work *work = converger->works;
        converger->works = work->next;
        site_work_free(work);
    }
    event_free(converger->pass);
    event_free(converger->reconnect);
    event_free(converger->event_lines);
    strbuf_fini(&converger->event_text);
    free(converger);
}
