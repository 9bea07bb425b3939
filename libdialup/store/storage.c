/*
 * The site_storage table, written by deployd.
 */
#include "libdialup/store/storage.h"

#include "libdialup/base/fs.h"
#include "libdialup/base/str.h"
#include "libdialup/store/internal.h"
#include "libdialup/store/sites.h"

enum { FIND, SUM, PUT };

static const struct db_statement rows[] = {
    [FIND] = {"storage_find", "SELECT releases_bytes, images_bytes, container_bytes, logs_bytes "
                              "FROM site_storage WHERE site_id = ?1"},
    [SUM] = {"storage_sum", "SELECT ifnull(sum(releases_bytes), 0), ifnull(sum(images_bytes), 0), "
                            "ifnull(sum(container_bytes), 0), ifnull(sum(logs_bytes), 0) "
                            "FROM sites JOIN site_storage ON site_id = sites.id "
                            "WHERE owner_kind = ?1 AND owner_id = ?2 AND deleted_at IS NULL"},
    [PUT] = {"storage_put", "INSERT OR REPLACE INTO site_storage (site_id, releases_bytes, "
                            "images_bytes, container_bytes, logs_bytes, changed_at) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
};

const struct db_statements storage_statements = {rows, ARRAY_COUNT(rows)};

int64_t storage_total(const struct storage_parts *parts)
{
    return parts->releases_bytes + parts->images_bytes + parts->container_bytes + parts->logs_bytes;
}

static int read_parts(struct db_query *q, struct storage_parts *ret_parts)
{
    int r = db_query_row(q);
    *ret_parts = (struct storage_parts){0};
    if (r > 0) {
        ret_parts->releases_bytes = db_column_i64(q);
        ret_parts->images_bytes = db_column_i64(q);
        ret_parts->container_bytes = db_column_i64(q);
        ret_parts->logs_bytes = db_column_i64(q);
    }
    return r < 0 ? r : 0;
}

int64_t storage_charged(const struct storage_parts *parts, int64_t inodes)
{
    return storage_total(parts) - parts->releases_bytes +
           fs_usage_charged(parts->releases_bytes, inodes);
}

int storage_find(struct db *db, int64_t site_id, struct storage_parts *ret_parts, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &storage_statements, FIND, err);
    db_bind_i64(&q, site_id);
    return read_parts(&q, ret_parts);
}

int storage_sum(struct db *db, enum quota_entity owner_kind, int64_t owner_id,
                struct storage_parts *ret_parts, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &storage_statements, SUM, err);
    db_bind_text(&q, quota_entity_name(owner_kind));
    db_bind_i64(&q, owner_id);
    return read_parts(&q, ret_parts);
}

int storage_put(struct db *db, int64_t site_id, const struct storage_parts *parts, int64_t inodes,
                int64_t now, struct error *err)
{
    int result = sites_set_storage(db, site_id, storage_total(parts), inodes, now, err);
    if (result < 0) {
        return result;
    }
    AUTO_QUERY struct db_query q = db_query(db, &storage_statements, PUT, err);
    db_bind_i64(&q, site_id);
    db_bind_i64(&q, parts->releases_bytes);
    db_bind_i64(&q, parts->images_bytes);
    db_bind_i64(&q, parts->container_bytes);
    db_bind_i64(&q, parts->logs_bytes);
    db_bind_i64(&q, now);
    return db_query_run(&q);
}
