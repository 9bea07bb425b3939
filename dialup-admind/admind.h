/*
 * dialup-admind: the panel's files and the public API; accounts, sessions, keys and limits are its
 * own, everything about sites it reads from the database and asks of dialup-deployd.
 *
 *   routes.c   the table of the API        api_*.c  its handlers, by subject
 *   rpc*.c     methods for the server's own root
 *   access.c   who asks, and what they may see     people.c  accounts, whoever asks
 *   call.c     a request that waits for deployd    views.c   rows as the contract shows them
 *
 * Handlers of the API get the struct admind as context; those of rpc.c the struct daemon_run.
 */
#pragma once

#include <sys/queue.h>

#include "libdialup/daemon/daemon.h"
#include "libdialup/http/server.h"
#include "libdialup/ipc/client.h"

struct event;
struct ipc_subscriber;
struct log_poll;
struct notice_watch;
struct password_worker;
struct root_work;

/* The other daemons, in the order in which /api/health shows them. */
enum admind_peer { PEER_DEPLOYD, PEER_GATE, PEER_MONITORD, PEER_EDITORD, PEER_COUNT };

LIST_HEAD(log_poll_list, log_poll);
LIST_HEAD(root_work_list, root_work);

struct admind {
    const struct daemon_run *run; /* borrowed */
    const char *sites_suffix;     /* borrowed from the settings */
    char *socket_path;
    char *origin; /* "https://admin.example.org" */
    struct http_route *routes;
    struct http_static_files *files; /* NULL: the panel is not installed */
    struct http_server *server;
    struct password_worker *passwords;
    struct event *passwords_ready;
    char *peer_paths[PEER_COUNT];
    struct ipc_client *peers[PEER_COUNT];
    char *events_path;
    struct ipc_subscriber *events;
    struct event *housekeeping;
    struct notice_watch *notices;
    struct trail *trail;
    struct log_poll_list polls;      /* of api_log.c */
    struct root_work_list root_work; /* of rpc.c */
};

extern const struct http_route admind_routes[];
extern const size_t admind_route_count;
extern ipc_handler_fn *const admind_handlers[];

/* Everybody's home without a panel: "GET /". */
extern const struct http_route admind_bare_route;

/* At start and every ten minutes: ended sessions and forgotten uploads go. */
void housekeeping_run(struct admind *admind);

/* Ends root's requests that wait for a password, before the worker goes. */
void rpc_end_all(struct admind *admind);
