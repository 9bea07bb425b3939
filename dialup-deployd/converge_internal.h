/*
 * What the files of the converger share: converge.c (all sites), site_work.c (one site's loop) and
 * site_actions.c (what it does). Nobody else includes this.
 */
#pragma once

#include "dialup-deployd/site_work.h"

struct deployd;
struct event;

struct settled_waiter;

struct converger {
    struct deployd *deployd;
    struct site_work *works;
    struct settled_waiter *waiters;
    struct event *pass; /* the slow look at everything */
    struct event *reconnect;
    struct engine_call *events; /* Docker's stream of events */
    struct strbuf event_text;   /* whole lines are taken by on_event_lines, outside of curl */
    struct event *event_lines;
    int64_t docker_seen_at;
    char docker_error[256];
    bool has_networks;
};

/* Remembers how Docker answered last; err NULL: it did. */
void converger_note_docker(struct converger *converger, const struct error *err);

/* A site has nothing left to do: answers those who waited for it. */
void converger_site_settled(struct converger *converger);

/* Writes a settled site's state into its row. */
void converger_settle_site(struct site_work *work);

/* Moves releases away that are older than those that are kept. */
void converger_prune_releases(struct site_work *work);

/* Docker says that a container ended. */
void site_action_container_died(struct site_work *work, const char *id);
