/*
 * Deployments: each attempt to change what a site serves, numbered 1, 2, 3 within the site.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

struct db;

enum deployment_kind { DEPLOYMENT_UPLOAD, DEPLOYMENT_ROLLBACK };
enum deployment_state {
    DEPLOYMENT_QUEUED,
    DEPLOYMENT_BUILDING,
    DEPLOYMENT_STARTING,
    DEPLOYMENT_LIVE,
    DEPLOYMENT_SUPERSEDED, /* was live, another one is now */
    DEPLOYMENT_FAILED
};

/* The words of the table: "queued". */
const char *deployment_kind_name(enum deployment_kind kind);
const char *deployment_state_name(enum deployment_state state);

/* Whether nothing more will happen to it by itself. */
bool deployment_state_is_final(enum deployment_state state);

/* What a release asks for while it runs; zeros: it is served from files. */
struct deployment_needs {
    const char *type; /* of the site, "" as long as it is not known */
    int64_t memory_mib;
    int64_t cpu_millicores;
};

struct deployment {
    int64_t id;
    int64_t site_id;
    int64_t number;
    enum deployment_kind kind;
    enum deployment_state state;
    const char *step;
    const char *source; /* upload id, or "deployment:ID" of a rollback */
    int64_t base_id;    /* 0: none */
    const char *commit_ref;
    const char *message;
    const char *created_by;
    const char *runtime; /* JSON: how the release is served */
    int64_t files;
    int64_t size_bytes;
    int64_t received_bytes;
    const char *error_name;
    const char *error_message;
    const char *error_hint;
    const char *error_checks; /* JSON, as in struct error; "" if nothing was compared */
    int64_t created_at;
    int64_t started_at;  /* 0: not yet */
    int64_t finished_at; /* 0: not yet */
    int64_t duration_ms;
    struct deployment_needs needs;
    const char *request_id; /* that asked for it, for the log; "" if not known */
};

struct deployments_list {
    struct deployment *rows;
    size_t count;
};

/* site_id, kind, source, base_id, commit_ref, message, created_by and request_id are taken from
 * deployment; it is queued under the site's next number. */
int deployments_create(struct db *db, const struct deployment *deployment, int64_t now,
                       int64_t *ret_id, struct error *err);

int deployments_find(struct db *db, struct arena *arena, int64_t id,
                     struct deployment *ret_deployment, struct error *err);
int deployments_find_by_number(struct db *db, struct arena *arena, int64_t site_id, int64_t number,
                               struct deployment *ret_deployment, struct error *err);

/* The newest one before number that was live once: what a rollback goes to. */
int deployments_find_good_before(struct db *db, struct arena *arena, int64_t site_id,
                                 int64_t number, struct deployment *ret_deployment,
                                 struct error *err);

/* The newest first, from below before_number on (0: from the newest). */
int deployments_list(struct db *db, struct arena *arena, int64_t site_id, int64_t before_number,
                     int64_t limit, struct deployments_list *ret_list, struct error *err);

/* Queued, building and starting ones of all sites, the oldest first. */
int deployments_list_unfinished(struct db *db, struct arena *arena,
                                struct deployments_list *ret_list, struct error *err);

/* The first state after queued also notes the start. */
int deployments_set_state(struct db *db, int64_t id, enum deployment_state state, const char *step,
                          int64_t now, struct error *err);
int deployments_set_step(struct db *db, int64_t id, const char *step, struct error *err);

/* What the release turned out to be. */
int deployments_set_release(struct db *db, int64_t id, const char *runtime, int64_t files,
                            int64_t size_bytes, int64_t received_bytes, struct error *err);

int deployments_set_needs(struct db *db, int64_t id, const struct deployment_needs *needs,
                          struct error *err);

/* failure NULL: it is live, and the one that was live is superseded; otherwise it failed. How long
 * it took is since its start, or, if it never began, since it was asked for; never below 0, as the
 * clock may have been set back. */
int deployments_finish(struct db *db, int64_t id, const struct error *failure, int64_t now,
                       struct error *err);
