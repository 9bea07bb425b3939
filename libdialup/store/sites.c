/*
 * The sites table, written by deployd.
 */
#include "libdialup/store/sites.h"

#include "libdialup/store/internal.h"

#define COLUMNS                                                                                    \
    "id, owner_kind, owner_id, domain, type, strategy, memory_mib, cpu_millicores, desired, "      \
    "restart_generation, desired_deployment, state, state_reason, live_deployment, "               \
    "route_address, sleep, sleep_at, hold, idle_minutes, instances, storage_bytes, "               \
    "storage_inodes, "                                                                             \
    "created_at, updated_at, deleted_at "

enum {
    CREATE,
    FIND,
    FIND_BY_DOMAIN,
    LIST_BY_OWNER,
    LIST_BY_LOOK,
    LIST,
    SET_DESIRED,
    SET_DESIRED_DEPLOYMENT,
    RESTART,
    UNDO_RESTART,
    UPDATE,
    SET_STATE,
    SET_LIVE_DEPLOYMENT,
    SET_ROUTE,
    SET_SLEEP,
    SET_HOLD,
    SET_INSTANCES,
    SET_STORAGE,
    SET_DELETED
};

static const struct db_statement rows[] = {
    [CREATE] = {"sites_create",
                "INSERT INTO sites (owner_kind, owner_id, domain, type, strategy, memory_mib, "
                "cpu_millicores, idle_minutes, created_at, updated_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)"},
    [FIND] = {"sites_find", "SELECT " COLUMNS "FROM sites WHERE id = ?1"},
    [FIND_BY_DOMAIN] = {"sites_find_by_domain",
                        "SELECT " COLUMNS "FROM sites WHERE domain = ?1 AND deleted_at IS NULL"},
    [LIST_BY_OWNER] = {"sites_list_by_owner",
                       "SELECT " COLUMNS "FROM sites WHERE owner_kind = ?1 AND owner_id = ?2 "
                       "AND deleted_at IS NULL ORDER BY id"},
    [LIST_BY_LOOK] = {"sites_list_by_look",
                      "SELECT " COLUMNS "FROM sites WHERE look = ?1 AND deleted_at IS NULL"},
    [LIST] = {"sites_list", "SELECT " COLUMNS "FROM sites WHERE id > ?1 AND deleted_at IS NULL "
                            "AND (?2 IS NULL OR instr(domain, lower(?2))) ORDER BY id LIMIT ?3"},
    [SET_DESIRED] = {"sites_set_desired",
                     "UPDATE sites SET desired = ?2, updated_at = ?3 WHERE id = ?1"},
    [SET_DESIRED_DEPLOYMENT] = {"sites_set_desired_deployment",
                                "UPDATE sites SET desired_deployment = ?2, updated_at = ?3 "
                                "WHERE id = ?1"},
    [RESTART] = {"sites_restart", "UPDATE sites SET desired = 'running', restart_generation = "
                                  "restart_generation + 1, updated_at = ?2 WHERE id = ?1"},
    [UNDO_RESTART] = {"sites_undo_restart",
                      "UPDATE sites SET restart_generation = ?3, updated_at = ?4 "
                      "WHERE id = ?1 AND restart_generation = ?2"},
    [UPDATE] = {"sites_update", "UPDATE sites SET type = ?2, strategy = ?3, memory_mib = ?4, "
                                "cpu_millicores = ?5, idle_minutes = ?6, updated_at = ?7 "
                                "WHERE id = ?1"},
    [SET_STATE] = {"sites_set_state",
                   "UPDATE sites SET state = ?2, state_reason = ?3, updated_at = ?4 "
                   "WHERE id = ?1 AND (state <> ?2 OR state_reason <> ?3)"},
    [SET_LIVE_DEPLOYMENT] = {"sites_set_live_deployment",
                             "UPDATE sites SET live_deployment = ?2, updated_at = ?3 "
                             "WHERE id = ?1"},
    [SET_ROUTE] = {"sites_set_route", "UPDATE sites SET route_address = ?2, updated_at = ?3 "
                                      "WHERE id = ?1 AND route_address <> ?2"},
    [SET_SLEEP] = {"sites_set_sleep", "UPDATE sites SET sleep = ?2, sleep_at = ?3, updated_at = ?3 "
                                      "WHERE id = ?1 AND sleep <> ?2"},
    [SET_HOLD] = {"sites_set_hold", "UPDATE sites SET hold = ?2, updated_at = ?3 "
                                    "WHERE id = ?1 AND hold <> ?2"},
    [SET_INSTANCES] = {"sites_set_instances", "UPDATE sites SET instances = ?2, updated_at = ?3 "
                                              "WHERE id = ?1 AND instances <> ?2"},
    [SET_STORAGE] = {"sites_set_storage", "UPDATE sites SET storage_bytes = ?2, "
                                          "storage_inodes = ?3, updated_at = ?4 WHERE id = ?1"},
    [SET_DELETED] = {"sites_set_deleted",
                     "UPDATE sites SET desired = 'deleted', state = 'deleted', state_reason = '', "
                     "live_deployment = NULL, route_address = '', deleted_at = ?2, updated_at = ?2 "
                     "WHERE id = ?1 AND deleted_at IS NULL"},
};

const struct db_statements sites_statements = {rows, ARRAY_COUNT(rows)};

static const char *const desired_names[] = {
    [SITE_WANT_RUNNING] = "running",
    [SITE_WANT_STOPPED] = "stopped",
    [SITE_WANT_DELETED] = "deleted",
};

static const char *const state_names[] = {
    [SITE_NEW] = "new",         [SITE_STARTING] = "starting", [SITE_RUNNING] = "running",
    [SITE_STOPPED] = "stopped", [SITE_FAILED] = "failed",     [SITE_DELETED] = "deleted",
};

static const char *const sleep_names[] = {
    [SITE_AWAKE] = "awake",
    [SITE_FROZEN] = "frozen",
    [SITE_ASLEEP] = "asleep",
};

static const char *const hold_names[] = {
    [SITE_FREE] = "",
    [SITE_HELD_BY_MEMORY] = "memory",
    [SITE_HELD_BY_RUNTIME] = "runtime",
    [SITE_HELD_BY_LIMITS] = "limits",
};

bool site_has_live_containers(const struct site *site)
{
    return site->memory_mib > 0 && site->desired == SITE_WANT_RUNNING && site->live_deployment &&
           site->live_deployment == site->desired_deployment;
}

bool site_is_free_to_run(const struct site *site)
{
    return site_has_live_containers(site) && site->state == SITE_RUNNING && site->hold == SITE_FREE;
}

const char *site_desired_name(enum site_desired desired)
{
    return desired_names[desired];
}

const char *site_state_name(enum site_state state)
{
    return state_names[state];
}

const char *site_sleep_name(enum site_sleep sleep)
{
    return sleep_names[sleep];
}

const char *site_hold_name(enum site_hold hold)
{
    return hold_names[hold];
}

static void read_site(struct db_query *q, struct arena *arena, struct site *site)
{
    site->id = db_column_i64(q);
    site->owner_kind = store_column_entity(q);
    site->owner_id = db_column_i64(q);
    site->domain = db_column_text(q, arena);
    site->type = db_column_text(q, arena);
    site->strategy = db_column_text(q, arena);
    site->memory_mib = db_column_i64(q);
    site->cpu_millicores = db_column_i64(q);
    site->desired =
        (enum site_desired)store_column_enum(q, desired_names, ARRAY_COUNT(desired_names));
    site->restart_generation = db_column_i64(q);
    site->desired_deployment = db_column_i64(q);
    site->state = (enum site_state)store_column_enum(q, state_names, ARRAY_COUNT(state_names));
    site->state_reason = db_column_text(q, arena);
    site->live_deployment = db_column_i64(q);
    site->route_address = db_column_text(q, arena);
    site->sleep = (enum site_sleep)store_column_enum(q, sleep_names, ARRAY_COUNT(sleep_names));
    site->sleep_at = db_column_i64(q);
    site->hold = (enum site_hold)store_column_enum(q, hold_names, ARRAY_COUNT(hold_names));
    site->idle_minutes = db_column_i64(q);
    site->instances = db_column_i64(q);
    site->storage_bytes = db_column_i64(q);
    site->storage_inodes = db_column_i64(q);
    site->created_at = db_column_i64(q);
    site->updated_at = db_column_i64(q);
    site->deleted_at = db_column_i64(q);
}

int sites_create(struct db *db, const struct site *site, int64_t now, int64_t *ret_id,
                 struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, CREATE, err);
    db_bind_text(&q, quota_entity_name(site->owner_kind));
    db_bind_i64(&q, site->owner_id);
    db_bind_text(&q, site->domain);
    db_bind_text(&q, site->type);
    db_bind_text(&q, site->strategy);
    db_bind_i64(&q, site->memory_mib);
    db_bind_i64(&q, site->cpu_millicores);
    db_bind_i64(&q, site->idle_minutes);
    db_bind_i64(&q, now);
    int r = db_query_insert(&q, ret_id);
    if (r == -ERR_ALREADY_EXISTS) {
        error_set_field(err, ERR_ALREADY_EXISTS, "domain", "There is a site at %s already",
                        site->domain);
        error_hint(err, "Choose another name.");
    }
    return r;
}

int sites_find(struct db *db, struct arena *arena, int64_t id, struct site *ret_site,
               struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, FIND, err);
    db_bind_i64(&q, id);
    int r = store_row(&q, "site");
    if (r == 0) {
        read_site(&q, arena, ret_site);
    }
    return r;
}

int sites_find_by_domain(struct db *db, struct arena *arena, const char *domain,
                         struct site *ret_site, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, FIND_BY_DOMAIN, err);
    db_bind_text(&q, domain);
    int r = db_query_row(&q);
    if (r == 0) {
        return error_set(err, ERR_NOT_FOUND, "There is no site at %s", domain);
    }
    if (r < 0) {
        return r;
    }
    read_site(&q, arena, ret_site);
    return 0;
}

static int read_list(struct db_query *q, struct arena *arena, struct sites_list *ret_list)
{
    struct sites_list list = {0};
    int r;
    while ((r = db_query_row(q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_site(q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int sites_list_by_owner(struct db *db, struct arena *arena, enum quota_entity owner_kind,
                        int64_t owner_id, struct sites_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, LIST_BY_OWNER, err);
    db_bind_text(&q, quota_entity_name(owner_kind));
    db_bind_i64(&q, owner_id);
    return read_list(&q, arena, ret_list);
}

int sites_list_by_look(struct db *db, struct arena *arena, const char *look,
                       struct sites_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, LIST_BY_LOOK, err);
    db_bind_text(&q, look);
    return read_list(&q, arena, ret_list);
}

int sites_list(struct db *db, struct arena *arena, const struct sites_page *page,
               struct sites_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, LIST, err);
    db_bind_i64(&q, page->after_id);
    db_bind_text(&q, page->search);
    db_bind_i64(&q, page->limit ? page->limit : INT64_MAX);
    return read_list(&q, arena, ret_list);
}

int sites_set_desired(struct db *db, int64_t id, enum site_desired desired, int64_t now,
                      struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, SET_DESIRED, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, site_desired_name(desired));
    db_bind_i64(&q, now);
    return store_change(&q, "site");
}

int sites_set_desired_deployment(struct db *db, int64_t id, int64_t deployment_id, int64_t now,
                                 struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, SET_DESIRED_DEPLOYMENT, err);
    db_bind_i64(&q, id);
    db_bind_i64_or_null(&q, deployment_id);
    db_bind_i64(&q, now);
    return store_change(&q, "site");
}

int sites_restart(struct db *db, int64_t id, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, RESTART, err);
    db_bind_i64(&q, id);
    db_bind_i64(&q, now);
    return store_change(&q, "site");
}

int sites_undo_restart(struct db *db, int64_t id, int64_t from_generation, int64_t to_generation,
                       int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, UNDO_RESTART, err);
    db_bind_i64(&q, id);
    db_bind_i64(&q, from_generation);
    db_bind_i64(&q, to_generation);
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

int sites_update(struct db *db, const struct site *site, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, UPDATE, err);
    db_bind_i64(&q, site->id);
    db_bind_text(&q, site->type);
    db_bind_text(&q, site->strategy);
    db_bind_i64(&q, site->memory_mib);
    db_bind_i64(&q, site->cpu_millicores);
    db_bind_i64(&q, site->idle_minutes);
    db_bind_i64(&q, now);
    return store_change(&q, "site");
}

int sites_set_state(struct db *db, int64_t id, enum site_state state, const char *reason,
                    int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, SET_STATE, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, site_state_name(state));
    db_bind_text(&q, reason);
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

int sites_set_live_deployment(struct db *db, int64_t id, int64_t deployment_id, int64_t now,
                              struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, SET_LIVE_DEPLOYMENT, err);
    db_bind_i64(&q, id);
    db_bind_i64_or_null(&q, deployment_id);
    db_bind_i64(&q, now);
    return store_change(&q, "site");
}

int sites_set_route(struct db *db, int64_t id, const char *address, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, SET_ROUTE, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, address);
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

int sites_set_sleep(struct db *db, int64_t id, enum site_sleep sleep, int64_t now,
                    struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, SET_SLEEP, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, site_sleep_name(sleep));
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

int sites_set_hold(struct db *db, int64_t id, enum site_hold hold, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, SET_HOLD, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, site_hold_name(hold));
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

int sites_set_instances(struct db *db, int64_t id, int64_t instances, int64_t now,
                        struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, SET_INSTANCES, err);
    db_bind_i64(&q, id);
    db_bind_i64(&q, instances);
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

int sites_set_storage(struct db *db, int64_t id, int64_t bytes, int64_t inodes, int64_t now,
                      struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, SET_STORAGE, err);
    db_bind_i64(&q, id);
    db_bind_i64(&q, bytes);
    db_bind_i64(&q, inodes);
    db_bind_i64(&q, now);
    return store_change(&q, "site");
}

int sites_set_deleted(struct db *db, int64_t id, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sites_statements, SET_DELETED, err);
    db_bind_i64(&q, id);
    db_bind_i64(&q, now);
    return store_change(&q, "site");
}
