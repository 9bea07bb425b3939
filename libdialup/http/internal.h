/*
 * What the files of this room share; nobody outside includes it.
 *
 * A connection is ours from accept to close and has one phase and one timer at a time, so that no
 * phase can last for ever. A request, or the stream that it became, holds its connection while a
 * handler has it; once it is answered, evhttp alone has the rest.
 *
 * Calls go down: dispatch, static_files > later, sse > reply > request > connection > refusal >
 * error_body. What a connection has to tell goes up through its holder.
 */
#pragma once

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <sys/queue.h>

#include "libdialup/base/str.h"
#include "libdialup/crypto/crypto.h"
#include "libdialup/http/rate_limit.h"
#include "libdialup/http/request.h"
#include "libdialup/http/route.h"
#include "libdialup/http/server.h"
#include "libdialup/http/sse.h"

/* What a client may send ahead while its request is being answered. */
enum { HTTP_READ_AHEAD_BYTES = 16 * 1024 };

enum http_phase {
    HTTP_IDLE,      /* between requests */
    HTTP_READING,   /* some bytes of a request are here */
    HTTP_REFUSING,  /* evhttp has written an answer of its own, to be replaced */
    HTTP_HANDLING,  /* a handler has it */
    HTTP_WRITING,   /* the reply is on its way */
    HTTP_STREAMING, /* server-sent events */
};

/* What a connection tells whoever holds it. */
struct http_holder {
    void (*on_deadline)(void *holder); /* the time of the phase is over */
    void (*on_close)(void *holder);    /* it is closing; the last call */
    void (*on_stop)(void *holder);     /* the server stops: end in good order. NULL: finishes */
};

struct http_connection {
    LIST_ENTRY(http_connection) next;
    struct http_server *server;
    struct bufferevent *bev;         /* evhttp's; ours by one reference until adopted */
    struct evhttp_connection *evcon; /* NULL until adopted */
    struct event *timer;
    enum http_phase phase;
    bool doomed;          /* the timer fires at once and ends it */
    bool refused;         /* ends once refusal.c's answer is out */
    int64_t read_from_us; /* the request's first byte; HTTP_READING */
    size_t read_bytes;    /* of it so far */
    size_t held_bytes;    /* of the request being read or handled */
    const struct http_holder *holder_calls;
    void *holder; /* NULL: nobody */
};

LIST_HEAD(http_connection_list, http_connection);

struct http_server {
    LIST_ENTRY(http_server) next_listening;
    struct event_base *base;
    struct http_options options;
    struct evhttp *evhttp;
    struct evhttp_bound_socket *bound; /* NULL once stopped */
    struct evconnlistener *listener;   /* owned by bound */
    struct event *adopt_event;         /* new connections wait for it */
    struct event *resume_event;        /* connections or descriptors ran out: look again */
    struct event *drain_event;
    struct event *stopped_event;
    struct http_connection_list connections;
    struct rate_limiter *limiter;
    size_t most_bytes; /* of one request that evhttp keeps; what is beyond is thrown away */
    struct http_counters counters;
    bool stopping;
    http_stopped_fn *on_stopped;
    void *on_stopped_context;
};

struct http_request {
    struct http_server *server;
    struct http_connection *connection;
    struct evhttp_request *evreq;
    struct arena *arena;
    char id[CRYPTO_ID_SIZE];
    const char *method;
    const char *path;
    const char *query_text; /* NULL if none */
    const char *remote_address;
    int64_t started_us;
    struct log_context log_context;

    const struct http_route *route; /* NULL for static files */
    struct http_match match;
    const char *params[HTTP_MAX_PATH_PARAMS]; /* decoded */
    struct http_auth_headers headers;
    struct http_credentials credentials;
    struct http_identity identity;
    const void *query;
    const void *body;

    int error_status; /* instead of the error's own; 0: none */
    bool in_dispatch;
    bool answered;
    http_gone_fn *on_gone; /* set: to be answered later */
    void *gone_context;
};

/* listener.c */
int http_listener_open(struct http_server *server, struct error *err);
void http_listener_close(struct http_server *server);
void http_listener_pause_at_limit(struct http_server *server);
void http_listener_resume(struct http_server *server);
bool http_listener_look_again(struct http_server *server); /* false: still full */

/* connection.c */
struct bufferevent *http_connection_on_accept(struct event_base *base, void *server);
void http_connections_cut_slow(struct http_server *server);
void http_connections_adopt(evutil_socket_t fd, short what, void *server);
struct http_connection *http_connection_find(struct http_server *server,
                                             struct evhttp_request *evreq);
void http_connection_begin_request(struct http_connection *connection,
                                   struct evhttp_request *evreq);
void http_connection_hold(struct http_connection *connection, const struct http_holder *calls,
                          void *holder);
void http_connection_let_go(struct http_connection *connection, const void *holder);
void http_connection_set_phase(struct http_connection *connection, enum http_phase phase,
                               int64_t deadline_ms);
void http_connection_watch_for_close(struct http_connection *connection);
void http_connection_cut_soon(struct http_connection *connection);
void http_connection_free_unadopted(struct http_connection *connection);

/* dispatch.c */
void http_dispatch(struct evhttp_request *evreq, void *server);

/* request.c */
struct http_request *http_request_new(struct http_connection *connection,
                                      struct evhttp_request *evreq);
void http_request_end(struct http_request *request);
void http_request_drop(void *request);
void http_evreq_abandon(struct evhttp_request *evreq);
int http_header_count(struct evhttp_request *evreq, const char *name);

/* reply.c */
void http_reply_add_common_headers(struct http_request *request);
void http_reply_buffer(struct http_request *request, int status, struct evbuffer *body,
                       size_t size);
void http_reply_count(struct http_request *request, int status);

/* error_body.c */
void http_error_write(struct strbuf *out, const struct error *err, const char *request_id);

/* refusal.c: false if what evhttp is about to send is no answer. */
bool http_refusal_replace(struct http_server *server, struct evbuffer *output);

/* static_files.c */
void http_static_serve(struct http_static_files *files, struct http_request *request);
