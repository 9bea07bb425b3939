/*
 * Containers as Docker writes them, and as we do: JSON <-> structs. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/str.h"
#include "libdialup/json/json.h"

struct docker_label {
    const char *name;
    const char *value;
};

struct docker_mount {
    const char *source; /* on the host; must exist */
    const char *target;
    bool is_read_only;
};

struct docker_tmpfs {
    const char *target;
    int64_t size_mib;
};

/* What a container shall be. Every one gets no capabilities, no new privileges, an init, and a log
 * that rotates. 0 and NULL leave a setting to Docker. */
struct docker_container_spec {
    const char *name;
    const char *image;
    const char *const *argv; /* NULL-terminated */
    const char *const *env;  /* "NAME=value", NULL-terminated */
    const char *workdir;
    const char *user; /* "uid:gid" */
    const char *network;
    int64_t memory_mib; /* and no swap */
    int64_t cpu_millicores;
    int64_t cpu_shares;
    int64_t pids_limit;
    int64_t nofile_limit;
    const struct docker_mount *mounts;
    size_t mount_count;
    const struct docker_tmpfs *tmpfs;
    size_t tmpfs_count;
    const struct docker_label *labels;
    size_t label_count;
    int64_t log_file_mib; /* 0: 10 */
    int64_t log_files;    /* 0: 2 */
    int64_t stop_timeout_s;
    bool is_rootfs_read_only;
    bool restarts; /* unless stopped by us */
};

enum docker_container_state {
    DOCKER_CREATED,
    DOCKER_RUNNING,
    DOCKER_PAUSED,
    DOCKER_RESTARTING,
    DOCKER_REMOVING,
    DOCKER_EXITED,
    DOCKER_DEAD,
    DOCKER_STATE_UNKNOWN
};

/* What a container is. Texts are never NULL. A list gives only those marked (l). */
struct docker_container {
    const char *id;                    /* (l) */
    const char *name;                  /* (l) */
    const char *image;                 /* (l) as it was asked for */
    const char *ip_address;            /* (l) in the network asked for, "" if it has none */
    enum docker_container_state state; /* (l) */
    int64_t pid;                       /* 0 if it does not run */
    int64_t exit_code;
    bool is_oom_killed;      /* any of its processes was */
    const char *error;       /* why it did not start */
    int64_t started_at_unix; /* 0: never */
    int64_t finished_at_unix;
    int64_t memory_bytes, memory_swap_bytes, nano_cpus, cpu_shares, pids_limit; /* declared */
    const struct docker_label *labels;                                          /* (l) */
    size_t label_count;
};

/* Appends the body of a create request. */
void docker_container_spec_write(const struct docker_container_spec *spec, struct strbuf *out);

/* Appends an object. */
void docker_labels_write(const struct docker_label *labels, size_t count, struct strbuf *out);

/* Reads an inspect answer; false if it is none. Texts live in the arena. network may be NULL. */
bool docker_container_read(struct arena *arena, const struct json_value *value, const char *network,
                           struct docker_container *ret_container);

/* Reads a list answer; false if it is none. */
bool docker_container_list_read(struct arena *arena, const struct json_value *value,
                                const char *network, struct docker_container **ret_list,
                                size_t *ret_count);

/* An object of texts. */
const struct docker_label *docker_labels_read(struct arena *arena, const struct json_value *object,
                                              size_t *ret_count);

/* The value, or NULL. */
const char *docker_label_find(const struct docker_label *labels, size_t count, const char *name);

/* "2026-01-31T12:00:00.123456789Z" -> seconds; 0 for Docker's "never" and for what is no time. */
int64_t docker_time_parse(const char *text);
