/*
 * People who may log in. Nobody is ever deleted: a user who left is not active any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

struct db;

enum user_role { USER_ROLE_USER, USER_ROLE_ADMIN };

/* "user", "admin". */
const char *user_role_name(enum user_role role);
bool user_role_parse(const char *name, enum user_role *ret_role);

struct user {
    int64_t id;
    const char *email;
    const char *name;
    const char *password_hash; /* NULL: cannot log in with one */
    enum user_role role;
    const char *profile;
    bool can_create_sites;
    bool can_use_editor;
    bool is_active;
    int64_t created_at;
    int64_t updated_at;
};

struct users_list {
    struct user *rows;
    size_t count;
};

struct users_page {
    int64_t after_id; /* 0: from the first */
    int64_t limit;
    const char *search; /* part of the name or the address; NULL: all */
};

/* All fields but id and the times are taken from user. -ERR_ALREADY_EXISTS, field "email", if the
 * address is taken in any case. */
int users_create(struct db *db, const struct user *user, int64_t now, int64_t *ret_id,
                 struct error *err);

int users_find(struct db *db, struct arena *arena, int64_t id, struct user *ret_user,
               struct error *err);
int users_find_by_email(struct db *db, struct arena *arena, const char *email,
                        struct user *ret_user, struct error *err);

/* By id. */
int users_list(struct db *db, struct arena *arena, const struct users_page *page,
               struct users_list *ret_list, struct error *err);

/* Active ones only. */
struct users_counts {
    int64_t users; /* admins among them */
    int64_t admins;
};
int users_count(struct db *db, struct users_counts *ret_counts, struct error *err);

/* Writes name, role, profile and the three flags. */
int users_update(struct db *db, const struct user *user, int64_t now, struct error *err);

int users_set_password(struct db *db, int64_t id, const char *password_hash, int64_t now,
                       struct error *err);

/* Ends the user's sessions as well; keys end with the user (api_keys_find). */
int users_deactivate(struct db *db, int64_t id, int64_t now, struct error *err);
