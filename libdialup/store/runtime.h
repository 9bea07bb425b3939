/*
 * How long an owner's sites were awake, by day: the time in which at least one container of theirs
 * ran. A day is one of UTC, the same on every machine and 24 hours long. Written by deployd.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct db;

enum { RUNTIME_DAY_S = 24 * 3600 };

/* Days since 1970. */
int64_t runtime_day(int64_t unix_s);

/* 0 if nothing was written down. */
int runtime_read(struct db *db, enum quota_entity owner_kind, int64_t owner_id, int64_t day,
                 int64_t *ret_awake_s, struct error *err);

struct runtime {
    enum quota_entity owner_kind;
    int64_t owner_id;
    int64_t awake_s;
};

struct runtime_list {
    struct runtime *rows;
    size_t count;
};

/* Of all owners who were awake on that day. */
int runtime_list(struct db *db, struct arena *arena, int64_t day, struct runtime_list *ret_list,
                 struct error *err);

/* One more piece of a day. */
int runtime_add(struct db *db, enum quota_entity owner_kind, int64_t owner_id, int64_t day,
                int64_t awake_s, struct error *err);

int runtime_expire(struct db *db, int64_t before_day, struct error *err);
