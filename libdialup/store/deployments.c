/*
 * The deployments table, written by deployd.
 */
#include "libdialup/store/deployments.h"

#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"

#define COLUMNS                                                                                    \
    "id, site_id, number, kind, state, step, source, base_id, commit_ref, message, created_by, "   \
    "runtime, files, size_bytes, received_bytes, error_name, error_message, error_hint, "          \
    "created_at, started_at, finished_at, duration_ms, type, memory_mib, cpu_millicores, "         \
    "request_id, error_checks "

enum {
    CREATE,
    FIND,
    FIND_BY_NUMBER,
    FIND_GOOD_BEFORE,
    LIST,
    LIST_UNFINISHED,
    SET_STATE,
    SET_STEP,
    SET_RELEASE,
    SET_NEEDS,
    SUPERSEDE,
    FINISH
};

static const struct db_statement rows[] = {
    [CREATE] = {"deployments_create",
                "INSERT INTO deployments (site_id, number, kind, state, source, base_id, "
                "commit_ref, message, created_by, created_at, request_id) "
                "VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM deployments "
                "WHERE site_id = ?1), ?2, 'queued', ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
    [FIND] = {"deployments_find", "SELECT " COLUMNS "FROM deployments WHERE id = ?1"},
    [FIND_BY_NUMBER] = {"deployments_find_by_number",
                        "SELECT " COLUMNS "FROM deployments WHERE site_id = ?1 AND number = ?2"},
    [FIND_GOOD_BEFORE] = {"deployments_find_good_before",
                          "SELECT " COLUMNS "FROM deployments WHERE site_id = ?1 "
                          "AND number < ?2 AND state IN ('live', 'superseded') "
                          "ORDER BY number DESC LIMIT 1"},
    [LIST] = {"deployments_list", "SELECT " COLUMNS "FROM deployments WHERE site_id = ?1 "
                                  "AND number < ?2 ORDER BY number DESC LIMIT ?3"},
    [LIST_UNFINISHED] = {"deployments_list_unfinished",
                         "SELECT " COLUMNS "FROM deployments "
                         "WHERE state IN ('queued', 'building', 'starting') ORDER BY id"},
    [SET_STATE] = {"deployments_set_state", "UPDATE deployments SET state = ?2, step = ?3, "
                                            "started_at = ifnull(started_at, ?4) WHERE id = ?1"},
    [SET_STEP] = {"deployments_set_step", "UPDATE deployments SET step = ?2 WHERE id = ?1"},
    [SET_RELEASE] = {"deployments_set_release",
                     "UPDATE deployments SET runtime = ?2, files = ?3, size_bytes = ?4, "
                     "received_bytes = ?5 WHERE id = ?1"},
    [SET_NEEDS] = {"deployments_set_needs", "UPDATE deployments SET type = ?2, memory_mib = ?3, "
                                            "cpu_millicores = ?4 WHERE id = ?1"},
    [SUPERSEDE] = {"deployments_supersede",
                   "UPDATE deployments SET state = 'superseded' WHERE state = 'live' "
                   "AND site_id = (SELECT site_id FROM deployments WHERE id = ?1) AND id <> ?1"},
    [FINISH] = {"deployments_finish",
                "UPDATE deployments SET state = ?2, step = '', error_name = ?3, "
                "error_message = ?4, error_hint = ?5, finished_at = ?6, "
                "duration_ms = max(0, ?6 - ifnull(started_at, created_at)) * 1000, "
                "error_checks = ?7 WHERE id = ?1"},
};

const struct db_statements deployments_statements = {rows, ARRAY_COUNT(rows)};

static const char *const kind_names[] = {
    [DEPLOYMENT_UPLOAD] = "upload",
    [DEPLOYMENT_ROLLBACK] = "rollback",
};

static const char *const state_names[] = {
    [DEPLOYMENT_QUEUED] = "queued",         [DEPLOYMENT_BUILDING] = "building",
    [DEPLOYMENT_STARTING] = "starting",     [DEPLOYMENT_LIVE] = "live",
    [DEPLOYMENT_SUPERSEDED] = "superseded", [DEPLOYMENT_FAILED] = "failed",
};

const char *deployment_kind_name(enum deployment_kind kind)
{
    return kind_names[kind];
}

const char *deployment_state_name(enum deployment_state state)
{
    return state_names[state];
}

bool deployment_state_is_final(enum deployment_state state)
{
    return state >= DEPLOYMENT_LIVE;
}

static void read_result(struct db_query *q, struct arena *arena, struct deployment *deployment)
{
    deployment->runtime = db_column_text(q, arena);
    deployment->files = db_column_i64(q);
    deployment->size_bytes = db_column_i64(q);
    deployment->received_bytes = db_column_i64(q);
    deployment->error_name = db_column_text(q, arena);
    deployment->error_message = db_column_text(q, arena);
    deployment->error_hint = db_column_text(q, arena);
    deployment->created_at = db_column_i64(q);
    deployment->started_at = db_column_i64(q);
    deployment->finished_at = db_column_i64(q);
    deployment->duration_ms = db_column_i64(q);
    deployment->needs.type = db_column_text(q, arena);
    deployment->needs.memory_mib = db_column_i64(q);
    deployment->needs.cpu_millicores = db_column_i64(q);
    deployment->request_id = db_column_text(q, arena);
    deployment->error_checks = db_column_text(q, arena);
}

static void read_deployment(struct db_query *q, struct arena *arena, struct deployment *deployment)
{
    deployment->id = db_column_i64(q);
    deployment->site_id = db_column_i64(q);
    deployment->number = db_column_i64(q);
    deployment->kind =
        (enum deployment_kind)store_column_enum(q, kind_names, ARRAY_COUNT(kind_names));
    deployment->state =
        (enum deployment_state)store_column_enum(q, state_names, ARRAY_COUNT(state_names));
    deployment->step = db_column_text(q, arena);
    deployment->source = db_column_text(q, arena);
    deployment->base_id = db_column_i64(q);
    deployment->commit_ref = db_column_text(q, arena);
    deployment->message = db_column_text(q, arena);
    deployment->created_by = db_column_text(q, arena);
    read_result(q, arena, deployment);
}

int deployments_create(struct db *db, const struct deployment *deployment, int64_t now,
                       int64_t *ret_id, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, CREATE, err);
    db_bind_i64(&q, deployment->site_id);
    db_bind_text(&q, deployment_kind_name(deployment->kind));
    db_bind_text(&q, deployment->source);
    db_bind_i64_or_null(&q, deployment->base_id);
    db_bind_text(&q, deployment->commit_ref);
    db_bind_text(&q, deployment->message);
    db_bind_text(&q, deployment->created_by);
    db_bind_i64(&q, now);
    db_bind_text(&q, deployment->request_id ? deployment->request_id : "");
    return db_query_insert(&q, ret_id);
}

static int find(struct db_query *q, struct arena *arena, struct deployment *ret_deployment)
{
    int r = store_row(q, "deployment");
    if (r == 0) {
        read_deployment(q, arena, ret_deployment);
    }
    return r;
}

int deployments_find(struct db *db, struct arena *arena, int64_t id,
                     struct deployment *ret_deployment, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, FIND, err);
    db_bind_i64(&q, id);
    return find(&q, arena, ret_deployment);
}

int deployments_find_by_number(struct db *db, struct arena *arena, int64_t site_id, int64_t number,
                               struct deployment *ret_deployment, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, FIND_BY_NUMBER, err);
    db_bind_i64(&q, site_id);
    db_bind_i64(&q, number);
    return find(&q, arena, ret_deployment);
}

int deployments_find_good_before(struct db *db, struct arena *arena, int64_t site_id,
                                 int64_t number, struct deployment *ret_deployment,
                                 struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, FIND_GOOD_BEFORE, err);
    db_bind_i64(&q, site_id);
    db_bind_i64(&q, number);
    return find(&q, arena, ret_deployment);
}

static int read_list(struct db_query *q, struct arena *arena, struct deployments_list *ret_list)
{
    struct deployments_list list = {0};
    int r;
    while ((r = db_query_row(q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_deployment(q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int deployments_list(struct db *db, struct arena *arena, int64_t site_id, int64_t before_number,
                     int64_t limit, struct deployments_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, LIST, err);
    db_bind_i64(&q, site_id);
    db_bind_i64(&q, before_number ? before_number : INT64_MAX);
    db_bind_i64(&q, limit);
    return read_list(&q, arena, ret_list);
}

int deployments_list_unfinished(struct db *db, struct arena *arena,
                                struct deployments_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, LIST_UNFINISHED, err);
    return read_list(&q, arena, ret_list);
}

int deployments_set_state(struct db *db, int64_t id, enum deployment_state state, const char *step,
                          int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, SET_STATE, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, deployment_state_name(state));
    db_bind_text(&q, step);
    db_bind_i64_or_null(&q, state == DEPLOYMENT_QUEUED ? 0 : now);
    return store_change(&q, "deployment");
}

int deployments_set_step(struct db *db, int64_t id, const char *step, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, SET_STEP, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, step);
    return store_change(&q, "deployment");
}

int deployments_set_release(struct db *db, int64_t id, const char *runtime, int64_t files,
                            int64_t size_bytes, int64_t received_bytes, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, SET_RELEASE, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, runtime);
    db_bind_i64(&q, files);
    db_bind_i64(&q, size_bytes);
    db_bind_i64(&q, received_bytes);
    return store_change(&q, "deployment");
}

int deployments_set_needs(struct db *db, int64_t id, const struct deployment_needs *needs,
                          struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, SET_NEEDS, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, needs->type);
    db_bind_i64(&q, needs->memory_mib);
    db_bind_i64(&q, needs->cpu_millicores);
    return store_change(&q, "deployment");
}

static int supersede(struct db *db, int64_t id, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, SUPERSEDE, err);
    db_bind_i64(&q, id);
    return db_query_run(&q);
}

static int write_end(struct db *db, int64_t id, const struct error *failure, int64_t now,
                     struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &deployments_statements, FINISH, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, deployment_state_name(failure ? DEPLOYMENT_FAILED : DEPLOYMENT_LIVE));
    db_bind_text(&q, failure ? error_info(failure->code)->name : "");
    db_bind_text(&q, failure ? failure->message : "");
    db_bind_text(&q, failure ? failure->hint : "");
    db_bind_i64(&q, now);
    db_bind_text(&q, failure && failure->checks_json ? failure->checks_json : "");
    return store_change(&q, "deployment");
}

int deployments_finish(struct db *db, int64_t id, const struct error *failure, int64_t now,
                       struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    if (r == 0) {
        r = write_end(db, id, failure, now, err);
    }
    if (r == 0 && !failure) {
        r = supersede(db, id, err);
    }
    return r == 0 ? db_transaction_commit(&transaction, err) : r;
}
