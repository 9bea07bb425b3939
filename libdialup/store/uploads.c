/*
 * The uploads table, written by admind.
 */
#include "libdialup/store/uploads.h"

#include "libdialup/store/internal.h"

#define COLUMNS "id, site_id, user_id, received_bytes, max_bytes, state, created_at, updated_at "

enum { CREATE, FIND, ADVANCE, SET_STATE, LIST_STALE, SUM_HELD, SUM_BY_USER, LIST_HELD, DELETE };

/* The file of a used one goes when its deployment is built or has failed. */
#define IS_HELD                                                                                    \
    "(uploads.state <> 'used' OR EXISTS (SELECT 1 FROM deployments "                               \
    "WHERE deployments.state IN ('queued', 'building', 'starting') "                               \
    "AND deployments.state <> 'starting' AND deployments.source = uploads.id)) "

static const struct db_statement rows[] = {
    [CREATE] = {"uploads_create",
                "INSERT INTO uploads (id, site_id, user_id, max_bytes, state, created_at, "
                "updated_at) VALUES (?1, ?2, ?3, ?4, 'open', ?5, ?5)"},
    [FIND] = {"uploads_find", "SELECT " COLUMNS "FROM uploads WHERE id = ?1"},
    [ADVANCE] = {"uploads_advance", "UPDATE uploads SET received_bytes = ?2 + ?3, updated_at = ?4 "
                                    "WHERE id = ?1 AND state = 'open' AND received_bytes = ?2 "
                                    "AND ?3 <= max_bytes - ?2"},
    [SET_STATE] = {"uploads_set_state", "UPDATE uploads SET state = ?3, updated_at = ?4 "
                                        "WHERE id = ?1 AND state = ?2"},
    [LIST_STALE] = {"uploads_list_stale", "SELECT " COLUMNS "FROM uploads WHERE updated_at < ?1 "
                                          "ORDER BY updated_at LIMIT 100"},
    [SUM_HELD] = {"uploads_sum_held", "SELECT count(*), ifnull(sum(received_bytes), 0) "
                                      "FROM uploads WHERE uploads.user_id = ?1 AND " IS_HELD},
    [SUM_BY_USER] = {"uploads_sum_by_user",
                     "SELECT user_id, count(*), sum(received_bytes) FROM uploads "
                     "WHERE user_id > 0 AND " IS_HELD "GROUP BY user_id"},
    [LIST_HELD] = {"uploads_list_held",
                   "SELECT uploads.id, sites.domain, received_bytes FROM uploads "
                   "LEFT JOIN sites ON sites.id = site_id WHERE uploads.user_id = ?1 AND " IS_HELD
                   "ORDER BY received_bytes DESC, uploads.created_at LIMIT ?2"},
    [DELETE] = {"uploads_delete", "DELETE FROM uploads WHERE id = ?1"},
};

const struct db_statements uploads_statements = {rows, ARRAY_COUNT(rows)};

static const char *const state_names[] = {
    [UPLOAD_OPEN] = "open", [UPLOAD_COMPLETE] = "complete", [UPLOAD_USED] = "used"};

static void read_upload(struct db_query *q, struct arena *arena, struct upload *upload)
{
    upload->id = db_column_text(q, arena);
    upload->site_id = db_column_i64(q);
    upload->user_id = db_column_i64(q);
    upload->received_bytes = db_column_i64(q);
    upload->max_bytes = db_column_i64(q);
    upload->state = (enum upload_state)store_column_enum(q, state_names, ARRAY_COUNT(state_names));
    upload->created_at = db_column_i64(q);
    upload->updated_at = db_column_i64(q);
}

int uploads_create(struct db *db, const struct upload *upload, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &uploads_statements, CREATE, err);
    db_bind_text(&q, upload->id);
    db_bind_i64(&q, upload->site_id);
    db_bind_i64(&q, upload->user_id);
    db_bind_i64(&q, upload->max_bytes);
    db_bind_i64(&q, upload->created_at);
    return db_query_run(&q);
}

int uploads_find(struct db *db, struct arena *arena, const char *id, struct upload *ret_upload,
                 struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &uploads_statements, FIND, err);
    db_bind_text(&q, id);
    int r = store_row(&q, "upload");
    if (r == 0) {
        read_upload(&q, arena, ret_upload);
    }
    return r;
}

/* Why a change that names a state found no row. */
static int explain(struct db *db, const char *id, int64_t offset, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct upload upload;
    int r = uploads_find(db, arena, id, &upload, err);
    if (r != 0) {
        return r;
    }
    if (upload.state != UPLOAD_OPEN || offset < 0) {
        return error_set(err, ERR_CONFLICT, "This upload is %s",
                         upload.state == UPLOAD_OPEN ? "not complete" : state_names[upload.state]);
    }
    if (upload.received_bytes != offset) {
        error_set_field(err, ERR_CONFLICT, "offset", "This part starts at byte %jd, expected %jd",
                        (intmax_t)offset, (intmax_t)upload.received_bytes);
        error_hint(err, "Go on from byte %jd.", (intmax_t)upload.received_bytes);
        return -ERR_CONFLICT;
    }
    return error_set(err, ERR_TOO_LARGE, "An upload may have %jd bytes and this one has more",
                     (intmax_t)upload.max_bytes);
}

int uploads_advance(struct db *db, const char *id, int64_t offset, int64_t size, int64_t now,
                    struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &uploads_statements, ADVANCE, err);
    int64_t changed = 0;
    db_bind_text(&q, id);
    db_bind_i64(&q, offset);
    db_bind_i64(&q, size);
    db_bind_i64(&q, now);
    int r = db_query_change(&q, &changed);
    return r == 0 && changed == 0 ? explain(db, id, offset, err) : r;
}

static int set_state(struct db *db, const char *id, enum upload_state from, enum upload_state to,
                     int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &uploads_statements, SET_STATE, err);
    int64_t changed = 0;
    db_bind_text(&q, id);
    db_bind_text(&q, state_names[from]);
    db_bind_text(&q, state_names[to]);
    db_bind_i64(&q, now);
    int r = db_query_change(&q, &changed);
    return r == 0 && changed == 0 ? explain(db, id, -1, err) : r;
}

int uploads_finish(struct db *db, const char *id, int64_t now, struct error *err)
{
    return set_state(db, id, UPLOAD_OPEN, UPLOAD_COMPLETE, now, err);
}

int uploads_use(struct db *db, const char *id, int64_t now, struct error *err)
{
    return set_state(db, id, UPLOAD_COMPLETE, UPLOAD_USED, now, err);
}

int uploads_list_stale(struct db *db, struct arena *arena, int64_t before,
                       struct uploads_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &uploads_statements, LIST_STALE, err);
    struct uploads_list list = {0};
    db_bind_i64(&q, before);
    int r;
    while ((r = db_query_row(&q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_upload(&q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int uploads_sum_held(struct db *db, int64_t user_id, struct uploads_held *ret_held,
                     struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &uploads_statements, SUM_HELD, err);
    db_bind_i64(&q, user_id);
    int r = store_row(&q, "upload");
    if (r == 0) {
        ret_held->count = db_column_i64(&q);
        ret_held->bytes = db_column_i64(&q);
    }
    return r;
}

int uploads_sum_by_user(struct db *db, struct arena *arena, struct uploads_by_user_list *ret_list,
                        struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &uploads_statements, SUM_BY_USER, err);
    struct uploads_by_user_list list = {0};
    int r;
    while ((r = db_query_row(&q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        struct uploads_by_user *row = &list.rows[list.count++];
        row->user_id = db_column_i64(&q);
        row->count = db_column_i64(&q);
        row->bytes = db_column_i64(&q);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int uploads_list_held(struct db *db, struct arena *arena, int64_t user_id, int64_t limit,
                      struct uploads_held_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &uploads_statements, LIST_HELD, err);
    struct uploads_held_list list = {0};
    db_bind_i64(&q, user_id);
    db_bind_i64(&q, limit);
    int r;
    while ((r = db_query_row(&q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        struct upload_held *row = &list.rows[list.count++];
        row->id = db_column_text(&q, arena);
        row->domain = db_column_text(&q, arena);
        row->received_bytes = db_column_i64(&q);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int uploads_delete(struct db *db, const char *id, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &uploads_statements, DELETE, err);
    db_bind_text(&q, id);
    return db_query_run(&q);
}
