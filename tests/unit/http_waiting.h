/*
 * The rig with routes that wait: /later is answered by the test, /events is a stream, /large has
 * 32 MiB, GET and PUT /ok answer "fine" at once.
 */
#pragma once

#include "libdialup/http/sse.h"
#include "tests/unit/http_rig.h"

struct waiting {
    struct http_request *pending; /* of /later; NULL once gone */
    struct http_stream *stream;   /* of /events; NULL once closed */
    int gone;                     /* how many clients went before their answer */
    int closed;                   /* how many streams ended by themselves */
    int64_t later_ms;
};

extern struct waiting waiting;

struct http_options waiting_options(void);
void waiting_start(struct rig *rig, const struct http_options *options);

/* Starts with these options (NULL: waiting_options) and a client that says text. */
void waiting_begin(struct rig *rig, struct rig_client *client, const struct http_options *options,
                   const char *text);

/* A rig_condition_fn. */
bool waiting_has_pending(void *context);
