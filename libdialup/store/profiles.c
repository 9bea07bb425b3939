/*
 * The tables profiles and profile_limits, written by admind.
 */
#include "libdialup/store/profiles.h"

#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"

enum { FIND, LIST, PUT, DELETE, READ_LIMITS, PUT_LIMIT, DELETE_LIMITS, COUNT_ACCOUNTS };

static const struct db_statement rows[] = {
    [FIND] = {"profiles_find",
              "SELECT name, can_create_sites, can_use_editor FROM profiles WHERE name = ?1"},
    [LIST] = {"profiles_list",
              "SELECT name, can_create_sites, can_use_editor FROM profiles ORDER BY name"},
    [PUT] = {"profiles_put",
             "INSERT INTO profiles (name, can_create_sites, can_use_editor, created_at, "
             "updated_at) VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (name) DO UPDATE SET "
             "can_create_sites = excluded.can_create_sites, "
             "can_use_editor = excluded.can_use_editor, updated_at = excluded.updated_at"},
    [DELETE] = {"profiles_delete", "DELETE FROM profiles WHERE name = ?1"},
    [READ_LIMITS] = {"profiles_read_limits",
                     "SELECT dimension, ifnull(hard, -1), soft_percent, burst_percent, percent "
                     "FROM profile_limits WHERE profile = ?1"},
    [PUT_LIMIT] = {"profiles_put_limit",
                   "INSERT INTO profile_limits (profile, dimension, hard, soft_percent, "
                   "burst_percent, percent) VALUES (?1, ?2, nullif(?3, -1), ?4, ?5, ?6)"},
    [DELETE_LIMITS] = {"profiles_delete_limits", "DELETE FROM profile_limits WHERE profile = ?1"},
    [COUNT_ACCOUNTS] = {"profiles_count_accounts", "SELECT count(*) FROM users WHERE profile = ?1"},
};

const struct db_statements profiles_statements = {rows, ARRAY_COUNT(rows)};

static void read_profile(struct db_query *q, struct arena *arena, struct quota_profile *profile)
{
    *profile = (struct quota_profile){.name = db_column_text(q, arena)};
    profile->can_create_sites = db_column_bool(q);
    profile->can_use_editor = db_column_bool(q);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        profile->limits[i] = QUOTA_NO_LIMIT;
    }
}

static int read_limits(struct db *db, struct quota_profile *profile, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &profiles_statements, READ_LIMITS, err);
    db_bind_text(&q, profile->name);
    return store_read_limits(&q, profile->limits);
}

static int refuse_unknown(const char *name, struct error *err)
{
    int r = error_set_field(err, ERR_INVALID_ARGUMENT, "profile", "There is no profile \"%.32s\"",
                            name);
    error_hint(err, "GET /api/profiles lists them");
    return r;
}

int profiles_find(struct db *db, struct arena *arena, const char *name,
                  struct quota_profile *ret_profile, struct error *err)
{
    const struct quota_profile *always = quota_profile_find(name);
    if (always) {
        *ret_profile = *always;
        return 0;
    }
    struct quota_profile profile;
    {
        AUTO_QUERY struct db_query q = db_query(db, &profiles_statements, FIND, err);
        db_bind_text(&q, name);
        int r = db_query_row(&q);
        if (r <= 0) {
            return r < 0 ? r : refuse_unknown(name, err);
        }
        read_profile(&q, arena, &profile);
    }
    int r = read_limits(db, &profile, err);
    if (r == 0) {
        *ret_profile = profile;
    }
    return r;
}

static int read_rows(struct db *db, struct arena *arena, struct profiles_list *list,
                     struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &profiles_statements, LIST, err);
    int r;
    while ((r = db_query_row(&q)) > 0) {
        list->rows = store_grow(arena, list->rows, list->count, sizeof(*list->rows));
        read_profile(&q, arena, &list->rows[list->count++]);
    }
    return r;
}

int profiles_list(struct db *db, struct arena *arena, struct profiles_list *ret_list,
                  struct error *err)
{
    struct profiles_list list = {0};
    for (size_t i = 0; quota_profile_at(i); i++) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        list.rows[list.count++] = *quota_profile_at(i);
    }
    size_t always = list.count;
    int r = read_rows(db, arena, &list, err);
    for (size_t i = always; r == 0 && i < list.count; i++) {
        r = read_limits(db, &list.rows[i], err);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

static int check(const struct quota_profile *profile, struct error *err)
{
    int r = quota_profile_check_name(profile->name, err);
    for (int i = 0; r == 0 && i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_limit *limit = &profile->limits[i];
        if (limit->hard == QUOTA_UNLIMITED && limit->percent == 0) {
            continue;
        }
        r = quota_limit_check(limit, (enum quota_dimension)i, QUOTA_USER, err);
        if (r < 0) {
            error_prefix_field(err, quota_dimension_info((enum quota_dimension)i)->name);
        }
    }
    return r;
}

static int run_by_name(struct db *db, size_t statement, const char *name, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &profiles_statements, statement, err);
    db_bind_text(&q, name);
    return db_query_run(&q);
}

static int put_row(struct db *db, const struct quota_profile *profile, int64_t now,
                   struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &profiles_statements, PUT, err);
    db_bind_text(&q, profile->name);
    db_bind_i64(&q, profile->can_create_sites);
    db_bind_i64(&q, profile->can_use_editor);
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

static int put_limit(struct db *db, const struct quota_profile *profile,
                     enum quota_dimension dimension, struct error *err)
{
    const struct quota_limit *limit = &profile->limits[dimension];
    if (limit->hard == QUOTA_UNLIMITED && limit->percent == 0) {
        return 0;
    }
    AUTO_QUERY struct db_query q = db_query(db, &profiles_statements, PUT_LIMIT, err);
    db_bind_text(&q, profile->name);
    db_bind_text(&q, quota_dimension_info(dimension)->name);
    db_bind_i64(&q, limit->hard);
    db_bind_i64(&q, limit->soft_percent);
    db_bind_i64(&q, limit->burst_percent);
    db_bind_i64(&q, limit->percent);
    return db_query_run(&q);
}

int profiles_put(struct db *db, const struct quota_profile *profile, int64_t now, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = check(profile, err);
    if (r < 0 || (r = db_transaction_begin(&transaction, db, err)) < 0 ||
        (r = put_row(db, profile, now, err)) < 0 ||
        (r = run_by_name(db, DELETE_LIMITS, profile->name, err)) < 0) {
        return r;
    }
    for (int i = 0; r == 0 && i < QUOTA_DIMENSION_COUNT; i++) {
        r = put_limit(db, profile, (enum quota_dimension)i, err);
    }
    return r < 0 ? r : db_transaction_commit(&transaction, err);
}

static int delete_row(struct db *db, const char *name, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &profiles_statements, DELETE, err);
    db_bind_text(&q, name);
    return store_change(&q, "profile");
}

int profiles_count_accounts(struct db *db, const char *name, int64_t *ret_count, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &profiles_statements, COUNT_ACCOUNTS, err);
    db_bind_text(&q, name);
    int r = store_row(&q, "count");
    if (r == 0) {
        *ret_count = db_column_i64(&q);
    }
    return r;
}

static int check_unused(struct db *db, const char *name, struct error *err)
{
    int64_t count = 0;
    int r = profiles_count_accounts(db, name, &count, err);
    if (r == 0 && count > 0) {
        r = error_set_field(err, ERR_CONFLICT, "name", "%lld %s the profile \"%.32s\"",
                            (long long)count, count == 1 ? "account has" : "accounts have", name);
        error_hint(err, "Apply another profile to them first");
    }
    return r;
}

int profiles_delete(struct db *db, const char *name, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    if (quota_profile_find(name)) {
        return error_set_field(err, ERR_CONFLICT, "name", "\"%s\" is always there", name);
    }
    int r = db_transaction_begin(&transaction, db, err);
    if (r < 0 || (r = run_by_name(db, DELETE_LIMITS, name, err)) < 0 ||
        (r = delete_row(db, name, err)) < 0 || (r = check_unused(db, name, err)) < 0) {
        return r;
    }
    return db_transaction_commit(&transaction, err);
}
