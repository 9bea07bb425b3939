/*
 * Who did what, when. Rows are only ever added.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

struct db;

struct audit_entry {
    int64_t id;
    int64_t at;
    const char *actor;   /* "user:7", "root", "system" */
    const char *action;  /* "site.create" */
    const char *subject; /* "site:mysite.example.org" */
    const char *detail;  /* JSON object, never a secret */
    const char *request_id;
};

struct audit_list {
    struct audit_entry *rows;
    size_t count;
};

/* id is ignored. */
int audit_add(struct db *db, const struct audit_entry *entry, struct error *err);

/* The newest first, from below before_id on (0: from the newest); subject NULL: all. */
int audit_list(struct db *db, struct arena *arena, const char *subject, int64_t before_id,
               int64_t limit, struct audit_list *ret_list, struct error *err);
