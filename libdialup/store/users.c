/*
 * The users table, written by admind.
 */
#include "libdialup/store/users.h"

#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"
#include "libdialup/store/sessions.h"

#define COLUMNS                                                                                    \
    "id, email, name, password_hash, role, profile, can_create_sites, can_use_editor, is_active, " \
    "created_at, updated_at "

enum { CREATE, FIND, FIND_BY_EMAIL, LIST, COUNT, UPDATE, SET_PASSWORD, DEACTIVATE };

static const struct db_statement rows[] = {
    [CREATE] = {"users_create",
                "INSERT INTO users (email, name, password_hash, role, profile, can_create_sites, "
                "can_use_editor, is_active, created_at, updated_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)"},
    [FIND] = {"users_find", "SELECT " COLUMNS "FROM users WHERE id = ?1"},
    [FIND_BY_EMAIL] = {"users_find_by_email", "SELECT " COLUMNS "FROM users WHERE email = ?1"},
    [LIST] = {"users_list", "SELECT " COLUMNS "FROM users WHERE id > ?1 AND (?2 IS NULL "
                            "OR instr(lower(name), lower(?2)) OR instr(lower(email), lower(?2))) "
                            "ORDER BY id LIMIT ?3"},
    [COUNT] = {"users_count", "SELECT count(*), coalesce(sum(role = 'admin'), 0) FROM users "
                              "WHERE is_active"},
    [UPDATE] = {"users_update",
                "UPDATE users SET name = ?2, role = ?3, profile = ?4, can_create_sites = ?5, "
                "can_use_editor = ?6, is_active = ?7, updated_at = ?8 WHERE id = ?1"},
    [SET_PASSWORD] = {"users_set_password",
                      "UPDATE users SET password_hash = ?2, updated_at = ?3 WHERE id = ?1"},
    [DEACTIVATE] = {"users_deactivate",
                    "UPDATE users SET is_active = 0, updated_at = ?2 WHERE id = ?1"},
};

const struct db_statements users_statements = {rows, ARRAY_COUNT(rows)};

static const char *const role_names[] = {[USER_ROLE_USER] = "user", [USER_ROLE_ADMIN] = "admin"};

const char *user_role_name(enum user_role role)
{
    return role_names[role];
}

bool user_role_parse(const char *name, enum user_role *ret_role)
{
    for (size_t i = 0; i < ARRAY_COUNT(role_names); i++) {
        if (str_equal(role_names[i], name)) {
            *ret_role = (enum user_role)i;
            return true;
        }
    }
    return false;
}

static void read_user(struct db_query *q, struct arena *arena, struct user *user)
{
    user->id = db_column_i64(q);
    user->email = db_column_text(q, arena);
    user->name = db_column_text(q, arena);
    user->password_hash = db_column_text(q, arena);
    user->role = (enum user_role)store_column_enum(q, role_names, ARRAY_COUNT(role_names));
    user->profile = db_column_text(q, arena);
    user->can_create_sites = db_column_bool(q);
    user->can_use_editor = db_column_bool(q);
    user->is_active = db_column_bool(q);
    user->created_at = db_column_i64(q);
    user->updated_at = db_column_i64(q);
}

int users_create(struct db *db, const struct user *user, int64_t now, int64_t *ret_id,
                 struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &users_statements, CREATE, err);
    db_bind_text(&q, user->email);
    db_bind_text(&q, user->name);
    db_bind_text(&q, user->password_hash);
    db_bind_text(&q, user_role_name(user->role));
    db_bind_text(&q, user->profile);
    db_bind_i64(&q, user->can_create_sites);
    db_bind_i64(&q, user->can_use_editor);
    db_bind_i64(&q, user->is_active);
    db_bind_i64(&q, now);
    int r = db_query_insert(&q, ret_id);
    if (r == -ERR_ALREADY_EXISTS) {
        return error_set_field(err, ERR_ALREADY_EXISTS, "email",
                               "There is an account for %s already", user->email);
    }
    return r;
}

int users_find(struct db *db, struct arena *arena, int64_t id, struct user *ret_user,
               struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &users_statements, FIND, err);
    db_bind_i64(&q, id);
    int r = store_row(&q, "user");
    if (r == 0) {
        read_user(&q, arena, ret_user);
    }
    return r;
}

int users_find_by_email(struct db *db, struct arena *arena, const char *email,
                        struct user *ret_user, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &users_statements, FIND_BY_EMAIL, err);
    db_bind_text(&q, email);
    int r = store_row(&q, "user");
    if (r == 0) {
        read_user(&q, arena, ret_user);
    }
    return r;
}

int users_list(struct db *db, struct arena *arena, const struct users_page *page,
               struct users_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &users_statements, LIST, err);
    struct users_list list = {0};
    db_bind_i64(&q, page->after_id);
    db_bind_text(&q, page->search);
    db_bind_i64(&q, page->limit);
    int r;
    while ((r = db_query_row(&q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_user(&q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int users_count(struct db *db, struct users_counts *ret_counts, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &users_statements, COUNT, err);
    int r = store_row(&q, "count");
    if (r == 0) {
        ret_counts->users = db_column_i64(&q);
        ret_counts->admins = db_column_i64(&q);
    }
    return r;
}

int users_update(struct db *db, const struct user *user, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &users_statements, UPDATE, err);
    db_bind_i64(&q, user->id);
    db_bind_text(&q, user->name);
    db_bind_text(&q, user_role_name(user->role));
    db_bind_text(&q, user->profile);
    db_bind_i64(&q, user->can_create_sites);
    db_bind_i64(&q, user->can_use_editor);
    db_bind_i64(&q, user->is_active);
    db_bind_i64(&q, now);
    return store_change(&q, "user");
}

int users_set_password(struct db *db, int64_t id, const char *password_hash, int64_t now,
                       struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &users_statements, SET_PASSWORD, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, password_hash);
    db_bind_i64(&q, now);
    return store_change(&q, "user");
}

static int set_inactive(struct db *db, int64_t id, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &users_statements, DEACTIVATE, err);
    db_bind_i64(&q, id);
    db_bind_i64(&q, now);
    return store_change(&q, "user");
}

int users_deactivate(struct db *db, int64_t id, int64_t now, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    if (r == 0) {
        r = set_inactive(db, id, now, err);
    }
    if (r == 0) {
        r = sessions_delete_of_user(db, id, err);
    }
    return r == 0 ? db_transaction_commit(&transaction, err) : r;
}
