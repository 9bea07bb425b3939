/*
 * Answering a connection in a site's place. Used by gate.c for pages and for the end of a request
 * that a site has stopped reading.
 */
#include "dialup-deployd/gate/answer.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dialup-deployd/gate/peer.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"

struct answer {
    TAILQ_ENTRY(answer) link;
    struct answers *answers;
    struct event event;
    struct event deadline;
    struct strbuf response;
    size_t sent;
    size_t drained;
    bool has_request;
    bool is_shut; /* all was said */
};

struct answers {
    struct event_base *base;
    TAILQ_HEAD(, answer) list;
    size_t count;
};

static void on_event(evutil_socket_t fd, short what, void *arg);
static void on_deadline(evutil_socket_t fd, short what, void *arg);
static void end(struct answer *answer);

struct answers *answers_new(struct event_base *base)
{
    struct answers *answers = xcalloc(1, sizeof(*answers));
    answers->base = base;
    TAILQ_INIT(&answers->list);
    return answers;
}

void answers_free(struct answers *answers)
{
    if (!answers) {
        return;
    }
    struct answer *answer;
    while ((answer = TAILQ_FIRST(&answers->list))) {
        end(answer);
    }
    free(answers);
}

void answers_start(struct answers *answers, int fd, struct strbuf *response, bool has_request)
{
    struct answer *answer = xcalloc(1, sizeof(*answer));
    answer->answers = answers;
    answer->response = *response;
    *response = STRBUF_INIT;
    answer->has_request = has_request;
    TAILQ_INSERT_TAIL(&answers->list, answer, link);
    answers->count++;

    event_assign(&answer->event, answers->base, fd, EV_READ | EV_WRITE | EV_ET | EV_PERSIST,
                 on_event, answer);
    event_add(&answer->event, NULL);
    evtimer_assign(&answer->deadline, answers->base, on_deadline, answer);
    const struct timeval drain = clock_timeval_of_ms(ANSWER_DRAIN_MS);
    event_add(&answer->deadline, &drain);
}

size_t answers_count(const struct answers *answers)
{
    return answers->count;
}

static void end(struct answer *answer)
{
    struct answers *answers = answer->answers;
    event_del(&answer->event);
    event_del(&answer->deadline);
    close((int)event_get_fd(&answer->event));
    TAILQ_REMOVE(&answers->list, answer, link);
    answers->count--;
    strbuf_fini(&answer->response);
    free(answer);
}

/* Returns whether there may be more to come. */
static bool drain(struct answer *answer, int fd)
{
    static char scratch[64 * 1024];
    while (answer->drained < ANSWER_DRAIN_BYTES) {
        ssize_t got = recv(fd, scratch, sizeof(scratch), 0);
        if (got < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        if (got == 0) {
            return false;
        }
        answer->drained += (size_t)got;
        answer->has_request = true;
    }
    return false;
}

/* Returns false if nobody listens any more. */
static bool say(struct answer *answer, int fd)
{
    while (answer->sent < answer->response.size) {
        ssize_t sent = send(fd, answer->response.data + answer->sent,
                            answer->response.size - answer->sent, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        answer->sent += (size_t)sent;
    }
    if (!answer->is_shut) {
        answer->is_shut = true;
        shutdown(fd, SHUT_WR);
    }
    return true;
}

static void on_event(evutil_socket_t event_fd, short what, void *arg)
{
    struct answer *answer = arg;
    int fd = (int)event_fd;
    bool more = drain(answer, fd);
    if (answer->has_request && !say(answer, fd)) {
        end(answer);
        return;
    }
    /* A request that ended by a half-close may still wait for a response that is being sent. */
    if (!more && (answer->is_shut || !answer->has_request || peer_is_gone(fd) ||
                  answer->drained >= ANSWER_DRAIN_BYTES)) {
        end(answer);
    }
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    end(arg);
}
