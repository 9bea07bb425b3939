/*
 * See the header. Called by the sleeper, the gate's answers, and whoever lets a site run again.
 */
#include "dialup-deployd/sleep/waker.h"

#include <event2/event.h>
#include <stdlib.h>

#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/converge/settle.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/handover.h"
#include "dialup-deployd/owner_limits.h"
#include "dialup-deployd/sleep/sleeper.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/site/strategy.h"
#include "libdialup/store/sites.h"
#include "proto/gate_rpc.h"

enum {
    ASK_AGAIN_S = 1,         /* after the gate did not answer */
    ROOM_TIMEOUT_MS = 15000, /* until the one that gives way has stopped */
    ROOM_TRIES = 4,
    LOOK_AGAIN_S = 1, /* after somebody found no room */
    NO_EPOCH = 0,     /* of no gate: everything that is wanted is told */
};

struct waker {
    struct deployd *deployd;
    struct event *ask_again;
    struct event *look_again; /* pending while sites have found no room: */
    int64_t *refused;
    size_t refused_count;
    int64_t after;
    int64_t epoch;
    bool is_cut_off; /* the gate may have ended since it answered */
    bool is_closing;
};

/* Waking ------------------------------------------------------------------------------------- */

/* A wake that waits until somebody has made room. */
struct making_room {
    struct waker *waker;
    int64_t site_id;
    int tries_left;
};

static void wake(struct waker *waker, int64_t site_id, int tries_left);

static void on_room(void *context)
{
    struct making_room *room = context;
    if (!room->waker->is_closing) {
        wake(room->waker, room->site_id, room->tries_left);
    }
    free(room);
}

bool waker_make_room(struct waker *waker, const struct site *site, converger_settled_fn *on_settled,
                     void *context)
{
    struct deployd *deployd = waker->deployd;
    AUTO_ARENA struct arena *arena = arena_new();
    size_t count;
    struct site other;
    const struct idle_site *sites = sleeper_sites(deployd->sleeper, arena, &count);
    const struct idle_site *chosen =
        idle_choose(sites, count, site->owner_kind, site->owner_id, site->id);
    if (!chosen || sites_find(deployd->run->db, arena, chosen->site_id, &other, NULL) < 0 ||
        sleeper_put(deployd->sleeper, &other, SITE_ASLEEP, "its memory is needed by another site",
                    NULL) < 0) {
        return false;
    }
    converger_when_settled(deployd->converger, other.owner_kind, other.owner_id, ROOM_TIMEOUT_MS,
                           on_settled, context);
    return true;
}

/* False if nobody can give way. */
static bool make_room(struct waker *waker, const struct site *site, int tries_left)
{
    if (tries_left == 0) {
        return false;
    }
    struct making_room *room = xcalloc(1, sizeof(*room));
    *room = (struct making_room){waker, site->id, tries_left - 1};
    bool is_made = waker_make_room(waker, site, on_room, room);
    if (!is_made) {
        free(room);
    }
    return is_made;
}

/* Nobody gives way to a site that could not run then, either. */
static bool fits_alone(const struct waker *waker, struct arena *arena, const struct site *site)
{
    const struct admission admission =
        admission_for(waker->deployd, site->owner_kind, site->owner_id);
    struct error err;
    return admission_check_alone(&admission, arena, site, "Cannot wake", &err) == 0;
}

/* What it held while it was awake, and what a release needs that is on its way, in the transaction
 * in which it is noted to be awake. */
static int reserve(const struct waker *waker, struct arena *arena, const struct site *site,
                   struct error *err)
{
    struct deployd *deployd = waker->deployd;
    struct admission admission = admission_for(deployd, site->owner_kind, site->owner_id);
    int64_t now = clock_unix();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, deployd->run->db, err);
    if (result < 0 ||
        (result = handover_reserve(&admission, arena, site, "Cannot wake", now, err)) < 0 ||
        (result = sites_set_sleep(deployd->run->db, site->id, SITE_AWAKE, now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}

static bool is_among(const int64_t *ids, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* Its owner sees why visitors wait, until it wakes; and the gate, which told of them once, is asked
 * again whether they still wait: there may be room by then. */
static void note_no_room(struct waker *waker, struct arena *arena, const struct site *site,
                         const struct error *err)
{
    const struct timeval later = {LOOK_AGAIN_S, 0};
    const char *reason = arena_printf(arena, SETTLE_NO_ROOM ": %s. %s", err->message, err->hint);
    if (!str_equal(reason, site->state_reason)) {
        log_warning("%s is wanted and cannot wake: %s", site->domain, err->message);
        sites_set_state(waker->deployd->run->db, site->id, site->state, reason, clock_unix(), NULL);
    }
    if (!is_among(waker->refused, waker->refused_count, site->id)) {
        waker->refused = xreallocarray(waker->refused, waker->refused_count + 1, sizeof(int64_t));
        waker->refused[waker->refused_count++] = site->id;
    }
    event_add(waker->look_again, &later);
}

static void wake(struct waker *waker, int64_t site_id, int tries_left)
{
    struct deployd *deployd = waker->deployd;
    AUTO_ARENA struct arena *arena = arena_new();
    struct site site;
    struct error err;
    if (sites_find(deployd->run->db, arena, site_id, &site, &err) < 0) {
        log_warning("site %lld is wanted, but it is not there: %s", (long long)site_id,
                    err.message);
        return;
    }
    if (site.desired != SITE_WANT_RUNNING || site.hold != SITE_FREE) {
        converger_kick(deployd->converger, site_id);
        return;
    }
    if (site.sleep == SITE_ASLEEP && deployd->is_short_of_memory) {
        log_info("%s is wanted, but the server is short of memory: its visitors wait", site.domain);
        return;
    }
    int result = site.sleep == SITE_ASLEEP ? reserve(waker, arena, &site, &err) : 0;
    if (result == -ERR_QUOTA_EXCEEDED && fits_alone(waker, arena, &site) &&
        make_room(waker, &site, tries_left)) {
        return;
    }
    if (result == -ERR_QUOTA_EXCEEDED) {
        note_no_room(waker, arena, &site, &err);
        return;
    }
    if (result < 0) {
        log_warning("%s is wanted and cannot wake: %s", site.domain, err.message);
        return;
    }
    if (site.sleep != SITE_AWAKE) {
        sleeper_note_wake(deployd->sleeper, &site);
        log_info("%s wakes, it was %s", site.domain, site_sleep_name(site.sleep));
    }
    converger_wake(deployd->converger, site_id);
}

void waker_wake(struct waker *waker, int64_t site_id)
{
    wake(waker, site_id, ROOM_TRIES);
}

void waker_let_go_on(struct waker *waker, const struct site *site)
{
    if (site_strategy_find(site->strategy)->may_sleep) {
        converger_kick(waker->deployd->converger, site->id);
    } else {
        waker_wake(waker, site->id);
    }
}

/* Listening to the gate ---------------------------------------------------------------------- */

static void ask(struct waker *waker);

static void on_wanted(void *context, const void *result, const struct error *err)
{
    struct waker *waker = context;
    const struct gate_wanted_result *wanted = result;
    const struct timeval later = {ASK_AGAIN_S, 0};
    if (waker->is_closing) {
        return;
    }
    if (err) {
        waker->is_cut_off = true;
        event_add(waker->ask_again, &later);
        return;
    }
    if (waker->is_cut_off || waker->epoch != wanted->epoch) {
        owner_limits_tell_all(waker->deployd->owner_limits);
    }
    waker->is_cut_off = false;
    waker->epoch = wanted->epoch;
    waker->after = wanted->last;
    for (size_t i = 0; i < wanted->sites_count; i++) {
        waker_wake(waker, wanted->sites[i].site_id);
    }
    ask(waker);
}

static void ask(struct waker *waker)
{
    const struct timeval later = {ASK_AGAIN_S, 0};
    const struct gate_wanted_params params = {
        .has_after = true, .after = waker->after, .has_epoch = true, .epoch = waker->epoch};
    if (gate_call_wanted(waker->deployd->gate, &params, NULL, on_wanted, waker, NULL) < 0) {
        event_add(waker->ask_again, &later);
    }
}

/* Only for those that found no room: who wakes, or has somebody give way, is not disturbed. */
static void on_still_wanted(void *context, const void *result, const struct error *err)
{
    struct waker *waker = context;
    const struct gate_wanted_result *wanted = result;
    const struct timeval later = {LOOK_AGAIN_S, 0};
    if (err) {
        if (!waker->is_closing) {
            event_add(waker->look_again, &later);
        }
        return;
    }
    int64_t *refused = waker->refused;
    size_t count = waker->refused_count;
    waker->refused = NULL;
    waker->refused_count = 0;
    for (size_t i = 0; !waker->is_closing && i < wanted->sites_count; i++) {
        if (is_among(refused, count, wanted->sites[i].site_id)) {
            waker_wake(waker, wanted->sites[i].site_id);
        }
    }
    free(refused);
}

static void on_look_again(evutil_socket_t fd, short events, void *context)
{
    struct waker *waker = context;
    const struct gate_wanted_params params = {.has_epoch = true, .epoch = NO_EPOCH};
    const struct timeval later = {LOOK_AGAIN_S, 0};
    if (!waker->is_closing &&
        gate_call_wanted(waker->deployd->gate, &params, NULL, on_still_wanted, waker, NULL) < 0) {
        event_add(waker->look_again, &later);
    }
}

static void on_ask_again(evutil_socket_t fd, short events, void *context)
{
    ask(context);
}

struct waker *waker_new(struct deployd *deployd)
{
    struct waker *waker = xcalloc(1, sizeof(*waker));
    waker->deployd = deployd;
    waker->ask_again = evtimer_new(deployd->run->base, on_ask_again, waker);
    waker->look_again = evtimer_new(deployd->run->base, on_look_again, waker);
    ask(waker);
    return waker;
}

void waker_close(struct waker *waker)
{
    if (waker) {
        waker->is_closing = true;
    }
}

void waker_free(struct waker *waker)
{
    if (waker) {
        event_free(waker->ask_again);
        event_free(waker->look_again);
        free(waker->refused);
        free(waker);
    }
}
