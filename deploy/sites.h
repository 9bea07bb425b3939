/*
 * What the commands about one site share.
 */
#pragma once

#include "deploy/run.h"

/* The API's path of the site in the first word, with below ("/logs") behind it. In the arena. */
int sites_path(struct run *run, const char *below, const char **ret_path, struct domain *ret_domain,
               struct error *err);

/* One site, as sites show does. */
void sites_print(struct run *run, const struct json_value *site);

/* "asleep since 10:32", "running, 2 instances": what a visitor would find. */
const char *sites_state_text(struct run *run, const struct json_value *site);

/* "256MB", "-" for one without a container. */
const char *sites_memory_text(struct run *run, const struct json_value *site);

/* What --strategy and --idle-minutes say. */
struct keeping {
    const char *strategy; /* NULL: nothing */
    int64_t idle_minutes; /* -1: nothing */
};

/* ERR_INVALID_ARGUMENT, with what there is. */
int sites_read_keeping(const struct args *args, struct keeping *ret_keeping, struct error *err);

/* As members of a request. */
void sites_put_keeping(const struct keeping *keeping, struct json_writer *writer);
