/*
 * Notices: what happened to people's accounts and teams, for them to read. Written by admind: what
 * other programs did it reads from their tables (violations) and tells once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct db;

enum notice_kind {
    NOTICE_LIMITS,        /* limits were changed */
    NOTICE_TEAM,          /* somebody came into a team, left, or brings in something else */
    NOTICE_SOFT_LIMIT,    /* a use came near its limit */
    NOTICE_LIMIT_REACHED, /* a use is at or above its limit */
    NOTICE_PUT_TO_SLEEP,  /* a site gave way */
    NOTICE_PRESSURE       /* something else that was done about a use */
};

const char *notice_kind_name(enum notice_kind kind); /* "soft_limit" */

struct notice {
    int64_t id;
    int64_t user_id; /* who is told */
    enum notice_kind kind;
    enum quota_entity entity; /* whose thing it is */
    int64_t entity_id;        /* 0: the system */
    const char *text;
    const char *source; /* told once to each person; NULL: as often as it is said. Not read back */
    int64_t at;
    int64_t read_at; /* 0: not read */
};

struct notices_list {
    struct notice *rows;
    size_t count;
};

struct notices_page {
    bool unread_only;
    int64_t before_id; /* 0: the newest */
    int64_t limit;
};

/* id and read_at are ignored. Nothing is written if the person was told of that source before. */
int notices_add(struct db *db, const struct notice *notice, struct error *err);

/* The same for all leads of the team that the notice is about, and for all admins; but not for the
 * person in user_id, who knows (0: for all). */
int notices_add_for_leads(struct db *db, const struct notice *notice, struct error *err);
int notices_add_for_admins(struct db *db, const struct notice *notice, struct error *err);

/* The newest first. */
int notices_list(struct db *db, struct arena *arena, int64_t user_id,
                 const struct notices_page *page, struct notices_list *ret_list, struct error *err);
int notices_count_unread(struct db *db, int64_t user_id, int64_t *ret_count, struct error *err);

/* -ERR_NOT_FOUND for another's, too; one that was read stays as it is. */
int notices_mark_read(struct db *db, int64_t user_id, int64_t id, int64_t now, struct error *err);

/* Removes those from before. */
int notices_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err);
