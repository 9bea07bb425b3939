/*
 * The HTTP server of a daemon: a listener, its connections, and the table of routes.
 *
 * It stands behind a proxy on a unix socket, or on loopback; nothing else is listened on. evhttp
 * does the parsing; what it lets pass is caught here: a client that sends byte after byte, too
 * many connections, too many bytes held at once, two Content-Lengths, no Host. What evhttp
 * itself refuses (broken, headers above 16 KiB, a body far above every route's) is answered in our
 * JSON as well; the connection then ends.
 *
 * Everything happens on the loop's thread. Nothing blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/http/auth.h"
#include "libdialup/http/route.h"
#include "libdialup/http/static_files.h"

struct event_base;
struct http_server;

/* Looks up a session or key; may read the database. ERR_UNAUTHENTICATED if it is unknown, ended or
 * its user may not log in. */
typedef int http_authenticate_fn(void *context, const struct http_credentials *credentials,
                                 struct http_identity *ret_identity, struct error *err);

enum {
    HTTP_MAX_HEADER_BYTES = 16 * 1024,
    HTTP_DEFAULT_CONNECTIONS = 256,
    HTTP_DEFAULT_HELD_BYTES = 64 * 1024 * 1024,
    /* Longer than a proxy keeps a connection (Caddy: 2 minutes), so that the proxy closes first
     * and never sends a request into our close. */
    HTTP_DEFAULT_IDLE_MS = 180 * 1000,
    HTTP_DEFAULT_READ_MS = 120 * 1000, /* 8 MiB at half a megabit a second */
    HTTP_DEFAULT_GRACE_MS = 20 * 1000,
    HTTP_LEAST_BYTES_A_SECOND = 1024, /* behind the grace; a telephone line has seven times that */
    /* While no more connections are taken: else some that send next to nothing would keep all
     * others out, as long as they like. */
    HTTP_DEFAULT_CROWDED_GRACE_MS = 2000,
    HTTP_CROWDED_BYTES_A_SECOND = 16 * 1024,
    HTTP_DEFAULT_WRITE_MS = 600 * 1000, /* of a reply, files included */
    HTTP_DEFAULT_HEARTBEAT_MS = 15 * 1000,
    HTTP_DEFAULT_STREAM_BYTES = 256 * 1024,
};

/* Zero stands for the default. Everything is borrowed for the life of the server. */
struct http_options {
    const char *unix_path;  /* mode 0660; or NULL for address and port */
    const char *address;    /* "127.0.0.1" or "::1" */
    int port;               /* 0: any, see http_server_port */
    const char *own_origin; /* "https://admin.example.org": scheme and host as a browser says it */
    bool behind_proxy;      /* believe the last X-Forwarded-For; always so on a unix socket */
    const struct http_route *routes;
    size_t route_count;
    struct http_static_files *files;    /* served outside /api; may be NULL */
    http_authenticate_fn *authenticate; /* may be NULL if all routes are for anyone */
    void *context;                      /* of authenticate and of the handlers */
    size_t max_connections;             /* then nobody is accepted until one ends */
    size_t max_held_bytes;              /* of requests in memory; who passes it is cut */
    int64_t idle_ms;
    int64_t read_ms;          /* from the first byte of a request to its last */
    int64_t grace_ms;         /* from then on it must have come at the least bytes a second */
    int64_t crowded_grace_ms; /* the same while all connections are taken: who is slow is cut */
    int64_t write_ms;
    int64_t heartbeat_ms;    /* of event streams */
    size_t max_stream_bytes; /* unsent; a slower reader is cut */
};

/* Since the start. */
struct http_counters {
    uint64_t connections;
    uint64_t requests;
    uint64_t replies[6]; /* by the first digit of the status; [0] is unused */
    uint64_t gone;       /* the client went before its reply */
    uint64_t timed_out;  /* later replies whose deadline passed */
    uint64_t cut_slow;   /* connections that took too long to send or to read */
    uint64_t cut_large;  /* connections that passed a limit of bytes */
    uint64_t paused;     /* times that accepting stopped: connections or descriptors ran out */
    size_t open_connections;
    size_t open_streams;
    size_t held_bytes;
};

/* Listens at once. ERR_ALREADY_EXISTS if another program answers on the unix socket; a socket file
 * that nobody answers is replaced. Panics on a table of routes that cannot work. The process must
 * ignore SIGPIPE, as every daemon does: clients go while libevent writes to them. */
int http_server_new(struct event_base *base, const struct http_options *options,
                    struct http_server **ret_server, struct error *err);

typedef void http_stopped_fn(void *context);

/* Stops accepting, ends idle connections and streams, lets running requests finish for at most
 * drain_ms and cuts the rest. on_stopped is called from the loop when nothing is open. */
void http_server_stop(struct http_server *server, int64_t drain_ms, http_stopped_fn *on_stopped,
                      void *context);

/* Cuts what is open (each on_gone and on_closed is called). Not from one of the server's own
 * callbacks, except on_stopped. NULL is fine. */
void http_server_free(struct http_server *server);

const struct http_counters *http_server_counters(const struct http_server *server);

/* Of a TCP listener. */
int http_server_port(const struct http_server *server);
