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

    /* Makes *ret_state. An error ends the program with its words. */
    int (*start)(struct daemon_run *run, void **ret_state, struct error *err);

    /* Frees it; after the sockets were closed. */
    void (*stop)(void *state);
};

/* What a daemon has while it runs; borrowed from daemon_main. */
struct daemon_run {
    const struct daemon *daemon;
    const struct config *config;
    struct event_base *base;
    struct db *db; /* NULL if without_database */
    struct ipc_server *server;
    struct ipc_publisher *publisher; /* NULL unless publishes_events */
    void *state;
    int64_t started_at_unix;
};

/* Runs until SIGTERM or SIGINT. Gives the exit status: 0, or 78 (EX_CONFIG of sysexits.h) if it
 * could not start. */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

/* Ends the loop in good order, as a signal would. */
void daemon_quit(struct daemon_run *run);
