/*
 * See the header. Called by the action that limits a container.
 */
#include "dialup-deployd/converge/limiter.h"

#include <event2/event.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/cgroup/cgroup.h"
#include "libdialup/cgroup/parse.h"

enum { MIB = 1 << 20, ROOM_MIB = 4, ROOM_PART = 8, FIRST_WAIT_S = 1, LONGEST_WAIT_S = 16 };

/* A container on its way to other limits. */
struct limiting {
    struct limiting *next;
    struct limiter *limiter;
    char id[CONTAINER_ID_SIZE];
    int64_t memory_mib; /* wanted */
    int64_t cpu_millicores;
    int64_t declared_mib; /* Docker has it */
    int64_t in_force_mib; /* the kernel has it; 0: not known, or none */
    int64_t in_force_millicores;
    int64_t step_mib; /* asked for now */
    bool is_asking;
    bool is_changed; /* meanwhile */
    bool has_high;   /* memory.high was set */
    struct event *again;
    int wait_s;
    container_done_fn *on_done; /* NULL: nobody waits */
    void *context;
};

struct limiter {
    struct event_base *base;
    struct engine *engine;
    const char *cgroup_root;
    struct limiting *list;
};

int64_t limiter_next_mib(int64_t wanted_mib, int64_t in_force_mib, int64_t used_mib)
{
    if (in_force_mib > 0 && wanted_mib >= in_force_mib) {
        return wanted_mib;
    }
    int64_t room_mib = used_mib / ROOM_PART > ROOM_MIB ? used_mib / ROOM_PART : ROOM_MIB;
    int64_t least_mib = used_mib + room_mib;
    int64_t next_mib = wanted_mib > least_mib ? wanted_mib : least_mib;
    return in_force_mib > 0 && next_mib > in_force_mib ? in_force_mib : next_mib;
}

/* Looking ------------------------------------------------------------------------------------ */

static int read_used(const struct cgroup_dirs *dirs, int64_t *ret_mib)
{
    struct cgroup_reader *reader = NULL;
    struct cgroup_sample sample;
    int result = cgroup_reader_open(dirs, &reader, NULL);
    if (result == 0) {
        result = cgroup_reader_sample(reader, true, &sample, NULL);
    }
    cgroup_reader_close(reader);
    *ret_mib = result == 0 ? (sample.memory_bytes + MIB - 1) / MIB : 0;
    return result;
}

/* The next limit. What cannot be looked at is left to the kernel. */
static int64_t judge(struct limiting *limiting, const struct container_detail *detail)
{
    struct cgroup_dirs dirs;
    int64_t in_force = 0;
    int64_t used_mib;
    limiting->in_force_mib = 0;
    limiting->in_force_millicores = detail->cpu_millicores;
    int64_t wanted_mib = limiting->memory_mib;
    if (!detail->is_running ||
        cgroup_find(limiting->limiter->cgroup_root, (pid_t)detail->pid, &dirs, NULL) < 0 ||
        cgroup_read_memory_limit(&dirs, &in_force, NULL) < 0 || read_used(&dirs, &used_mib) < 0) {
        return wanted_mib;
    }
    limiting->in_force_mib = in_force / MIB;
    cgroup_read_cpu_limit(&dirs, &limiting->in_force_millicores, NULL);
    int64_t step_mib = limiter_next_mib(wanted_mib, limiting->in_force_mib, used_mib);
    bool wants_high = step_mib > wanted_mib;
    if (wants_high != limiting->has_high) {
        limiting->has_high = wants_high;
        cgroup_set_memory_high(&dirs, wants_high ? wanted_mib * MIB : CGROUP_NO_LIMIT, NULL);
    }
    if (wants_high && limiting->wait_s == FIRST_WAIT_S) {
        log_info("a container uses %lld MB of memory and may have %lld: its limit goes down with "
                 "what it gives back",
                 (long long)used_mib, (long long)wanted_mib);
    }
    return step_mib;
}

/* Asking ------------------------------------------------------------------------------------- */

static void ask(struct limiting *limiting);

static void forget(struct limiting *limiting)
{
    struct limiting **link = &limiting->limiter->list;
    while (*link != limiting) {
        link = &(*link)->next;
    }
    *link = limiting->next;
    event_free(limiting->again);
    free(limiting);
}

static void wait_and_ask(struct limiting *limiting)
{
    const struct timeval delay = {limiting->wait_s, 0};
    bool has_moved = limiting->step_mib != limiting->declared_mib;
    evtimer_add(limiting->again, &delay);
    limiting->wait_s = has_moved                               ? FIRST_WAIT_S * 2
                       : limiting->wait_s * 2 < LONGEST_WAIT_S ? limiting->wait_s * 2
                                                               : LONGEST_WAIT_S;
}

static void end(struct limiting *limiting, const struct error *err)
{
    container_done_fn *on_done = limiting->on_done;
    void *context = limiting->context;
    bool is_there = !err && limiting->step_mib == limiting->memory_mib;
    limiting->is_asking = false;
    if (limiting->is_changed) {
        ask(limiting);
        return;
    }
    limiting->on_done = NULL;
    if (is_there || (err && (on_done || err->code == ERR_NOT_FOUND))) {
        forget(limiting);
    } else {
        wait_and_ask(limiting);
    }
    if (on_done) {
        on_done(context, err);
    }
}

static void on_kept(void *context, const struct error *err)
{
    end(context, err);
}

/* Version 1 does not set a limit below what is used. */
static void on_updated(void *context, const struct error *err)
{
    struct limiting *limiting = context;
    bool is_refused = err && limiting->step_mib < limiting->declared_mib &&
                      err->code != ERR_NOT_FOUND && !error_is_passing(err->code);
    if (!is_refused) {
        end(limiting, err);
        return;
    }
    log_debug("a container's lower limit must wait: %s", err->message);
    limiting->step_mib = limiting->declared_mib;
    container_update(limiting->limiter->engine, limiting->id, limiting->step_mib,
                     limiting->cpu_millicores, on_kept, limiting);
}

static void on_inspected(void *context, const struct container_detail *detail,
                         const struct error *err)
{
    struct limiting *limiting = context;
    if (err) {
        end(limiting, err);
        return;
    }
    limiting->is_changed = false;
    limiting->declared_mib = detail->memory_bytes / MIB;
    limiting->step_mib = judge(limiting, detail);
    bool is_known = limiting->in_force_mib == limiting->declared_mib || !limiting->in_force_mib;
    if (is_known && limiting->step_mib == limiting->declared_mib &&
        limiting->cpu_millicores == detail->cpu_millicores &&
        limiting->cpu_millicores == limiting->in_force_millicores) {
        end(limiting, NULL);
        return;
    }
    container_update(limiting->limiter->engine, limiting->id, limiting->step_mib,
                     limiting->cpu_millicores, on_updated, limiting);
}

static void ask(struct limiting *limiting)
{
    limiting->is_asking = true;
    limiting->is_changed = false;
    evtimer_del(limiting->again);
    container_inspect(limiting->limiter->engine, limiting->id, "", on_inspected, limiting);
}

static void on_again(evutil_socket_t fd, short events, void *context)
{
    ask(context);
}

static struct limiting *find(const struct limiter *limiter, const char *id)
{
    struct limiting *limiting = limiter->list;
    while (limiting && !str_equal(limiting->id, id)) {
        limiting = limiting->next;
    }
    return limiting;
}

bool limiter_is_busy(const struct limiter *limiter, const char *id)
{
    return find(limiter, id) != NULL;
}

static struct limiting *find_or_add(struct limiter *limiter, const char *id)
{
    struct limiting *limiting = find(limiter, id);
    if (!limiting) {
        limiting = xcalloc(1, sizeof(*limiting));
        limiting->limiter = limiter;
        limiting->again = evtimer_new(limiter->base, on_again, limiting);
        str_copy(limiting->id, sizeof(limiting->id), id);
        limiting->next = limiter->list;
        limiter->list = limiting;
    }
    return limiting;
}

void limiter_set(struct limiter *limiter, const char *id, int64_t memory_mib,
                 int64_t cpu_millicores, container_done_fn *on_done, void *context)
{
    struct limiting *limiting = find_or_add(limiter, id);
    ASSERT(!limiting->on_done);
    limiting->memory_mib = memory_mib;
    limiting->cpu_millicores = cpu_millicores;
    limiting->on_done = on_done;
    limiting->context = context;
    limiting->wait_s = FIRST_WAIT_S;
    if (limiting->is_asking) {
        limiting->is_changed = true;
    } else {
        ask(limiting);
    }
}

struct limiter *limiter_new(struct event_base *base, struct engine *engine, const char *cgroup_root)
{
    struct limiter *limiter = xcalloc(1, sizeof(*limiter));
    limiter->base = base;
    limiter->engine = engine;
    limiter->cgroup_root = cgroup_root;
    return limiter;
}

void limiter_free(struct limiter *limiter)
{
    while (limiter && limiter->list) {
        forget(limiter->list);
    }
    free(limiter);
}
