/*
 * Containers and networks as this house uses them: typed requests to the Docker Engine. All are
 * asynchronous; texts of answers live in an arena that ends when the function that gets them does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/engine/engine.h"

struct arena;
struct json_value;

enum { CONTAINER_ID_SIZE = 65 };

/* Every object of ours carries these labels. */
#define CONTAINER_LABEL_INSTANCE "dialup.instance"
#define CONTAINER_LABEL_SITE "dialup.site"
#define CONTAINER_LABEL_DEPLOYMENT "dialup.deployment"
#define CONTAINER_LABEL_GENERATION "dialup.generation"
#define CONTAINER_LABEL_OWNER "dialup.owner"
#define CONTAINER_LABEL_KIND "dialup.kind"

/* The kind of a container that serves a site; others build or edit. */
#define CONTAINER_KIND_PRODUCTION "production"

struct container_mount {
    const char *source; /* on the host */
    const char *target;
    bool is_read_only;
};

/*
 * What is the same for all is not here: no new privileges, an init process, no swap beyond the
 * memory limit, 10 MB of log in 3 files, 1024 to 4096 open files, no restart by Docker itself.
 */
struct container_spec {
    const char *name; /* NULL: Docker's choice */
    const char *image;
    const char *const *argv; /* NULL: the image's own */
    size_t argv_count;
    const char *const *environment; /* "KEY=value" */
    size_t environment_count;
    const char *working_dir; /* NULL: the image's own */
    int64_t uid;             /* user and group, as on the host; negative: the image's own */
    const char *network;
    int64_t memory_mib;
    int64_t cpu_millicores;
    int64_t pids;
    bool has_read_only_root;
    const char *const *capabilities; /* that it keeps; all others are dropped */
    size_t capability_count;
    const struct container_mount *mounts;
    size_t mount_count;
    const char *const *tmpfs; /* folders, 64 MB each */
    size_t tmpfs_count;
    const char *instance; /* the labels */
    const char *owner;
    const char *kind; /* "production", "development", "build" */
    int64_t site_id;
    int64_t deployment_id;
    int64_t generation;
};

struct container {
    const char *id;
    int64_t site_id;
    int64_t deployment_id;
    int64_t generation;
    const char *owner; /* "user:7" */
    const char *kind;
    const char *network; /* its first; unlike the labels, no Dockerfile can choose it */
    const char *address; /* IPv4 on that network, "" if it is not connected to it */
    bool is_running;
    bool is_paused; /* by somebody who asked Docker for it; then it runs, too */
    bool was_started;
};

/* More than the list tells. */
struct container_detail {
    bool is_running;
    bool was_started;
    bool was_oom_killed;
    bool has_writable_root;
    int exit_code;
    int64_t pid;          /* 0 if it does not run */
    char address[16];     /* IPv4 on the network that was asked for, "" if none */
    int64_t memory_bytes; /* limits as declared */
    int64_t cpu_millicores;
    int64_t pids;
};

/* Weight among containers that all want CPU, in Docker's shares of 1024 a core: a site's is what it
 * was promised; what only builds or edits has an eighth of it, so that sites go first. */
int64_t container_cpu_shares(const char *kind, int64_t cpu_millicores);

/* The JSON of POST /containers/create. Pure. */
void container_spec_print(const struct container_spec *spec, struct strbuf *out);

typedef void container_list_fn(void *context, const struct container *list, size_t count,
                               const struct error *err);
typedef void container_id_fn(void *context, const char *id, const struct error *err);
typedef void container_detail_fn(void *context, const struct container_detail *detail,
                                 const struct error *err);
typedef void container_done_fn(void *context, const struct error *err);

/* site_id 0: of all sites. Stopped ones too. on_drop: see engine_drop_fn; NULL: nothing to free. */
void container_list(struct engine *engine, const char *instance, int64_t site_id,
                    container_list_fn *on_list, engine_drop_fn *on_drop, void *context);
void container_create(struct engine *engine, const struct container_spec *spec,
                      container_id_fn *on_created, void *context);
void container_start(struct engine *engine, const char *id, container_done_fn *on_done,
                     void *context);
void container_inspect(struct engine *engine, const char *id, const char *network,
                       container_detail_fn *on_detail, void *context);

/* Memory (with no swap) and CPU, cap and weight, of a site's container, at once. */
void container_update(struct engine *engine, const char *id, int64_t memory_mib,
                      int64_t cpu_millicores, container_done_fn *on_done, void *context);

void container_unpause(struct engine *engine, const char *id, container_done_fn *on_done,
                       void *context);

/* SIGTERM, grace_s later SIGKILL; it stays, to be started again. */
void container_stop(struct engine *engine, const char *id, int grace_s, container_done_fn *on_done,
                    void *context);

/* SIGTERM, grace_s later SIGKILL, then removed. One that is not there is fine. */
void container_remove(struct engine *engine, const char *id, int grace_s,
                      container_done_fn *on_done, void *context);

/* The last lines, stdout and stderr together; text is "" on failure. */
typedef void container_logs_fn(void *context, const char *text, size_t size,
                               const struct error *err);
void container_logs(struct engine *engine, const char *id, int64_t tail, container_logs_fn *on_logs,
                    void *context);

/* Makes sure that a bridge network exists, without traffic between its containers. */
void container_ensure_network(struct engine *engine, const char *instance, const char *name,
                              const char *bridge, container_done_fn *on_done, void *context);

/* Pure: takes the 8-byte frames of the engine's log stream apart (stdout and stderr alike). */
void container_unframe(const char *data, size_t size, struct strbuf *out);

/* Pure: the number in one of our labels; 0 if it is not there, or none. */
int64_t container_label_number(const struct json_value *labels, const char *name);

/* Pure: containers from the JSON of GET /containers/json; in the arena. */
int container_list_parse(struct arena *arena, const char *json, size_t size,
                         const struct container **ret_list, size_t *ret_count, struct error *err);

/* Pure: from the JSON of GET /containers/ID/json. */
int container_detail_parse(struct arena *arena, const char *json, size_t size, const char *network,
                           struct container_detail *ret_detail, struct error *err);
