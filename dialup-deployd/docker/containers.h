/*
 * What can be done with containers. Asynchronous, see client.h; each call returns a request that
 * can be cancelled until its callback has returned. Structs given to a callback are borrowed.
 *
 * container is an id or a name everywhere. Starting what runs and stopping what does not is fine.
 */
#pragma once

#include "dialup-deployd/docker/client.h"
#include "dialup-deployd/docker/container_json.h"
#include "dialup-deployd/docker/stream.h"

typedef void docker_id_fn(void *arg, const char *id, const struct error *err);
typedef void docker_exit_fn(void *arg, int64_t exit_code, const struct error *err);
typedef void docker_container_fn(void *arg, const struct docker_container *container,
                                 const struct error *err);
typedef void docker_container_list_fn(void *arg, const struct docker_container *list, size_t count,
                                      const struct error *err);

struct docker_request *docker_container_create(struct docker_client *client,
                                               const struct docker_container_spec *spec,
                                               docker_id_fn *on_done, void *arg);

/* A program that does not exist is no failure here, since the init starts: it ends with 127. */
struct docker_request *docker_container_start(struct docker_client *client, const char *container,
                                              docker_done_fn *on_done, void *arg);

/* SIGTERM, and SIGKILL after grace_s. */
struct docker_request *docker_container_stop(struct docker_client *client, const char *container,
                                             int grace_s, docker_done_fn *on_done, void *arg);

/* signal as Docker names it: "SIGKILL". */
struct docker_request *docker_container_kill(struct docker_client *client, const char *container,
                                             const char *signal, docker_done_fn *on_done,
                                             void *arg);

/* With force also while it runs. Its anonymous volumes go with it. */
struct docker_request *docker_container_remove(struct docker_client *client, const char *container,
                                               bool force, docker_done_fn *on_done, void *arg);

/* Until it does not run. No time limit. */
struct docker_request *docker_container_wait(struct docker_client *client, const char *container,
                                             docker_exit_fn *on_done, void *arg);

/* network: the one whose address is wanted, or NULL. */
struct docker_request *docker_container_inspect(struct docker_client *client, const char *container,
                                                const char *network, docker_container_fn *on_done,
                                                void *arg);

/* All with the label "name=value" (or "name"), running or not. */
struct docker_request *docker_container_list(struct docker_client *client, const char *label,
                                             const char *network, docker_container_list_fn *on_done,
                                             void *arg);

/* 0 leaves a limit as it is. Memory goes together with swap, and CPU always as NanoCpus: Docker
 * refuses the one alone and a mixture of the other with CpuQuota. */
struct docker_limits {
    int64_t memory_mib;
    int64_t cpu_millicores;
    int64_t cpu_shares;
    int64_t pids_limit;
};

struct docker_request *docker_container_update(struct docker_client *client, const char *container,
                                               const struct docker_limits *limits,
                                               docker_done_fn *on_done, void *arg);

struct docker_logs_options {
    int64_t tail;       /* lines; 0: all */
    int64_t since_unix; /* 0: from the beginning */
    bool timestamps;
    bool follow;     /* goes on until the container ends; no time limit */
    size_t size_max; /* the rest is dropped; 0: no bound */
};

/* on_text gets pieces as they come; they need not end at a line or a character. It must not cancel
 * this request. */
struct docker_request *docker_container_logs(struct docker_client *client, const char *container,
                                             const struct docker_logs_options *options,
                                             docker_frame_fn *on_text, docker_done_fn *on_done,
                                             void *arg);
