/*
 * Does a container answer? First TCP, then one GET / whose status must be below 500. Where visitors
 * wait for one that answered in an earlier life, TCP is enough: theirs is the first request.
 *
 * A refused connection or a 5xx answer is tried again, sooner at first and later less often, until
 * the time is up. An exec inside the container would cost 115 ms each; this costs a packet.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct probe;

enum probe_depth { PROBE_ANSWERS, PROBE_LISTENS };

struct probe_result {
    bool is_healthy;
    bool has_connected; /* something listens there */
    int status;         /* of the last HTTP answer, 0 if there was none */
    int64_t duration_ms;
};

/* Called once, from the loop; the probe is freed when it returns. */
typedef void probe_done_fn(void *context, const struct probe_result *result);

/* After an attempt that found nobody, as long as none found somebody; true: there is no use in
 * waiting any longer, and the probe is done. Must not cancel it. */
typedef bool probe_refused_fn(void *context);

/* host is what the request asks for; copied. on_refused may be NULL. */
struct probe *probe_start(struct event_base *base, enum probe_depth depth,
                          const struct sockaddr_in *address, const char *host, int64_t timeout_ms,
                          probe_done_fn *on_done, probe_refused_fn *on_refused, void *context);

/* Ends it without a result. NULL is fine. */
void probe_cancel(struct probe *probe);
