/*
 * The skeleton of every daemon. Its main.c is one constant `struct daemon` and one call; the start
 * order stands once, in daemon.c, as a table of stages.
 *
 * Everything runs on one thread and one event loop. start() may block; from then on nothing may.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/error.h"
#include "libdialup/base/str.h"
#include "libdialup/daemon/config.h"
#include "libdialup/daemon/health.h"
#include "libdialup/ipc/events.h"
#include "libdialup/ipc/server.h"

struct db;
struct event_base;
struct daemon_run;

struct daemon {
    const char *program; /* "dialup-deployd": in logs */
    const char *name;    /* "deployd": of its sockets, and as owner of its tables */
    const char *summary; /* one line, for --help */

    /* The generated method table and, by the same index, its handlers; those of the methods that
     * every daemon has (health, version, ...) are left NULL. Each gets the struct daemon_run as
     * context. */
    const struct ipc_method *methods;
    ipc_handler_fn *const *handlers;
    size_t method_count;

    const struct health_check *checks; /* of health, besides those every daemon makes */
    size_t check_count;

    bool publishes_events;
    bool without_database;

    /* Before the sockets are opened: takes the place of the same program that runs already, if one
     * does. It has closed its own (daemon_retire) when this returns. May be NULL; may block. A
     * program that has it is started anew by SIGHUP. */
    int (*take_over)(struct daemon_run *run, struct error *err);

    /* On SIGTERM: true if it calls daemon_quit itself when its work is done; a second signal ends
     * it at once. May be NULL. */
    bool (*drain)(void *state);

    /* Makes *ret_state. An error ends the program with its words. */
    int (*start)(struct daemon_run *run, void **ret_state, struct error *err);

    /* Frees it; after the sockets were closed. */
    void (*stop)(void *state);
};

enum { DAEMON_CLIENTS_MAX = 4 };

/* What a daemon has while it runs; borrowed from daemon_main. */
struct daemon_run {
    const struct daemon *daemon;
    const struct config *config;
    struct event_base *base;
    struct db *db; /* NULL if without_database */
    struct ipc_server *server;
    struct ipc_publisher *publisher;                /* NULL unless publishes_events */
    struct ipc_client *clients[DAEMON_CLIENTS_MAX]; /* see daemon_watch */
    size_t client_count;
    void *state;
    void *inherited;         /* what take_over leaves for start, which frees it */
    int64_t started_at_unix; /* for records; the clock may be stepped since */
    int64_t started_ms;      /* monotonic */
};

/* Runs until SIGTERM or SIGINT. Gives the exit status: 0, or 78 (EX_CONFIG of sysexits.h) if it
 * could not start. */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

/* From start: the connection of this client, which lives until stop, is looked after. */
void daemon_watch(struct daemon_run *run, struct ipc_client *client);

/* Another process takes our place: closes our sockets and is silent towards the supervisor. The
 * loop goes on until daemon_quit. Not from a handler. */
void daemon_retire(struct daemon_run *run);

/* Ends the loop in good order, as a signal would. */
void daemon_quit(struct daemon_run *run);
