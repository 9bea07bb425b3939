/*
 * The notices table, written by admind.
 */
#include "libdialup/store/notices.h"

#include "libdialup/store/internal.h"

#define COLUMNS "id, user_id, kind, entity_kind, entity_id, text, at, read_at "
#define INTO "INSERT INTO notices (user_id, kind, entity_kind, entity_id, text, source, at) "
#define ONCE "ON CONFLICT (user_id, source) WHERE source IS NOT NULL DO NOTHING"
#define PAGE "AND id < ?2 ORDER BY id DESC LIMIT ?3"

enum { ADD, ADD_FOR_LEADS, ADD_FOR_ADMINS, LIST, LIST_UNREAD, COUNT_UNREAD, MARK_READ, EXPIRE };

static const struct db_statement rows[] = {
    [ADD] = {"notices_add", INTO "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) " ONCE},
    [ADD_FOR_LEADS] = {"notices_add_for_leads",
                       INTO "SELECT user_id, ?2, ?3, ?4, ?5, ?6, ?7 FROM team_members "
                            "WHERE team_id = ?4 AND role = 'lead' AND user_id <> ?1 " ONCE},
    [ADD_FOR_ADMINS] = {"notices_add_for_admins",
                        INTO "SELECT id, ?2, ?3, ?4, ?5, ?6, ?7 FROM users "
                             "WHERE role = 'admin' AND is_active AND id <> ?1 " ONCE},
    [LIST] = {"notices_list", "SELECT " COLUMNS "FROM notices WHERE user_id = ?1 " PAGE},
    [LIST_UNREAD] = {"notices_list_unread", "SELECT " COLUMNS "FROM notices WHERE user_id = ?1 "
                                            "AND read_at IS NULL " PAGE},
    [COUNT_UNREAD] = {"notices_count_unread",
                      "SELECT count(*) FROM notices WHERE user_id = ?1 AND read_at IS NULL"},
    [MARK_READ] = {"notices_mark_read", "UPDATE notices SET read_at = ifnull(read_at, ?3) "
                                        "WHERE id = ?1 AND user_id = ?2"},
    [EXPIRE] = {"notices_expire", "DELETE FROM notices WHERE at < ?1"},
};

const struct db_statements notices_statements = {rows, ARRAY_COUNT(rows)};

static const char *const kind_names[] = {
    [NOTICE_LIMITS] = "limits",
    [NOTICE_TEAM] = "team",
    [NOTICE_SOFT_LIMIT] = "soft_limit",
    [NOTICE_LIMIT_REACHED] = "limit_reached",
    [NOTICE_PUT_TO_SLEEP] = "put_to_sleep",
    [NOTICE_PRESSURE] = "pressure",
};

const char *notice_kind_name(enum notice_kind kind)
{
    return kind_names[kind];
}

static int add(struct db *db, size_t statement, const struct notice *notice, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &notices_statements, statement, err);
    db_bind_i64(&q, notice->user_id);
    db_bind_text(&q, notice_kind_name(notice->kind));
    db_bind_text(&q, quota_entity_name(notice->entity));
    db_bind_i64(&q, notice->entity_id);
    db_bind_text(&q, notice->text);
    db_bind_text(&q, notice->source);
    db_bind_i64(&q, notice->at);
    return db_query_run(&q);
}

int notices_add(struct db *db, const struct notice *notice, struct error *err)
{
    return add(db, ADD, notice, err);
}

int notices_add_for_leads(struct db *db, const struct notice *notice, struct error *err)
{
    return add(db, ADD_FOR_LEADS, notice, err);
}

int notices_add_for_admins(struct db *db, const struct notice *notice, struct error *err)
{
    return add(db, ADD_FOR_ADMINS, notice, err);
}

static void read_notice(struct db_query *q, struct arena *arena, struct notice *notice)
{
    *notice = (struct notice){.id = db_column_i64(q)};
    notice->user_id = db_column_i64(q);
    notice->kind = (enum notice_kind)store_column_enum(q, kind_names, ARRAY_COUNT(kind_names));
    notice->entity = store_column_entity(q);
    notice->entity_id = db_column_i64(q);
    notice->text = db_column_text(q, arena);
    notice->at = db_column_i64(q);
    notice->read_at = db_column_i64(q);
}

int notices_list(struct db *db, struct arena *arena, int64_t user_id,
                 const struct notices_page *page, struct notices_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q =
        db_query(db, &notices_statements, page->unread_only ? LIST_UNREAD : LIST, err);
    struct notices_list list = {0};
    int r;
    db_bind_i64(&q, user_id);
    db_bind_i64(&q, page->before_id ? page->before_id : INT64_MAX);
    db_bind_i64(&q, page->limit);
    while ((r = db_query_row(&q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_notice(&q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int notices_count_unread(struct db *db, int64_t user_id, int64_t *ret_count, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &notices_statements, COUNT_UNREAD, err);
    db_bind_i64(&q, user_id);
    int r = store_row(&q, "count");
    if (r == 0) {
        *ret_count = db_column_i64(&q);
    }
    return r;
}

int notices_mark_read(struct db *db, int64_t user_id, int64_t id, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &notices_statements, MARK_READ, err);
    db_bind_i64(&q, id);
    db_bind_i64(&q, user_id);
    db_bind_i64(&q, now);
    return store_change(&q, "notice");
}

int notices_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &notices_statements, EXPIRE, err);
    db_bind_i64(&q, before);
    return db_query_change(&q, ret_removed);
}
