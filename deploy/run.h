/*
 * One run of a command: what was asked, by whom, of which server, and how to answer.
 */
#pragma once

#include <stdbool.h>

#include "deploy/args.h"
#include "deploy/client.h"
#include "deploy/settings.h"
#include "deploy/terminal.h"
#include "libdialup/base/arena.h"
#include "libdialup/json/json.h"
#include "libdialup/json/writer.h"
#include "libdialup/site/domain.h"

struct run {
    struct args args;
    struct terminal terminal;
    struct settings settings;
    struct client *client; /* NULL for commands that need no server */
    struct arena *arena;   /* lives as long as the run */
    bool is_json;
    bool has_said_domain; /* what a single label stands for here */
    bool has_printed;     /* the document of --json is out, also if the command fails */
};

/* A request without a body. The answer and its text live in the arena. ret_* may be NULL. */
int run_get(struct run *run, const char *path, const struct json_value **ret_answer,
            struct error *err);
int run_call(struct run *run, const char *method, const char *path, const struct strbuf *body,
             const struct json_value **ret_answer, struct error *err);

/* Prints a document on stdout, if --json was given. */
void run_print_json(struct run *run, const struct json_value *answer);

/* A domain as a person gives it: a single label is completed with the server's suffix. */
int run_domain(struct run *run, const char *text, struct domain *ret_domain, struct error *err);

/* The account whose key is used. */
int run_me(struct run *run, const struct json_value **ret_me, struct error *err);
