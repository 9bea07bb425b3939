/*
 * See the header. One site's loop is in site_loop.c, Docker's events in docker_watch.c, what is
 * ours but nobody's in orphans.c.
 */
#include "dialup-deployd/converge/converge.h"

#include <event2/event.h>

#include "dialup-deployd/bridges.h"
#include "dialup-deployd/converge/docker_watch.h"
#include "dialup-deployd/converge/orphans.h"
#include "dialup-deployd/converge/readback.h"
#include "dialup-deployd/converge/site_loop.h"
#include "dialup-deployd/deployd.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum { CATCH_UP_MS = 30000 }; /* one site that starts slowly keeps nobody longer */

struct settled_waiter {
    struct settled_waiter *next;
    struct converger *converger;
    enum quota_entity owner_kind;
    int64_t owner_id;
    struct event *timeout;
    converger_settled_fn *on_settled;
    void *context;
};

struct converger {
    struct deployd *deployd;
    struct site_work *works;
    struct settled_waiter *waiters;
    struct event *pass; /* the slow look at everything */
    int64_t started_ms; /* monotonic */
    bool has_begun;     /* every site was kicked once */
    bool is_caught_up;  /* and came to rest once */
    struct docker_watch *docker;
    int networks_missing; /* of this pass */
    bool has_networks;    /* they were all there once */
    char network_problem[256];
};

static void on_site_settled(void *context);
static void on_docker(void *context, const struct error *err);

/* Sites -------------------------------------------------------------------------------------- */

static struct site_work *find_work(const struct converger *converger, int64_t site_id)
{
    for (struct site_work *work = converger->works; work; work = work->next) {
        if (work->site_id == site_id) {
            return work;
        }
    }
    return NULL;
}

/* The memory that is lent to sites whose old and new release run at once is bounded: it comes out
 * of what is never promised. */
static bool may_overlap(void *context, const struct site_work *asking)
{
    const struct converger *converger = context;
    int64_t lent_mib = asking->effective_memory_mib;
    for (const struct site_work *work = converger->works; work; work = work->next) {
        lent_mib += work->overlap_mib;
    }
    int64_t percent = config_integer(converger->deployd->run->config, CONFIG_deployd_surge_percent);
    return lent_mib * 100 <= converger->deployd->machine.memory_mib * percent;
}

static struct site_work *get_work(struct converger *converger, int64_t site_id)
{
    struct site_work *work = find_work(converger, site_id);
    if (!work) {
        const struct site_work_hooks hooks = {on_site_settled, on_docker, may_overlap, converger};
        work = site_loop_new(converger->deployd, site_id, &hooks);
        work->next = converger->works;
        converger->works = work;
    }
    return work;
}

/* Before our networks are there nothing could be started; then all sites are looked at anyway. */
void converger_kick(struct converger *converger, int64_t site_id)
{
    if (converger->has_networks) {
        site_loop_kick(get_work(converger, site_id));
    }
}

void converger_wake(struct converger *converger, int64_t site_id)
{
    site_loop_wake(get_work(converger, site_id));
}

int64_t converger_led_since_ms(const struct converger *converger, int64_t site_id)
{
    const struct site_work *work = find_work(converger, site_id);
    return work && work->route.kind == PLAN_ROUTE_CONTAINER ? work->route.since_ms : 0;
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
    struct db *db = converger->deployd->run->db;
    struct sites_list list;
    int result = owner_kind == QUOTA_SYSTEM
                     ? sites_list(db, arena, &(struct sites_page){0}, &list, NULL)
                     : sites_list_by_owner(db, arena, owner_kind, owner_id, &list, NULL);
    if (result < 0) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        struct site_work *work = find_work(converger, list.rows[i].id);
        if (work) {
            readback_look(work);
        }
        converger_kick(converger, list.rows[i].id);
    }
}

/* For health: after a start, visitors are led where they should be once every site came to rest. */
static void note_rest(struct converger *converger)
{
    bool is_busy = false;
    for (const struct site_work *work = converger->works; work; work = work->next) {
        is_busy = is_busy || work->is_busy;
    }
    converger->is_caught_up = converger->is_caught_up || (converger->has_begun && !is_busy);
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
    converger->has_begun = true;
    on_site_settled(converger);
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

/* What nobody has looked at yet is not settled. */
static bool is_owner_busy(const struct converger *converger, const struct settled_waiter *waiter)
{
    if (!converger->has_begun) {
        return true;
    }
    for (const struct site_work *work = converger->works; work; work = work->next) {
        bool is_theirs =
            waiter->owner_kind == QUOTA_SYSTEM || (work->site.owner_kind == waiter->owner_kind &&
                                                   work->site.owner_id == waiter->owner_id);
        if (work->is_busy && is_theirs) {
            return true;
        }
    }
    return false;
}

static void on_site_settled(void *context)
{
    struct converger *converger = context;
    struct settled_waiter *next;
    note_rest(converger);
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
    struct timeval delay = clock_timeval_of_ms(wait_ms);
    evtimer_add(waiter->timeout, &delay);
}

/* Docker ------------------------------------------------------------------------------------- */

static void on_docker(void *context, const struct error *err)
{
    const struct converger *converger = context;
    docker_watch_note(converger->docker, err);
}

static void on_container_died(void *context, int64_t site_id, const char *id)
{
    struct site_work *work = find_work(context, site_id);
    if (work) {
        site_loop_container_died(work, id);
    }
}

static void on_container_paused(void *context, int64_t site_id)
{
    kick_unless_waiting(context, site_id);
}

/* What goes on for long is told once. */
static void note_network_problem(struct converger *converger, const struct error *err)
{
    char before[sizeof(converger->network_problem)];
    str_copy(before, sizeof(before), converger->network_problem);
    str_copy(converger->network_problem, sizeof(before), err->message);
    if (!str_equal(before, converger->network_problem)) {
        log_warning("cannot make our networks: %s", err->message);
    }
}

static void on_network(void *context, const struct error *err)
{
    struct converger *converger = context;
    if (err) {
        note_network_problem(converger, err);
        return;
    }
    docker_watch_note(converger->docker, NULL);
    converger->networks_missing--;
    if (converger->networks_missing == 0) {
        converger->network_problem[0] = '\0';
        converger->has_networks = true;
        bridges_close(converger->deployd->bridges);
        kick_all(converger);
    }
}

/* Also after somebody pruned it: making one that is there costs a millisecond. */
static void ensure_networks(struct converger *converger)
{
    struct deployd *deployd = converger->deployd;
    const char *instance = config_text(deployd->run->config, CONFIG_common_instance);
    converger->networks_missing = DEPLOYD_DEVELOPMENT + 1;
    for (int i = DEPLOYD_PRODUCTION; i <= DEPLOYD_DEVELOPMENT; i++) {
        AUTO_FREE char *name = deployd_network_name(deployd, (enum deployd_network)i);
        AUTO_FREE char *bridge = deployd_bridge_name(deployd, (enum deployd_network)i);
        container_ensure_network(deployd->engine, instance, name, bridge, on_network, converger);
    }
}

static void pass(void *context)
{
    struct converger *converger = context;
    struct timeval interval = {
        config_integer(converger->deployd->run->config, CONFIG_deployd_converge_s), 0};
    ensure_networks(converger);
    orphans_remove(converger->deployd);
    evtimer_add(converger->pass, &interval);
}

static void on_pass(evutil_socket_t fd, short events, void *context)
{
    pass(context);
}

/* For others --------------------------------------------------------------------------------- */

const struct running_container *converger_running(const struct converger *converger,
                                                  struct arena *arena, int64_t site_id,
                                                  size_t *ret_count)
{
    size_t count = 0;
    for (const struct site_work *work = converger->works; work; work = work->next) {
        count++;
    }
    struct running_container *list = arena_calloc(arena, count * INSTANCES_MAX, sizeof(*list));
    count = 0;
    for (const struct site_work *work = converger->works; work; work = work->next) {
        for (size_t i = 0; i < INSTANCES_MAX; i++) {
            const struct running_container *running = &work->instances.known[i].running;
            if (running->pid > 0 && (site_id == 0 || work->site_id == site_id)) {
                list[count] = *running;
                list[count].site_id = work->site_id;
                list[count].owner_kind = work->site.owner_kind;
                list[count++].owner_id = work->site.owner_id;
            }
        }
    }
    *ret_count = count;
    return list;
}

bool converger_evict(struct converger *converger, int64_t site_id, const char *container_id,
                     const struct error *why)
{
    struct site_work *work = find_work(converger, site_id);
    return work && site_loop_evict(work, container_id, why);
}

const char *converger_log_source(const struct converger *converger, int64_t site_id)
{
    const struct site_work *work = find_work(converger, site_id);
    const char *id = NULL;
    for (size_t i = 0; work && i < INSTANCES_MAX; i++) {
        const struct running_container *known = &work->instances.known[i].running;
        if (*known->id && (known->is_routed || !id)) {
            id = known->id;
        }
    }
    return id;
}

const char *converger_network_error(const struct converger *converger)
{
    return converger->network_problem;
}

int64_t converger_docker_seen_ms(const struct converger *converger)
{
    return docker_watch_seen_ms(converger->docker);
}

const char *converger_docker_error(const struct converger *converger)
{
    return docker_watch_error(converger->docker);
}

const char *converger_docker_folder(const struct converger *converger)
{
    return docker_watch_folder(converger->docker);
}

bool converger_is_caught_up(const struct converger *converger)
{
    return converger->is_caught_up || clock_monotonic_ms() - converger->started_ms > CATCH_UP_MS;
}

/* Life --------------------------------------------------------------------------------------- */

struct converger *converger_new(struct deployd *deployd)
{
    struct converger *converger = xcalloc(1, sizeof(*converger));
    const struct docker_watch_hooks hooks = {on_container_died, on_container_paused, pass,
                                             converger};
    converger->deployd = deployd;
    converger->started_ms = clock_monotonic_ms();
    converger->pass = evtimer_new(deployd->run->base, on_pass, converger);
    converger->docker =
        docker_watch_new(deployd->run->base, deployd->engine,
                         config_text(deployd->run->config, CONFIG_common_instance), &hooks);
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
        site_loop_free(work);
    }
    event_free(converger->pass);
    docker_watch_free(converger->docker);
    free(converger);
}
