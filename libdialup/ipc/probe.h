/*
 * A probe: knocks at a daemon's socket in nng's wire format, without nng.
 *
 * It tells whether somebody accepts, answers the handshake and, if asked, a whole request, also
 * when this process's nng is the one that does not work any more. Runs in the loop.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct ipc_probe;

struct ipc_probe_options {
    const char *path;
    bool ping; /* send "rpc.ping" and wait for its answer; otherwise the handshake alone */
    int64_t timeout_ms;
    /* Once. The probe is gone when it is called. failure is NULL if all went well. */
    void (*on_done)(void *context, const char *failure);
    void *context;
};

/* Ends by itself with on_done; never from within this call. */
struct ipc_probe *ipc_probe_start(struct event_base *base, const struct ipc_probe_options *options);

/* Ends it without on_done. NULL is fine. */
void ipc_probe_free(struct ipc_probe *probe);
