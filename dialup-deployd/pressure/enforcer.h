/*
 * The enforcer: holds owners to what only time shows. Counts how long their sites are awake each
 * day and holds them when the hours are used up; takes back what was lent when the machine is not
 * calm any more; lets sites run again when there is room. On demand it also stops what is above a
 * limit for another reason, which nobody does unasked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct deployd;
struct enforcer;

/* What was done, or would be. */
struct enforced {
    const char *step; /* "put_to_sleep", "stop_site", "start_site", "apply_limits" */
    enum quota_entity owner_kind;
    int64_t owner_id;
    const char *site;   /* its domain; NULL: all of the owner's */
    const char *reason; /* "" if there is none */
    bool done;
};

enum { ENFORCED_MAX = 5000 };

struct enforced_list {
    struct enforced *rows;
    size_t count;
};

/* Looks every deployd.enforce_s. */
struct enforcer *enforcer_new(struct deployd *deployd);
void enforcer_free(struct enforcer *enforcer);

/* As the clock does, but now and for one owner: its limits were changed. */
void enforcer_look(struct deployd *deployd, enum quota_entity owner_kind, int64_t owner_id);

/* Now, for one owner, or everybody (QUOTA_SYSTEM); dry: says what it would do. In the arena. */
int enforcer_run(struct deployd *deployd, struct arena *arena, enum quota_entity owner_kind,
                 int64_t owner_id, bool is_dry, struct enforced_list *ret_list, struct error *err);
