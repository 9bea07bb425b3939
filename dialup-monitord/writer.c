/*
 * Writing a cycle's rows step by step; see the header. Started by the cycle.
 */
#include "dialup-monitord/writer.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/db.h"

enum { ROWS_PER_STEP = 200, RETRY_MS = 100, TRIES_MAX = 40 };

struct writer {
    struct db *db;
    writer_done_fn *on_done;
    void *context;
    struct event step;
    struct arena *arena; /* owned; NULL: no batch */
    struct sample_rows usage;
    struct traffic_rows traffic;
    size_t usage_done;
    size_t traffic_done;
    int tries;
};

static void on_step(evutil_socket_t fd, short events, void *context);

struct writer *writer_new(struct event_base *base, struct db *db, writer_done_fn *on_done,
                          void *context)
{
    struct writer *writer = xcalloc(1, sizeof(*writer));
    writer->db = db;
    writer->on_done = on_done;
    writer->context = context;
    evtimer_assign(&writer->step, base, on_step, writer);
    return writer;
}

void writer_free(struct writer *writer)
{
    if (writer) {
        event_del(&writer->step);
        arena_free(writer->arena);
        free(writer);
    }
}

static void step_after_ms(struct writer *writer, int ms)
{
    const struct timeval pause = clock_timeval_of_ms(ms);
    event_add(&writer->step, &pause);
}

void writer_start(struct writer *writer, struct arena *arena, const struct sample_rows *usage,
                  const struct traffic_rows *traffic)
{
    ASSERT(!writer->arena);
    writer->arena = arena;
    writer->usage = *usage;
    writer->traffic = *traffic;
    writer->usage_done = 0;
    writer->traffic_done = 0;
    writer->tries = 0;
    step_after_ms(writer, 0);
}

static size_t next_count(size_t done, size_t count)
{
    return count - done < ROWS_PER_STEP ? count - done : ROWS_PER_STEP;
}

static int write_some(struct writer *writer, struct error *err)
{
    size_t count = next_count(writer->usage_done, writer->usage.count);
    int result = 0;
    if (count > 0) {
        result = usage_add(writer->db, &writer->usage.rows[writer->usage_done], count, err);
        writer->usage_done += result == 0 ? count : 0;
        return result;
    }
    count = next_count(writer->traffic_done, writer->traffic.count);
    if (count > 0) {
        result = traffic_add(writer->db, &writer->traffic.rows[writer->traffic_done], count, err);
        writer->traffic_done += result == 0 ? count : 0;
    }
    return result;
}

static bool is_all_written(const struct writer *writer)
{
    return writer->usage_done == writer->usage.count &&
           writer->traffic_done == writer->traffic.count;
}

static void end_batch(struct writer *writer, int result, const struct error *err)
{
    arena_free(writer->arena);
    writer->arena = NULL;
    writer->on_done(writer->context, result, result < 0 ? err : NULL);
}

static void write_step(struct writer *writer)
{
    struct error err = {0};
    int result = write_some(writer, &err);
    if (result == -ERR_BUSY && ++writer->tries < TRIES_MAX) {
        step_after_ms(writer, RETRY_MS);
        return;
    }
    writer->tries = 0;
    if (result < 0 || is_all_written(writer)) {
        end_batch(writer, result, &err);
    } else {
        step_after_ms(writer, 0);
    }
}

static void on_step(evutil_socket_t fd, short events, void *context)
{
    struct writer *writer = context;
    write_step(writer);
}
