/*
 * Images: built from a tar, looked at, removed. Asynchronous, see client.h.
 */
#pragma once

#include "dialup-deployd/docker/client.h"
#include "dialup-deployd/docker/container_json.h"

struct docker_build {
    const char *tag;        /* "name:tag" */
    const char *dockerfile; /* in the tar; NULL: "Dockerfile" */
    const char *network;    /* for RUN; NULL: Docker's default, "none": no network */
    const char *cgroup_parent;
    int64_t memory_mib; /* of a step, no swap; 0: unlimited */
    int64_t cpu_millicores;
    const struct docker_label *labels;
    size_t label_count;
    const struct docker_label *build_args;
    size_t build_arg_count;
    bool uses_cache;
    int timeout_ms; /* 0: none */

    transfer_read_fn *read;                                    /* the tar */
    void (*on_text)(void *arg, const char *text, size_t size); /* what the build says */
    void *arg;                                                 /* of both, and of on_done */
};

/* image_id is "sha256:..." or "" if Docker did not tell. A step that fails is ERR_BUILD_FAILED.
 * Cancelling ends the step that runs. on_text must not cancel this request. */
struct docker_request *
docker_image_build(struct docker_client *client, const struct docker_build *build,
                   void (*on_done)(void *arg, const char *image_id, const struct error *err));

struct docker_image {
    const char *id;
    int64_t size_bytes;
    const struct docker_label *labels;
    size_t label_count;
};

typedef void docker_image_fn(void *arg, const struct docker_image *image, const struct error *err);

struct docker_request *docker_image_inspect(struct docker_client *client, const char *image,
                                            docker_image_fn *on_done, void *arg);

/* With force also if a stopped container or another name refers to it. */
struct docker_request *docker_image_remove(struct docker_client *client, const char *image,
                                           bool force, docker_done_fn *on_done, void *arg);
