/*
 * Images that builds of ours made: listed and removed. Asynchronous, like container.h, whose
 * labels they carry (without kind and generation).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/engine/engine.h"

struct arena;

struct image {
    const char *id;
    const char *const *tags; /* its names; none for one that lost its name to another */
    size_t tag_count;
    int64_t site_id;
    int64_t deployment_id;
    const char *owner; /* "user:7" */
};

typedef void image_list_fn(void *context, const struct image *list, size_t count,
                           const struct error *err);
typedef void image_done_fn(void *context, const struct error *err);

/* Those of an instance; texts end with the call of on_list. */
void image_list(struct engine *engine, const char *instance, image_list_fn *on_list, void *context);

/* By id or name. Never by force: one that a container or another image needs stays (ERR_CONFLICT).
 * One that is not there is fine. */
void image_remove(struct engine *engine, const char *name, image_done_fn *on_done, void *context);

/* Pure: from the JSON of GET /images/json; in the arena. */
int image_list_parse(struct arena *arena, const char *json, size_t size,
                     const struct image **ret_list, size_t *ret_count, struct error *err);
