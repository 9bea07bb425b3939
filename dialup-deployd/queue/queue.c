/*
 * See the header. Called by rpc*.c and whenever a deployment ends.
 */
#include "dialup-deployd/queue/queue.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/queue/accept.h"
#include "dialup-deployd/queue/build.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/site_folders.h"
#include "dialup-deployd/withdraw.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"

enum {
    QUEUE_MAX_BUILDS = 64, /* the most that the settings allow at once */
    QUEUE_SERVED = 64,     /* people whose turns are remembered */
    AGAIN_S = 1,           /* after something that passes by itself: a locked database */
};

struct queue {
    struct deployd *deployd;
    struct build *builds[QUEUE_MAX_BUILDS];
    size_t build_count;
    char *served[QUEUE_SERVED]; /* whose builds were started, the latest last */
    size_t served_count;
    struct event *kick;
};

/* Turns --------------------------------------------------------------------------------------- */

/* 0: not that we remember; else the more, the later. */
static size_t last_turn(const struct queue *queue, const char *person)
{
    size_t i = queue->served_count;
    while (i > 0 && !str_equal(queue->served[i - 1], person)) {
        i--;
    }
    return i;
}

static void forget_turn(struct queue *queue, size_t index)
{
    free(queue->served[index]);
    queue->served_count--;
    memmove(&queue->served[index], &queue->served[index + 1],
            (queue->served_count - index) * sizeof(queue->served[0]));
}

static void note_turn(struct queue *queue, const char *person)
{
    size_t before = last_turn(queue, person);
    if (before > 0) {
        forget_turn(queue, before - 1);
    } else if (queue->served_count == QUEUE_SERVED) {
        forget_turn(queue, 0);
    }
    queue->served[queue->served_count++] = xstrdup(person);
}

/* Starting one ------------------------------------------------------------------------------- */

static int start_rollback(struct queue *queue, struct arena *arena,
                          const struct deployment *deployment, struct error *err)
{
    site_folders_make(queue->deployd, deployment->site_id, NULL);
    int result = accept_rollback(queue->deployd, arena, deployment, err);
    if (result == 0) {
        release_log(queue->deployd, deployment->site_id, deployment->id, "%s", deployment->message);
        converger_kick(queue->deployd->converger, deployment->site_id);
    }
    return result;
}

static void on_build_end(void *context, struct build *build)
{
    struct queue *queue = context;
    for (size_t i = 0; i < queue->build_count; i++) {
        if (queue->builds[i] == build) {
            queue->builds[i] = queue->builds[--queue->build_count];
        }
    }
    queue_kick(queue);
}

static int start_build(struct queue *queue, int64_t deployment_id, const char *person,
                       struct error *err)
{
    struct build *build = build_start(queue->deployd, deployment_id, on_build_end, queue, err);
    if (!build) {
        return -(int)err->code;
    }
    queue->builds[queue->build_count++] = build;
    note_turn(queue, person);
    return 0;
}

/* False: not now, and nothing has changed. */
static bool start(struct queue *queue, struct arena *arena, const struct deployment *row)
{
    struct error err;
    int result = row->kind == DEPLOYMENT_ROLLBACK
                     ? start_rollback(queue, arena, row, &err)
                     : start_build(queue, row->id, row->created_by, &err);
    if (result < 0 && err.code != ERR_BUSY) {
        result = release_finish(queue->deployd, row->id, &err);
    }
    return result == 0;
}

/* The order ---------------------------------------------------------------------------------- */

static bool is_busy(const struct deployments_list *list, int64_t site_id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->rows[i].site_id == site_id && list->rows[i].state != DEPLOYMENT_QUEUED) {
            return true;
        }
    }
    return false;
}

static bool is_being_built(const struct queue *queue, int64_t deployment_id)
{
    return queue_find_build(queue, deployment_id) != NULL;
}

/* Its job ended with a former life of ours, or could not be started: it begins again. */
static bool requeue(struct queue *queue, const struct deployment *row)
{
    return deployments_set_state(queue->deployd->run->db, row->id, DEPLOYMENT_QUEUED,
                                 "Queued again", clock_unix(), NULL) == 0;
}

static bool is_left_over(const struct queue *queue, struct arena *arena,
                         const struct deployment *row)
{
    struct site site;
    return sites_find(queue->deployd->run->db, arena, row->site_id, &site, NULL) == 0 &&
           withdraw_is_due(row, &site);
}

/* Its site does not want it, and nobody is there to say so: a former life ended in between. */
static bool close_left_over(struct queue *queue, struct arena *arena, const struct deployment *row)
{
    struct deployd *deployd = queue->deployd;
    struct site site;
    struct error reason;
    struct error err;
    bool was_open = false;
    error_set(&reason, ERR_CONFLICT, "The site did not want this release any more");
    int result = sites_find(deployd->run->db, arena, row->site_id, &site, &err);
    if (result == 0) {
        struct admission admission = admission_for(deployd, site.owner_kind, site.owner_id);
        result = withdraw_one(&admission, arena, row, &reason, clock_unix(), &was_open, &err);
    }
    if (result == 0 && was_open) {
        release_tell_end(deployd, row, &reason);
    }
    return result == 0;
}

static void try_later(struct queue *queue)
{
    const struct timeval later = {AGAIN_S, 0};
    evtimer_add(queue->kick, &later);
}

/* One person's builds never have all places: another's deploy need not wait for them to end. */
static bool has_place(const struct queue *queue, const struct deployments_list *list,
                      const char *person, int64_t at_once)
{
    int64_t own = 0;
    for (size_t i = 0; i < list->count; i++) {
        own +=
            is_being_built(queue, list->rows[i].id) && str_equal(list->rows[i].created_by, person);
    }
    return own == 0 || own < at_once - 1;
}

/* The oldest build of whoever had no turn for the longest time; NULL if none may start. */
static const struct deployment *next_build(const struct queue *queue,
                                           const struct deployments_list *list)
{
    const struct deployment *next = NULL;
    int64_t at_once = config_integer(queue->deployd->run->config, CONFIG_deployd_builds_at_once);
    /* What began now would stand still at once. */
    bool is_full = (int64_t)queue->build_count >= at_once || queue->deployd->is_short_of_memory;
    for (size_t i = 0; !is_full && i < list->count; i++) {
        const struct deployment *row = &list->rows[i];
        if (row->state != DEPLOYMENT_QUEUED || row->kind == DEPLOYMENT_ROLLBACK ||
            is_busy(list, row->site_id) || !has_place(queue, list, row->created_by, at_once)) {
            continue;
        }
        if (!next || last_turn(queue, row->created_by) < last_turn(queue, next->created_by)) {
            next = row;
        }
    }
    return next;
}

/* Starts the first that may; true if it did, and the list is out of date. */
static bool start_one(struct queue *queue)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct deployments_list list;
    struct error err;
    if (deployments_list_unfinished(queue->deployd->run->db, arena, &list, &err) < 0) {
        log_error("cannot read the queue of deployments: %s", err.message);
        try_later(queue);
        return false;
    }
    const struct deployment *next = next_build(queue, &list);
    for (size_t i = 0; i < list.count; i++) {
        const struct deployment *row = &list.rows[i];
        bool is_unwanted = is_left_over(queue, arena, row);
        bool is_idle = row->state == DEPLOYMENT_BUILDING && !is_being_built(queue, row->id);
        bool is_next =
            row == next || (row->state == DEPLOYMENT_QUEUED && row->kind == DEPLOYMENT_ROLLBACK &&
                            !is_busy(&list, row->site_id));
        if (!is_unwanted && !is_idle && !is_next) {
            continue;
        }
        bool is_done = is_unwanted ? close_left_over(queue, arena, row)
                       : is_idle   ? requeue(queue, row)
                                   : start(queue, arena, row);
        if (!is_done) {
            try_later(queue);
        }
        return is_done;
    }
    return false;
}

static void start_waiting(struct queue *queue)
{
    while (start_one(queue)) {
    }
}

static void on_kick(evutil_socket_t fd, short events, void *context)
{
    start_waiting(context);
}

void queue_kick(struct queue *queue)
{
    struct timeval now = {0, 0};
    evtimer_add(queue->kick, &now);
}

void queue_stop_builds(struct queue *queue, int64_t site_id)
{
    for (size_t i = 0; i < queue->build_count; i++) {
        if (build_site_id(queue->builds[i]) == site_id) {
            build_cancel(queue->builds[i]);
        }
    }
}

size_t queue_build_count(const struct queue *queue)
{
    return queue->build_count;
}

struct build *queue_build_at(const struct queue *queue, size_t index)
{
    return queue->builds[index];
}

struct build *queue_find_build(const struct queue *queue, int64_t deployment_id)
{
    for (size_t i = 0; i < queue->build_count; i++) {
        if (build_deployment_id(queue->builds[i]) == deployment_id) {
            return queue->builds[i];
        }
    }
    return NULL;
}

struct queue *queue_new(struct deployd *deployd)
{
    struct queue *queue = xcalloc(1, sizeof(*queue));
    queue->deployd = deployd;
    queue->kick = evtimer_new(deployd->run->base, on_kick, queue);
    queue_kick(queue);
    return queue;
}

void queue_free(struct queue *queue)
{
    if (!queue) {
        return;
    }
    for (size_t i = 0; i < queue->build_count; i++) {
        build_abandon(queue->builds[i]);
    }
    while (queue->served_count > 0) {
        forget_turn(queue, queue->served_count - 1);
    }
    event_free(queue->kick);
    free(queue);
}
