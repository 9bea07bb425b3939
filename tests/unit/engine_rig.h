/*
 * An engine that is a stub on a unix socket: it answers what it is told to, hangs, closes,
 * vanishes. And what a call to it has come to. One stub at a time; for the tests of the Docker
 * client.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "dialup-deployd/engine/container.h"

#define PONG(version) "HTTP/1.1 200 OK\r\nApi-Version: " version "\r\nContent-Length: 2\r\n\r\nOK"
#define ANSWER(status, length, body)                                                               \
    "HTTP/1.1 " status "\r\nContent-Length: " length "\r\n\r\n" body
#define EMPTY_LIST ANSWER("200 OK", "2", "[]")

struct bufferevent;
struct evconnlistener;

struct stub {
    struct event_base *base;
    struct evconnlistener *listener;
    char path[64];
    const char *pong;   /* "" hangs */
    const char *answer; /* to everything else */
    bool closes;        /* after an answer that is no pong */
    int64_t filler;     /* bytes after the answer */
    int pings, calls;
    char last_line[512];
    char last_body[2048];
    struct bufferevent *open[64];
    int open_count;
    struct engine *engine;
};
extern struct stub stub;

/* What the calls have come to: how many have ended, and the last one's end. */
struct seen {
    int ends, status;
    enum error_code code;
    char message[400];
    char body[200];
    size_t count;
    bool asks_again;
};
extern struct seen seen;

/* A stub that listens, with an engine that talks to it. The texts are borrowed. */
void stub_start(const char *pong, const char *text);
void stub_end(void);

/* Cuts everybody and is not there, until it listens again. */
void stub_vanish(void);
void stub_listen(void);

/* For callbacks: counts an end and wakes wait_for. */
void note(int status, const struct error *err);

/* A plain call, which ends in on_done. */
void start_call(int64_t timeout_ms);
engine_done_fn on_done;

/* Runs the loop until so many calls have ended. */
void wait_for(int ends);

/* A container with something of everything, and its JSON. */
struct container_spec make_spec(void);
extern const char golden_spec[];
