/*
 * What the tests of the ipc room share: a loop with deadlines, a small daemon with methods that
 * answer at once, later or never, and raw connections in the wire format.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libdialup/ipc/client.h"
#include "libdialup/ipc/server.h"

enum { FIXTURE_PATIENCE_MS = 10000 };

enum fixture_method {
    FIXTURE_ECHO,    /* at once: the text */
    FIXTURE_COLLECT, /* later: when `number` calls are here, in the reverse of their order */
    FIXTURE_NEVER,   /* later: kept in held */
    FIXTURE_FAIL,    /* at once: an error with field and hint */
    FIXTURE_CLOSED,  /* callers: nobody */
    FIXTURE_DAEMONS, /* callers: daemons */
    FIXTURE_SMALL,   /* at most 256 bytes */
    FIXTURE_METHODS,
};

struct fixture_params {
    const char *text;
    int64_t number;
    bool has_number;
};

struct fixture_result {
    const char *text;
    int64_t number;
};

extern const struct json_shape fixture_params_shape;
extern const struct json_shape fixture_result_shape;
extern const struct ipc_method fixture_methods[FIXTURE_METHODS];
extern ipc_handler_fn *const fixture_handlers[FIXTURE_METHODS];

struct fixture {
    struct event_base *base;
    char dir[64];
    char path[96];
    char events_path[96];
    char lock_path[96];
    struct ipc_server *server;
    struct ipc_client *client;
    struct ipc_request *held[256];
    size_t held_count;
    size_t echo_count;
    char last_request_id[80];
    char last_actor[120];
};

/* A fresh folder and loop; server and client as asked for. Aborts if it cannot. */
void fixture_init(struct fixture *fixture, bool with_server, bool with_client);
void fixture_fini(struct fixture *fixture);

struct ipc_server_options fixture_server_options(struct fixture *fixture);
struct ipc_client_options fixture_client_options(const struct fixture *fixture);

/* Runs the loop until *done or FIXTURE_PATIENCE_MS have passed; gives *done. */
bool fixture_run_until(const struct fixture *fixture, const bool *done);
bool fixture_run_until_count(const struct fixture *fixture, const size_t *count, size_t wanted);

/* The outcome of one call. */
struct outcome {
    bool done;
    size_t calls;
    int64_t at_us;
    struct error err; /* code ERR_OK: success */
    char checks[64];  /* of err */
    char text[512];
    int64_t number;
    size_t *count; /* incremented too, if not NULL */
};

void fixture_on_reply(void *context, const void *result, const struct error *err);

/* Calls and waits for the outcome. */
void fixture_call(struct fixture *fixture, enum fixture_method method, const char *text,
                  const struct ipc_call_options *options, struct outcome *ret_outcome);

/* A plain connection to a socket; with hello: the handshake of a requester was done. */
int raw_connect(const char *path, bool with_hello);
void raw_send(int fd, const void *data, size_t size);
void raw_send_request(int fd, const char *body, size_t size);

/* The body of the next answer, to be freed; NULL if the server hung up. Runs the loop. */
char *raw_receive(const struct fixture *fixture, int fd);

/* Runs the loop until the server hangs up. */
bool raw_is_closed(const struct fixture *fixture, int fd);

/* Starts this program again with arguments; its pid. */
pid_t spawn_self(const char *first, const char *second);
void kill_and_wait(pid_t pid, int signal);

/* A program that serves dir until it is killed: main of a test calls it for "serve DIR". */
int fixture_serve(const char *dir);
