/*
 * Violations: one row an episode (libdialup/quota/episodes.h), from its begin to its end. Written
 * by monitord; what another program did about one reaches it by a call, so that it stays the
 * writer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct db;

/* The worst that was seen. In force: the kernel has another limit than was declared. */
enum violation_kind { VIOLATION_SOFT, VIOLATION_HARD, VIOLATION_OVER, VIOLATION_IN_FORCE };

const char *violation_kind_name(enum violation_kind kind); /* "soft", "in_force" */
bool violation_kind_parse(const char *name, enum violation_kind *ret_kind);

/* The kind of an episode's worst state; not of QUOTA_OK. */
enum violation_kind violation_kind_of(enum quota_state worst);

struct violation {
    int64_t id;
    enum quota_entity entity;
    int64_t entity_id; /* 0: the system */
    const char *dimension;
    enum violation_kind kind;
    int64_t began_at;
    int64_t limit; /* in force when it was noted last */
    int64_t peak;
    int64_t ended_at;   /* 0: it goes on */
    const char *action; /* what was done about it; "": nothing */
};

struct violations_list {
    struct violation *rows;
    size_t count;
};

struct violations_filter {
    bool has_entity;
    enum quota_entity entity;
    int64_t entity_id;
    const char *dimension; /* NULL: all */
    bool has_kind;
    enum violation_kind kind;
    bool open_only;
    int64_t since;     /* ended at or after it, or goes on; 0: all */
    int64_t before_id; /* for the next page; 0: the newest */
    int64_t limit;
};

/* Kind, entity, dimension, began_at, limit and peak are taken from violation. -ERR_ALREADY_EXISTS
 * if one of the same entity and dimension goes on. */
int violations_begin(struct db *db, const struct violation *violation, int64_t *ret_id,
                     struct error *err);

/* A higher peak or a worse kind of one that goes on. */
int violations_update(struct db *db, int64_t id, enum violation_kind kind, int64_t limit,
                      int64_t peak, struct error *err);
/* For people: "put to sleep: a.example.org". The last one stays. */
int violations_set_action(struct db *db, int64_t id, const char *action, struct error *err);
int violations_end(struct db *db, int64_t id, int64_t ended_at, struct error *err);

/* All that go on: what a monitord that starts has to know. By id. */
int violations_list_open(struct db *db, struct arena *arena, struct violations_list *ret_list,
                         struct error *err);

/* The newest first. */
int violations_list(struct db *db, struct arena *arena, const struct violations_filter *filter,
                    struct violations_list *ret_list, struct error *err);

/* Removes those that ended before. */
int violations_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err);
