/*
 * Entries on their way to the table audit. Used by call.c.
 */
#include "dialup-admind/trail.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/batch.h"

struct trail {
    struct db_batch *batch;
    struct event timer;
};

struct waiting {
    struct arena *arena;
    struct audit_entry entry;
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct trail *trail = arg;
    db_batch_run(trail->batch);
}

static void on_needs_run(void *context, int delay_ms)
{
    struct trail *trail = context;
    struct timeval delay = clock_timeval_of_ms(delay_ms);
    evtimer_add(&trail->timer, &delay);
}

struct trail *trail_new(struct event_base *base, struct db *db)
{
    struct trail *trail = xcalloc(1, sizeof(*trail));
    trail->batch = db_batch_new(db, on_needs_run, trail);
    evtimer_assign(&trail->timer, base, on_timer, trail);
    return trail;
}

void trail_free(struct trail *trail)
{
    if (!trail) {
        return;
    }
    if (db_batch_queued(trail->batch) > 0) {
        db_batch_run(trail->batch);
    }
    db_batch_free(trail->batch);
    evtimer_del(&trail->timer);
    free(trail);
}

static int save(struct db *db, void *context, struct error *err)
{
    const struct waiting *waiting = context;
    return audit_add(db, &waiting->entry, err);
}

static void on_saved(void *context, int result, const struct error *err)
{
    struct waiting *waiting = context;
    const struct audit_entry *entry = &waiting->entry;
    if (result < 0) {
        log_error("%s by %s on %s is not on record: %s", entry->action, entry->actor,
                  entry->subject, err->message);
    }
    arena_free(waiting->arena);
}

void trail_add(struct trail *trail, const struct audit_entry *entry)
{
    struct arena *arena = arena_new();
    struct waiting *waiting = arena_alloc(arena, sizeof(*waiting));
    *waiting = (struct waiting){
        .arena = arena,
        .entry =
            {
                .at = clock_unix(),
                .actor = arena_strdup(arena, entry->actor),
                .action = arena_strdup(arena, entry->action),
                .subject = arena_strdup(arena, entry->subject),
                .detail = arena_strdup(arena, entry->detail),
                .request_id = arena_strdup(arena, entry->request_id),
            },
    };
    db_batch_add(trail->batch, save, on_saved, waiting);
}
