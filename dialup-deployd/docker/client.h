/*
 * A client of the Docker Engine on its unix socket, on the caller's event loop.
 *
 * The first request asks the engine for its version first; after that requests go side by side.
 * Nothing here waits, and no callback comes from within one of these functions. Callbacks may start
 * and cancel requests, but not close the client. The typed calls are in containers.h, images.h,
 * networks.h and events.h.
 */
#pragma once

#include <stddef.h>

#include "dialup-deployd/docker/transfer.h"
#include "dialup-deployd/docker/url.h"
#include "libdialup/base/error.h"

/* The minor number of the API's version, 1.x: what we can speak. */
enum { DOCKER_API_MIN = 41, DOCKER_API_MAX = 47 };

enum { DOCKER_TIMEOUT_MS = 30 * 1000, DOCKER_NO_TIMEOUT = -1 };

/* A larger answer is an error; streams are not bounded. */
enum { DOCKER_ANSWER_MAX = 32 * 1024 * 1024 };

struct docker_client;
struct docker_request;

/* err is NULL on success. */
typedef void docker_done_fn(void *arg, const struct error *err);

struct docker_answer {
    int status;
    const char *body; /* NUL-terminated, borrowed */
    size_t size;
};

struct docker_call {
    const char *method;
    const char *const *path;          /* segments, NULL-terminated: {"containers", id, "start"} */
    const struct docker_query *query; /* NULL, or ended by a NULL name */
    const char *action;               /* for people: "start the container"; a literal */

    const char *json;       /* the body, or NULL */
    transfer_read_fn *read; /* or a tar as it comes; it may block only where the caller may */
    int timeout_ms;         /* 0: DOCKER_TIMEOUT_MS */

    int (*on_data)(void *arg, const char *data,
                   size_t size); /* of a successful answer; may be NULL */
    /* answer is NULL if err is not. Other statuses than 2xx and 304 are errors. */
    void (*on_done)(void *arg, const struct docker_answer *answer, const struct error *err);
    void *arg;                  /* of all three callbacks above */
    void (*release)(void *arg); /* after on_done, cancel or close; may be NULL */
};

/* Does not talk to the engine yet. */
int docker_client_open(struct event_base *base, const char *socket_path,
                       struct docker_client **ret_client, struct error *err);

/* Drops all requests without calling on_done. NULL is fine. */
void docker_client_close(struct docker_client *client);

/* Texts of call are copied or used up before this returns. The request is the client's and good
 * until its on_done returns. */
struct docker_request *docker_request(struct docker_client *client, const struct docker_call *call);

/* on_done will not be called. Not for a request from within its own callbacks. */
void docker_cancel(struct docker_request *request);

/* A transfer_read_fn for a descriptor: arg points at an int. */
ssize_t docker_read_fd(void *arg, char *data, size_t size);
