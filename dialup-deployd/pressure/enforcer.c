/*
 * See the header. Called by its own clock, and by rpc_enforce.c.
 */
#include "dialup-deployd/pressure/enforcer.h"

#include <event2/event.h>
#include <stdlib.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/owner_limits.h"
#include "dialup-deployd/pressure/hold.h"
#include "dialup-deployd/pressure/relief.h"
#include "dialup-deployd/sleep/sleeper.h"
#include "dialup-deployd/sleep/waker.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/site/strategy.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/runtime.h"

/* Hours of a day may be asked for a year later; what was done about it, a quarter. */
enum { KEEP_DAYS = 400, KEEP_S = 90 * RUNTIME_DAY_S };

struct enforcer {
    struct deployd *deployd;
    struct event *timer;
    int64_t looked_at_ms; /* monotonic */
};

/* One owner, under the enforcer's hands. */
struct owner_work {
    struct deployd *deployd;
    struct arena *arena;
    enum quota_entity kind;
    int64_t id;
    const struct site *sites;
    size_t count;
    struct admission_levels levels;
    int64_t took_s; /* since the look before; 0 on demand */
    bool is_asked;  /* on demand */
    bool is_dry;
    struct enforced_list *list;
};

static void add_row(const struct owner_work *work, const char *step, const struct site *site,
                    const char *reason, bool is_done)
{
    struct enforced_list *list = work->list;
    if (list->count < ENFORCED_MAX) {
        list->rows[list->count++] = (struct enforced){
            .step = step,
            .owner_kind = work->kind,
            .owner_id = work->id,
            .site = site ? site->domain : NULL,
            .reason = arena_strdup(work->arena, reason),
            .done = is_done,
        };
    }
}

/* Steps -----------------------------------------------------------------------------------------*/

static void hold(const struct owner_work *work, const struct site *site, enum site_hold why,
                 const char *reason)
{
    struct deployd *deployd = work->deployd;
    struct error err;
    bool is_done =
        !work->is_dry && hold_site(deployd, site, why, site->memory_mib, reason, &err) == 0;
    if (is_done) {
        converger_kick(deployd->converger, site->id);
    } else if (!work->is_dry) {
        log_error("%s cannot be held: %s", site->domain, err.message);
    }
    add_row(work, "stop_site", site, reason, is_done);
}

static void put_to_sleep(const struct owner_work *work, const struct site *site, const char *reason)
{
    const struct enforcement row = {
        .at = clock_unix(),
        .cause = ENFORCED_BY_LIMITS,
        .step = "put_to_sleep",
        .owner_kind = site->owner_kind,
        .owner_id = site->owner_id,
        .site_id = site->id,
        .memory_mib = site->memory_mib,
        .reason = reason,
        .ended_at = clock_unix(),
    };
    struct error err;
    bool is_done =
        !work->is_dry && sleeper_put(work->deployd->sleeper, site, SITE_ASLEEP, reason, &err) == 0;
    if (is_done) {
        enforcements_add(work->deployd->run->db, &row, NULL);
    } else if (!work->is_dry) {
        log_error("%s cannot go to sleep: %s", site->domain, err.message);
    }
    add_row(work, "put_to_sleep", site, reason, is_done);
}

static void let_run(const struct owner_work *work, const struct site *site, const char *reason)
{
    struct deployd *deployd = work->deployd;
    struct error err;
    bool is_done = !work->is_dry && hold_free(deployd, site, &err) == 0;
    if (is_done) {
        waker_let_go_on(deployd->waker, site);
    } else if (!work->is_dry) {
        log_error("%s cannot run again: %s", site->domain, err.message);
    }
    add_row(work, "start_site", site, reason, is_done);
}

/* Hours of a day --------------------------------------------------------------------------------*/

static bool is_awake(const struct site *site)
{
    return site_is_free_to_run(site) && site->sleep == SITE_AWAKE;
}

/* One second of any of an owner's sites is one second of the owner's. */
static int count_hours(const struct owner_work *work, int64_t now, struct error *err)
{
    struct db *db = work->deployd->run->db;
    bool is_any_awake = false;
    for (size_t i = 0; i < work->count; i++) {
        is_any_awake = is_any_awake || is_awake(&work->sites[i]);
    }
    if (!is_any_awake || work->took_s <= 0) {
        return 0;
    }
    int64_t today_s = relief_today_s(now, work->took_s);
    int result = 0;
    if (today_s > 0) {
        result = runtime_add(db, work->kind, work->id, runtime_day(now), today_s, err);
    }
    if (result == 0 && today_s < work->took_s) {
        result = runtime_add(db, work->kind, work->id, runtime_day(now) - 1, work->took_s - today_s,
                             err);
    }
    return result;
}

static void warn(const struct owner_work *work, int64_t hours)
{
    struct error err;
    int64_t now = clock_unix();
    const struct enforcement row = {
        .at = now,
        .cause = ENFORCED_BY_RUNTIME,
        .step = "warn",
        .owner_kind = work->kind,
        .owner_id = work->id,
        .reason = arena_printf(work->arena,
                               "most of today's %lld hours are used; then the sites rest until "
                               "midnight (UTC)",
                               (long long)hours),
        .ended_at = now,
    };
    if (enforcements_add(work->deployd->run->db, &row, &err) < 0) {
        log_error("a warning is not written down: %s", err.message);
    }
}

static int enforce_hours(const struct owner_work *work, struct error *err)
{
    struct db *db = work->deployd->run->db;
    const struct quota_level *level = &work->levels.levels[0];
    const struct quota_limit *limit = &level->limits[QUOTA_RUNTIME_HOURS];
    int64_t hours = quota_level_limit(level, QUOTA_RUNTIME_HOURS).hard;
    int64_t now = clock_unix();
    int64_t before_s;
    int64_t awake_s;
    int result = runtime_read(db, work->kind, work->id, runtime_day(now), &before_s, err);
    if (result < 0 || (result = count_hours(work, now, err)) < 0 ||
        (result = runtime_read(db, work->kind, work->id, runtime_day(now), &awake_s, err)) < 0) {
        return result;
    }
    enum relief_hours stands = relief_hours(limit, hours, awake_s);
    /* What crosses the line at this look: so once a day, whoever restarts in between. */
    if (stands == RELIEF_HOURS_SOFT && relief_hours(limit, hours, before_s) == RELIEF_HOURS_FINE) {
        warn(work, hours);
    }
    for (size_t i = 0; i < work->count; i++) {
        const struct site *site = &work->sites[i];
        if (stands == RELIEF_HOURS_SPENT && site_has_live_containers(site) &&
            site->hold == SITE_FREE) {
            hold(
                work, site, SITE_HELD_BY_RUNTIME,
                arena_printf(work->arena, "its %lld hours of today are used up", (long long)hours));
        } else if (stands != RELIEF_HOURS_SPENT && site->hold == SITE_HELD_BY_RUNTIME) {
            let_run(work, site, "there are hours left today");
        }
    }
    return 0;
}

/* Limits ----------------------------------------------------------------------------------------*/

/* Its sites that have something to give back; ret_sites: of which rows. */
static size_t describe_sites(const struct owner_work *work, struct relief_site *ret_reliefs,
                             const struct site **ret_sites)
{
    size_t idle_count;
    size_t used = 0;
    const struct idle_site *all = sleeper_sites(work->deployd->sleeper, work->arena, &idle_count);
    for (size_t i = 0; i < work->count; i++) {
        const struct site *site = &work->sites[i];
        if (!site_has_live_containers(site) || site->hold != SITE_FREE ||
            site->sleep == SITE_ASLEEP) {
            continue;
        }
        const struct idle_site *idle = idle_find(all, idle_count, site->id);
        ret_sites[used] = site;
        ret_reliefs[used++] = (struct relief_site){
            .id = site->id,
            .may_sleep = site_strategy_find(site->strategy)->may_sleep,
            .is_idle = idle_is_unused(site, idle),
            .idle_s = idle ? idle->idle_ms / 1000 : 0,
            .age_s = clock_unix() - site->created_at,
            .held = admission_for_running(site),
        };
    }
    return used;
}

static size_t take_back(const struct owner_work *work)
{
    const struct relief_rules rules = {.lends = relief_lends(&work->levels.levels[1]),
                                       .lent_only = !work->is_asked};
    struct relief_site *reliefs = arena_calloc(work->arena, work->count, sizeof(*reliefs));
    const struct site **sites = arena_calloc(work->arena, work->count, sizeof(struct site *));
    struct relief_step *steps = arena_calloc(work->arena, work->count, sizeof(*steps));
    size_t count = describe_sites(work, reliefs, sites);
    count = relief_plan(&work->levels.levels[0], &rules, reliefs, count, steps);
    for (size_t i = 0; i < count; i++) {
        const struct site *site = sites[steps[i].site];
        if (steps[i].sleeps) {
            put_to_sleep(work, site, steps[i].reason);
        } else {
            hold(work, site, SITE_HELD_BY_LIMITS, steps[i].reason);
        }
    }
    return count;
}

/* One at a time: what it reserves counts at the next look. */
static void give_again(const struct owner_work *work)
{
    for (size_t i = 0; i < work->count; i++) {
        const struct site *site = &work->sites[i];
        if (site->hold != SITE_HELD_BY_LIMITS) {
            continue;
        }
        const struct quota_amounts request = admission_for_running(site);
        struct quota_verdict verdict;
        quota_admit(work->levels.levels, work->levels.count, &request, &verdict);
        if (verdict.allowed) {
            let_run(work, site, "there is room for it again");
            return;
        }
    }
}

/* Owners ----------------------------------------------------------------------------------------*/

/* What limits_apply does, for whoever has sites. */
static void apply_limits(const struct owner_work *work)
{
    if (!work->is_dry) {
        owner_limits_tell(work->deployd->owner_limits, work->kind, work->id);
        converger_kick_owner(work->deployd->converger, work->kind, work->id);
    }
    add_row(work, "apply_limits", NULL,
            arena_printf(work->arena, "the limits of %s are put in force again, for %zu %s",
                         work->levels.levels[0].name, work->count,
                         work->count == 1 ? "site" : "sites"),
            !work->is_dry);
}

static int enforce_owner(struct owner_work *work, struct error *err)
{
    struct admission admission = admission_for(work->deployd, work->kind, work->id);
    int result = admission_read_levels(&admission, work->arena, &work->levels, err);
    if (result == 0 && work->is_asked) {
        apply_limits(work);
    }
    if (result == 0) {
        result = enforce_hours(work, err);
    }
    if (result == 0 && take_back(work) == 0) {
        give_again(work);
    }
    return result == -ERR_NOT_FOUND ? 0 : result; /* an owner who was deleted has nothing left */
}

static int by_owner(const void *a_, const void *b_)
{
    const struct site *a = a_;
    const struct site *b = b_;
    if (a->owner_kind != b->owner_kind) {
        return a->owner_kind < b->owner_kind ? -1 : 1;
    }
    if (a->owner_id != b->owner_id) {
        return a->owner_id < b->owner_id ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Each owner's sites, together; base says how. An owner who cannot be judged now keeps no other
 * from it; the first failure is told. */
static int enforce_all(const struct owner_work *base, struct error *err)
{
    struct sites_list list = {0};
    struct db *db = base->deployd->run->db;
    int result = base->kind == QUOTA_SYSTEM
                     ? sites_list(db, base->arena, &(struct sites_page){0}, &list, err)
                     : sites_list_by_owner(db, base->arena, base->kind, base->id, &list, err);
    if (result == 0 && list.count > 0) {
        qsort(list.rows, list.count, sizeof(*list.rows), by_owner);
    }
    for (size_t i = 0; i < list.count;) {
        struct error own;
        struct owner_work work = *base;
        work.kind = list.rows[i].owner_kind;
        work.id = list.rows[i].owner_id;
        work.sites = &list.rows[i];
        while (i < list.count && list.rows[i].owner_kind == work.kind &&
               list.rows[i].owner_id == work.id) {
            work.count++;
            i++;
        }
        if (enforce_owner(&work, &own) < 0 && result == 0) {
            result = error_set_field(err, own.code, own.field, "%s", own.message);
            error_hint(err, "%s", own.hint);
        }
    }
    return result;
}

int enforcer_run(struct deployd *deployd, struct arena *arena, enum quota_entity owner_kind,
                 int64_t owner_id, bool is_dry, struct enforced_list *ret_list, struct error *err)
{
    *ret_list =
        (struct enforced_list){.rows = arena_calloc(arena, ENFORCED_MAX, sizeof(*ret_list->rows))};
    const struct owner_work base = {
        .deployd = deployd,
        .arena = arena,
        .kind = owner_kind,
        .id = owner_id,
        .is_asked = true,
        .is_dry = is_dry,
        .list = ret_list,
    };
    return enforce_all(&base, err);
}

void enforcer_look(struct deployd *deployd, enum quota_entity owner_kind, int64_t owner_id)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct enforced_list list = {.rows = arena_calloc(arena, ENFORCED_MAX, sizeof(*list.rows))};
    const struct owner_work base = {
        .deployd = deployd, .arena = arena, .kind = owner_kind, .id = owner_id, .list = &list};
    struct error err;
    if (enforce_all(&base, &err) < 0) {
        log_error("cannot see who uses how much: %s", err.message);
    }
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct enforcer *enforcer = context;
    struct deployd *deployd = enforcer->deployd;
    AUTO_ARENA struct arena *arena = arena_new();
    int64_t now_ms = clock_monotonic_ms();
    struct enforced_list list = {.rows = arena_calloc(arena, ENFORCED_MAX, sizeof(*list.rows))};
    const struct owner_work base = {
        .deployd = deployd,
        .arena = arena,
        .kind = QUOTA_SYSTEM,
        .took_s = (now_ms - enforcer->looked_at_ms) / 1000,
        .list = &list,
    };
    struct error err;
    enforcer->looked_at_ms += base.took_s * 1000; /* what is left of a second is not lost */
    if (enforce_all(&base, &err) < 0) {
        log_error("cannot see who uses how much: %s", err.message);
    }
    runtime_expire(deployd->run->db, runtime_day(clock_unix()) - KEEP_DAYS, NULL);
    enforcements_expire(deployd->run->db, clock_unix() - KEEP_S, NULL);
}

struct enforcer *enforcer_new(struct deployd *deployd)
{
    struct enforcer *enforcer = xcalloc(1, sizeof(*enforcer));
    const struct timeval interval = {config_integer(deployd->run->config, CONFIG_deployd_enforce_s),
                                     0};
    enforcer->deployd = deployd;
    enforcer->looked_at_ms = clock_monotonic_ms();
    enforcer->timer = event_new(deployd->run->base, -1, EV_PERSIST, on_timer, enforcer);
    event_add(enforcer->timer, &interval);
    return enforcer;
}

void enforcer_free(struct enforcer *enforcer)
{
    if (enforcer) {
        event_free(enforcer->timer);
        free(enforcer);
    }
}
