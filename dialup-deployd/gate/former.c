/*
 * See the header. Called by the gate's process; both sides are in one place because they speak one
 * language.
 */
#include "dialup-deployd/gate/former.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dialup-deployd/gate/address.h"
#include "dialup-deployd/gate/gate.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum { MESSAGE_SIZE = 512, FIELDS_MAX = 6 };

/* The words of one message; 0: there is none now, -1: the other end is gone. */
static int receive(int fd, char text[MESSAGE_SIZE], char *fields[FIELDS_MAX])
{
    static char nothing[] = "";
    ssize_t size = recv(fd, text, MESSAGE_SIZE - 1, MSG_DONTWAIT);
    if (size <= 0) {
        return size < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    }
    text[size] = '\0';
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        char *field = text ? strsep(&text, "\t") : NULL;
        fields[i] = field ? field : nothing;
    }
    return 1;
}

static int64_t number_of(const char *text)
{
    int64_t number = 0;
    str_parse_i64(text, 0, INT64_MAX, &number);
    return number;
}

static bool send_text(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* The newest's side -------------------------------------------------------------------------- */

/* A drain that a former gate was asked for. */
struct asked {
    TAILQ_ENTRY(asked) link;
    int64_t number;
    drain_end_fn *on_end;
    void *arg;
};

struct former {
    TAILQ_ENTRY(former) link;
    struct formers *formers;
    int fd;
    struct event *event;
    TAILQ_HEAD(, asked) asked;
};

struct formers {
    struct event_base *base;
    TAILQ_HEAD(, former) list;
    int64_t last_number;
};

struct formers *formers_new(struct event_base *base)
{
    struct formers *formers = xcalloc(1, sizeof(*formers));
    formers->base = base;
    formers->last_number = clock_monotonic_us(); /* a former gate may have other askers' numbers */
    TAILQ_INIT(&formers->list);
    return formers;
}

static void end_asked(struct former *former, struct asked *asked, uint64_t cut)
{
    TAILQ_REMOVE(&former->asked, asked, link);
    asked->on_end(asked->arg, cut, NULL);
    free(asked);
}

static void former_free(struct former *former)
{
    struct asked *asked;
    while ((asked = TAILQ_FIRST(&former->asked))) {
        end_asked(former, asked, 0);
    }
    TAILQ_REMOVE(&former->formers->list, former, link);
    event_free(former->event);
    close(former->fd);
    free(former);
}

void formers_free(struct formers *formers)
{
    if (!formers) {
        return;
    }
    struct former *former;
    while ((former = TAILQ_FIRST(&formers->list))) {
        former_free(former);
    }
    free(formers);
}

static void on_former(evutil_socket_t fd, short what, void *arg)
{
    struct former *former = arg;
    char text[MESSAGE_SIZE];
    char *fields[FIELDS_MAX];
    int got = receive((int)fd, text, fields);
    if (got < 0) {
        former_free(former);
        return;
    }
    if (got == 0 || !str_equal(fields[0], "drained")) {
        return;
    }
    struct asked *asked;
    TAILQ_FOREACH(asked, &former->asked, link)
    {
        if (asked->number == number_of(fields[1])) {
            end_asked(former, asked, (uint64_t)number_of(fields[2]));
            return;
        }
    }
}

void formers_add(struct formers *formers, int fd)
{
    struct former *former = xcalloc(1, sizeof(*former));
    former->formers = formers;
    former->fd = fd;
    former->event = event_new(formers->base, fd, EV_READ | EV_PERSIST, on_former, former);
    event_add(former->event, NULL);
    TAILQ_INIT(&former->asked);
    TAILQ_INSERT_TAIL(&formers->list, former, link);
}

size_t formers_drain(struct formers *formers, const struct drain_spec *spec)
{
    size_t count = 0;
    char address[GATE_ADDRESS_SIZE];
    struct former *former;
    gate_address_format(&spec->address, address);
    TAILQ_FOREACH(former, &formers->list, link)
    {
        int64_t number = ++formers->last_number;
        AUTO_FREE char *text = xasprintf("drain\t%lld\t%s\t%s\t%d\t%d", (long long)number,
                                         spec->host, address, spec->requests_ms, spec->upgraded_ms);
        if (send_text(former->fd, text)) {
            struct asked *asked = xcalloc(1, sizeof(*asked));
            asked->number = number;
            asked->on_end = spec->on_end;
            asked->arg = spec->arg;
            TAILQ_INSERT_TAIL(&former->asked, asked, link);
            count++;
        }
    }
    return count;
}

void formers_each(const struct formers *formers, void (*visit)(void *arg, int fd), void *arg)
{
    const struct former *former;
    TAILQ_FOREACH(former, &formers->list, link)
    {
        visit(arg, former->fd);
    }
}

/* The former's side -------------------------------------------------------------------------- */

struct successor {
    struct gate *gate;
    int fd;
    struct event *event;
    TAILQ_HEAD(, answer) answers;
};

struct answer {
    TAILQ_ENTRY(answer) link;
    struct successor *successor; /* NULL: it is gone */
    int64_t number;
};

int successor_make_channel(int ret_fds[2], struct error *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot make a socket");
    }
    return 0;
}

static void answer_end(struct answer *answer, uint64_t cut)
{
    struct successor *successor = answer->successor;
    if (successor) {
        AUTO_FREE char *text =
            xasprintf("drained\t%lld\t%ju", (long long)answer->number, (uintmax_t)cut);
        send_text(successor->fd, text);
        TAILQ_REMOVE(&successor->answers, answer, link);
    }
    free(answer);
}

/* Whatever ended it: the newest one asks, or does not ask, again. */
static void on_drained(void *arg, uint64_t cut, const struct error *err)
{
    answer_end(arg, cut);
}

static void drain(struct successor *successor, char **fields)
{
    struct answer *answer = xcalloc(1, sizeof(*answer));
    struct drain_spec spec = {
        .host = fields[2],
        .requests_ms = (int)number_of(fields[4]),
        .upgraded_ms = (int)number_of(fields[5]),
        .on_end = on_drained,
        .arg = answer,
    };
    struct error err;
    answer->successor = successor;
    answer->number = number_of(fields[1]);
    TAILQ_INSERT_TAIL(&successor->answers, answer, link);
    if (gate_address_parse(fields[3], &spec.address, &err) < 0 ||
        gate_drain(successor->gate, &spec, &err) <= 0) {
        answer_end(answer, 0);
    }
}

static void on_successor(evutil_socket_t fd, short what, void *arg)
{
    struct successor *successor = arg;
    char text[MESSAGE_SIZE];
    char *fields[FIELDS_MAX];
    int got = receive((int)fd, text, fields);
    if (got < 0) {
        event_del(successor->event); /* nobody asks any more */
    } else if (got > 0 && str_equal(fields[0], "drain")) {
        drain(successor, fields);
    }
}

struct successor *successor_new(struct event_base *base, struct gate *gate, int fd)
{
    struct successor *successor = xcalloc(1, sizeof(*successor));
    successor->gate = gate;
    successor->fd = fd;
    successor->event = event_new(base, fd, EV_READ | EV_PERSIST, on_successor, successor);
    event_add(successor->event, NULL);
    TAILQ_INIT(&successor->answers);
    return successor;
}

void successor_free(struct successor *successor)
{
    if (!successor) {
        return;
    }
    struct answer *answer;
    TAILQ_FOREACH(answer, &successor->answers, link)
    {
        answer->successor = NULL;
    }
    event_free(successor->event);
    close(successor->fd);
    free(successor);
}
