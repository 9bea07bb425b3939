/*
 * The log of a deployment, followed by long poll: a request that finds nothing new waits until
 * deployd tells that something happened, or its time is over. Called through routes.c, and by
 * deployd's events. Reads at most 256 KiB of a file at a time, on the loop.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/base/utf8.h"
#include "libdialup/ipc/events.h"
#include "proto/http_api.h"

enum { PIECE_BYTES = 256 * 1024, GRACE_MS = 5000, MAX_POLLS_OF_USER = 16 };

struct log_poll {
    LIST_ENTRY(log_poll) next;
    struct admind *admind;
    struct http_request *request;
    struct event *timer;
    int64_t user_id;
    int64_t deployment_id;
    int64_t offset;
};

/* A log that does not exist yet is an empty one. */
static int read_piece(const struct admind *admind, const struct deployment *deployment,
                      int64_t offset, char *out, size_t *ret_size, struct error *err)
{
    AUTO_FREE char *part = xasprintf("sites/%lld/logs/%lld.log", (long long)deployment->site_id,
                                     (long long)deployment->id);
    AUTO_FREE char *path = config_state_path(admind->run->config, part);
    *ret_size = 0;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? 0 : error_set_errno(err, ERR_IO, errno, "Cannot read the log");
    }
    ssize_t size = pread(fd, out, PIECE_BYTES, offset);
    if (size < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot read the log");
    }
    *ret_size = (size_t)size;
    return 0;
}

/* A character whose rest is still to come is left for the next time, unless nothing comes. */
static size_t cut(const char *data, size_t size, bool is_last)
{
    return is_last ? size : utf8_prefix_len(data, size);
}

/* The state is read before the file: a final one then has all of its log. */
static int read_log(const struct admind *admind, struct arena *arena,
                    const struct deployment *deployment, int64_t offset,
                    struct http_deployment_log *ret_log, struct error *err)
{
    char *text = arena_alloc(arena, PIECE_BYTES + 1);
    size_t size;
    int result = read_piece(admind, deployment, offset, text, &size, err);
    if (result < 0) {
        return result;
    }
    bool is_end = deployment_state_is_final(deployment->state) && size < PIECE_BYTES;
    size = cut(text, size, is_end);
    text[size] = '\0';
    for (char *c = memchr(text, '\0', size); c; c = memchr(c, '\0', (size_t)(text + size - c))) {
        *c = '?';
    }
    *ret_log = (struct http_deployment_log){
        .offset = offset,
        .next_offset = offset + (int64_t)size,
        .text = text,
        .state = deployment_state_name(deployment->state),
        .step = deployment->step,
        .finished = is_end,
    };
    return 0;
}

static void answer_poll(struct log_poll *poll)
{
    struct arena *arena = http_request_arena(poll->request);
    const struct log_context *before = log_context_swap(http_request_log_context(poll->request));
    struct http_deployment_log log;
    struct deployment deployment;
    struct error err;
    int result = access_find_deployment(poll->admind, poll->request, &deployment, &err);
    if (result == 0) {
        result = read_log(poll->admind, arena, &deployment, poll->offset, &log, &err);
    }
    if (result == 0) {
        http_reply_json(poll->request, 200, &http_deployment_log_shape, &log);
    } else {
        http_reply_error(poll->request, &err);
    }
    log_context_swap(before);
}

static void end_poll(struct log_poll *poll)
{
    LIST_REMOVE(poll, next);
    event_free(poll->timer);
    free(poll);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    answer_poll(context);
    end_poll(context);
}

static void on_gone(void *context, struct http_request *request)
{
    end_poll(context);
}

static void wake(struct admind *admind, bool is_all, int64_t deployment_id)
{
    struct log_poll *poll = LIST_FIRST(&admind->polls);
    while (poll) {
        struct log_poll *next = LIST_NEXT(poll, next);
        if (is_all || poll->deployment_id == deployment_id) {
            answer_poll(poll);
            end_poll(poll);
        }
        poll = next;
    }
}

void log_on_event(void *context, const struct ipc_event *event)
{
    if (str_equal(event->name, "deployment.log") || str_equal(event->name, "deployment.state")) {
        wake(context, false, json_find_integer(event->data, "deployment_id", 0));
    }
}

void log_on_gap(void *context)
{
    wake(context, true, 0);
}

/* Connections are few: one account cannot park on all of them. */
static bool may_park(const struct admind *admind, int64_t user_id)
{
    int count = 0;
    const struct log_poll *poll;
    LIST_FOREACH(poll, &admind->polls, next)
    {
        count += poll->user_id == user_id;
    }
    return count < MAX_POLLS_OF_USER;
}

static void park(struct admind *admind, struct http_request *request, int64_t deployment_id,
                 int64_t offset, int64_t wait_ms)
{
    const struct timeval wait = clock_timeval_of_ms(wait_ms);
    struct log_poll *poll = xcalloc(1, sizeof(*poll));
    *poll = (struct log_poll){
        .admind = admind,
        .request = request,
        .user_id = access_user_id(request),
        .deployment_id = deployment_id,
        .offset = offset,
    };
    poll->timer = evtimer_new(admind->run->base, on_timer, poll);
    evtimer_add(poll->timer, &wait);
    LIST_INSERT_HEAD(&admind->polls, poll, next);
    http_request_later(request, wait_ms + GRACE_MS, on_gone, poll);
}

int handle_deployment_log(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_get_deployments_id_log_query *query = http_request_query(request);
    struct http_deployment_log log;
    struct deployment deployment;
    int result = access_find_deployment(admind, request, &deployment, err);
    if (result == 0) {
        result =
            read_log(admind, http_request_arena(request), &deployment, query->offset, &log, err);
    }
    if (result != 0) {
        return result;
    }
    bool has_news = log.finished || log.next_offset > log.offset;
    if (!has_news && query->wait_ms > 0 && may_park(admind, access_user_id(request))) {
        park(admind, request, deployment.id, query->offset, query->wait_ms);
        return 0;
    }
    http_reply_json(request, 200, &http_deployment_log_shape, &log);
    return 0;
}
