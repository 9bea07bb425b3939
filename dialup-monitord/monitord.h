/*
 * What dialup-monitord has while it runs; shared by main.c and rpc.c.
 */
#pragma once

#include "dialup-monitord/access_log.h"
#include "dialup-monitord/cycle.h"
#include "dialup-monitord/hosts.h"
#include "dialup-monitord/sampler.h"
#include "dialup-monitord/traffic_book.h"
#include "libdialup/ipc/events.h"
#include "libdialup/ipc/server.h"
#include "proto/monitord_rpc.h"

struct event;

struct monitord {
    struct daemon_run *run; /* borrowed; the rest is owned */
    struct sampler *sampler;
    struct traffic_book *book;
    struct hosts *hosts;
    struct access_log *access_log; /* NULL: switched off */
    struct cycle *cycle;
    struct ipc_subscriber *deployd_events;
    char *deployd_events_path;
    struct event *forget; /* lets the hosts be looked up anew */
};

/* By monitord_method; the methods that every daemon has are NULL. */
extern ipc_handler_fn *const monitord_handlers[MONITORD_METHOD_COUNT];
