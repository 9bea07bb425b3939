/*
 * The client of one daemon: calls its methods, from the event loop, without ever blocking it.
 *
 * Connects in the background and again whenever the peer restarts. A request is sent once and
 * never repeated by itself. Calls run side by side and may be answered in any order; beyond
 * IPC_CLIENT_LANES they queue, beyond IPC_CLIENT_MAX_CALLS they are refused with ERR_BUSY.
 *
 * The reply function is called exactly once for each call that returned 0, on the loop's thread,
 * never from within the call itself: with the answer, the peer's error, ERR_UNAVAILABLE (the peer
 * does not run, or ended while it worked) or ERR_TIMEOUT (no answer in time; it may still be
 * carried out, so give writes an idempotency key). Failures of ours and of the peer come in the
 * same struct error. It may call again (which is refused while the client closes), and must not
 * close the client.
 *
 * After the first client the process must not fork without exec (nng has threads).
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/ipc/method.h"

enum { IPC_CLIENT_LANES = 64, IPC_CLIENT_MAX_CALLS = 1024 };

struct ipc_client;

struct ipc_client_options {
    const char *daemon; /* the peer, "dialup-deployd": for messages. Borrowed for its life */
    const char *path;   /* of its socket. Borrowed for its life */
    int64_t connect_ms; /* how long a call waits for a peer that is not there; 0: 2000 */
};

int ipc_client_open(struct event_base *base, const struct ipc_client_options *options,
                    struct ipc_client **ret_client, struct error *err);

/* Calls that are open get ERR_UNAVAILABLE, at once. False if nng hangs (it is given a second):
 * then end the process with _exit. NULL is fine. */
bool ipc_client_close(struct ipc_client *client);

/* All optional. */
struct ipc_call_options {
    const char *request_id; /* NULL: that of the log context, else the peer makes one */
    const char *actor;      /* "user:7"; NULL: that of the log context */
    int64_t deadline_ms;    /* 0: the method's; a deadline above the method's has no effect */
};

/* result (NULL on failure) is a struct of method->result, good until the function returns; err is
 * NULL on success, and what it borrows (checks_json) is as short-lived. */
typedef void ipc_reply_fn(void *context, const void *result, const struct error *err);

/* params is a struct of method->params, or NULL if it takes none; not needed after the call.
 * options may be NULL. */
int ipc_client_call(struct ipc_client *client, const struct ipc_method *method, const void *params,
                    const struct ipc_call_options *options, ipc_reply_fn *on_reply, void *context,
                    struct error *err);

/* result_json (NULL on failure) is the result as JSON text, good until the function returns. */
typedef void ipc_json_reply_fn(void *context, const char *result_json, size_t size,
                               const struct error *err);

/* As ipc_client_call, without a table: params_json is checked to be a JSON object. The deadline is
 * 10 s if options do not tell. */
int ipc_client_call_json(struct ipc_client *client, const char *method_name,
                         const char *params_json, const struct ipc_call_options *options,
                         ipc_json_reply_fn *on_reply, void *context, struct error *err);

/* For command line tools: asks and waits, in a loop of its own. The result lives in the arena. */
int ipc_client_call_wait(const struct ipc_client_options *client_options,
                         const struct ipc_method *method, const void *params,
                         const struct ipc_call_options *options, struct arena *arena,
                         void *ret_result, struct error *err);
int ipc_client_call_json_wait(const struct ipc_client_options *client_options,
                              const char *method_name, const char *params_json,
                              const struct ipc_call_options *options, struct arena *arena,
                              const char **ret_result_json, struct error *err);

/* For the watch: whether a connection stands, and what the client was opened with. */
bool ipc_client_is_connected(const struct ipc_client *client);

/* Ends the connection and all attempts at one; and connects anew, for when the library has given up
 * doing so (see watch.h). Calls that wait for their answer fail. */
void ipc_client_hang_up(struct ipc_client *client);
int ipc_client_redial(struct ipc_client *client, struct error *err);

/* How many connections there were so far. */
uint64_t ipc_client_connections(const struct ipc_client *client);
const struct ipc_client_options *ipc_client_get_options(const struct ipc_client *client);
