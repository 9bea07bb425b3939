/*
 * The tables teams and team_members, written by admind. What members bring in is in team_shares.c.
 */
#include "libdialup/store/teams.h"

#include <string.h>

#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"
#include "libdialup/store/users.h"

enum { NAME_LEN_MAX = 64 };

#define COLUMNS "id, name, created_at, updated_at, deleted_at "

enum {
    CREATE,
    RENAME,
    DELETE,
    FIND,
    LIST,
    LIST_OF_USER,
    LIST_LED_ALONE,
    COUNT_SITES,
    LIST_MEMBERS,
    FIND_MEMBER,
    COUNT_MEMBERS,
    ADD_MEMBER,
    SET_ROLE,
    SET_LEADS_MAY_MOVE,
    REMOVE_MEMBER,
    REMOVE_ALL
};

static const struct db_statement rows[] = {
    [CREATE] = {"teams_create", "INSERT INTO teams (name, created_at, updated_at) "
                                "VALUES (?1, ?2, ?2)"},
    [RENAME] = {"teams_rename", "UPDATE teams SET name = ?2, updated_at = ?3 WHERE id = ?1 "
                                "AND deleted_at IS NULL"},
    [DELETE] = {"teams_delete", "UPDATE teams SET deleted_at = ?2, updated_at = ?2 WHERE id = ?1 "
                                "AND deleted_at IS NULL"},
    [FIND] = {"teams_find", "SELECT " COLUMNS "FROM teams WHERE id = ?1 AND deleted_at IS NULL"},
    [LIST] = {"teams_list", "SELECT " COLUMNS "FROM teams WHERE id > ?1 AND deleted_at IS NULL "
                            "ORDER BY id LIMIT ?2"},
    [LIST_OF_USER] = {"teams_list_of_user",
                      "SELECT " COLUMNS "FROM teams WHERE deleted_at IS NULL AND id IN "
                      "(SELECT team_id FROM team_members WHERE user_id = ?1) ORDER BY id"},
    [LIST_LED_ALONE] =
        {"teams_list_led_alone",
         "SELECT " COLUMNS "FROM teams WHERE deleted_at IS NULL AND id IN "
         "(SELECT own.team_id FROM team_members own WHERE own.user_id = ?1 AND own.role = 'lead' "
         "AND NOT EXISTS (SELECT 1 FROM team_members other JOIN users ON users.id = other.user_id "
         "WHERE other.team_id = own.team_id AND other.user_id <> ?1 AND other.role = 'lead' "
         "AND users.is_active)) ORDER BY id"},
    [COUNT_SITES] = {"teams_count_sites", "SELECT count(*) FROM sites WHERE owner_kind = 'team' "
                                          "AND owner_id = ?1 AND deleted_at IS NULL"},
    [LIST_MEMBERS] = {"team_members_list",
                      "SELECT m.team_id, m.user_id, m.role, m.joined_at, m.leads_may_move, "
                      "u.is_active, u.email FROM team_members m JOIN users u ON u.id = m.user_id "
                      "WHERE m.team_id = ?1 ORDER BY m.role, m.user_id"},
    [FIND_MEMBER] = {"team_members_find",
                     "SELECT role FROM team_members JOIN teams ON id = team_id "
                     "WHERE team_id = ?1 AND user_id = ?2 "
                     "AND deleted_at IS NULL"},
    [COUNT_MEMBERS] = {"team_members_count",
                       "SELECT count(*), coalesce(sum(m.role = 'lead' AND u.is_active), 0) "
                       "FROM team_members m JOIN users u ON u.id = m.user_id "
                       "WHERE m.team_id = ?1"},
    [ADD_MEMBER] = {"team_members_add",
                    "INSERT INTO team_members (team_id, user_id, role, joined_at) "
                    "VALUES (?1, ?2, ?3, ?4)"},
    [SET_ROLE] = {"team_members_set_role",
                  "UPDATE team_members SET role = ?3 WHERE team_id = ?1 AND user_id = ?2"},
    [SET_LEADS_MAY_MOVE] =
        {"team_members_set_leads_may_move",
         "UPDATE team_members SET leads_may_move = ?3 WHERE team_id = ?1 AND user_id = ?2"},
    [REMOVE_MEMBER] = {"team_members_remove",
                       "DELETE FROM team_members WHERE team_id = ?1 AND user_id = ?2"},
    [REMOVE_ALL] = {"team_members_remove_all", "DELETE FROM team_members WHERE team_id = ?1"},
};

const struct db_statements teams_statements = {rows, ARRAY_COUNT(rows)};

static const char *const role_names[] = {[TEAM_ROLE_MEMBER] = "member", [TEAM_ROLE_LEAD] = "lead"};

const char *team_role_name(enum team_role role)
{
    return role_names[role];
}

bool team_role_parse(const char *name, enum team_role *ret_role)
{
    for (size_t i = 0; i < ARRAY_COUNT(role_names); i++) {
        if (str_equal(role_names[i], name)) {
            *ret_role = (enum team_role)i;
            return true;
        }
    }
    return false;
}

/* Teams -------------------------------------------------------------------------------------- */

static int check_name(const char *name, struct error *err)
{
    size_t len = strlen(name);
    bool is_blank = strspn(name, " \t") == len;
    bool is_one_line = str_is_one_line(name);
    bool is_number = strspn(name, "0123456789") == len; /* teams are named by number, too */
    if (is_one_line && !is_number && len <= NAME_LEN_MAX) {
        return 0;
    }
    int result = error_set_field(err, ERR_INVALID_ARGUMENT, "name", "%s",
                                 is_blank       ? "A team needs a name"
                                 : !is_one_line ? "A team's name is one line of plain text"
                                 : is_number    ? "A team's name is more than a number"
                                                : "This name is too long");
    error_hint(err, "Use 1 to %d characters", NAME_LEN_MAX);
    return result;
}

static int explain_name(int result, const char *name, struct error *err)
{
    if (result == -ERR_ALREADY_EXISTS) {
        error_set_field(err, ERR_ALREADY_EXISTS, "name", "There is a team \"%s\" already", name);
        error_hint(err, "Choose another name");
    }
    return result;
}

static int insert(struct db *db, const char *name, int64_t now, int64_t *ret_id, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, CREATE, err);
    db_bind_text(&q, name);
    db_bind_i64(&q, now);
    return explain_name(db_query_insert(&q, ret_id), name, err);
}

int teams_create(struct db *db, const char *name, int64_t lead_user_id, int64_t now,
                 int64_t *ret_id, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int64_t id = 0;
    int r = check_name(name, err);
    if (r < 0 || (r = db_transaction_begin(&transaction, db, err)) < 0 ||
        (r = insert(db, name, now, &id, err)) < 0 ||
        (r = team_members_add(db, id, lead_user_id, TEAM_ROLE_LEAD, now, err)) < 0 ||
        (r = db_transaction_commit(&transaction, err)) < 0) {
        return r;
    }
    *ret_id = id;
    return 0;
}

int teams_rename(struct db *db, int64_t id, const char *name, int64_t now, struct error *err)
{
    int r = check_name(name, err);
    if (r < 0) {
        return r;
    }
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, RENAME, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, name);
    db_bind_i64(&q, now);
    return explain_name(store_change(&q, "team"), name, err);
}

static int count_sites(struct db *db, int64_t id, int64_t *ret_count, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, COUNT_SITES, err);
    db_bind_i64(&q, id);
    int r = store_row(&q, "count");
    *ret_count = r == 0 ? db_column_i64(&q) : 0;
    return r;
}

static int check_no_sites(struct db *db, int64_t id, struct error *err)
{
    int64_t count;
    int r = count_sites(db, id, &count, err);
    if (r == 0 && count > 0) {
        r = error_set(err, ERR_CONFLICT, "This team still has %lld %s", (long long)count,
                      count == 1 ? "site" : "sites");
        error_hint(err, "Delete the team's sites first");
    }
    return r;
}

static int remove_all(struct db *db, int64_t id, struct error *err)
{
    int r = store_remove_shares_of_team(db, id, err);
    if (r < 0) {
        return r;
    }
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, REMOVE_ALL, err);
    db_bind_i64(&q, id);
    return db_query_run(&q);
}

static int mark_deleted(struct db *db, int64_t id, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, DELETE, err);
    db_bind_i64(&q, id);
    db_bind_i64(&q, now);
    return store_change(&q, "team");
}

int teams_delete(struct db *db, int64_t id, int64_t now, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    if (r < 0 || (r = mark_deleted(db, id, now, err)) < 0 ||
        (r = check_no_sites(db, id, err)) < 0 || (r = remove_all(db, id, err)) < 0) {
        return r;
    }
    return db_transaction_commit(&transaction, err);
}

static void read_team(struct db_query *q, struct arena *arena, struct team *team)
{
    team->id = db_column_i64(q);
    team->name = db_column_text(q, arena);
    team->created_at = db_column_i64(q);
    team->updated_at = db_column_i64(q);
    team->deleted_at = db_column_i64(q);
}

int teams_find(struct db *db, struct arena *arena, int64_t id, struct team *ret_team,
               struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, FIND, err);
    db_bind_i64(&q, id);
    int r = store_row(&q, "team");
    if (r == 0) {
        read_team(&q, arena, ret_team);
    }
    return r;
}

static int read_list(struct db_query *q, struct arena *arena, struct teams_list *ret_list)
{
    struct teams_list list = {0};
    int r;
    while ((r = db_query_row(q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_team(q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int teams_list(struct db *db, struct arena *arena, int64_t after_id, int64_t limit,
               struct teams_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, LIST, err);
    db_bind_i64(&q, after_id);
    db_bind_i64(&q, limit);
    return read_list(&q, arena, ret_list);
}

int teams_list_of_user(struct db *db, struct arena *arena, int64_t user_id,
                       struct teams_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, LIST_OF_USER, err);
    db_bind_i64(&q, user_id);
    return read_list(&q, arena, ret_list);
}

int teams_list_led_alone(struct db *db, struct arena *arena, int64_t user_id,
                         struct teams_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, LIST_LED_ALONE, err);
    db_bind_i64(&q, user_id);
    return read_list(&q, arena, ret_list);
}

/* Members ------------------------------------------------------------------------------------ */

int team_members_list(struct db *db, struct arena *arena, int64_t team_id,
                      struct team_members_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, LIST_MEMBERS, err);
    struct team_members_list list = {0};
    int r;
    db_bind_i64(&q, team_id);
    while ((r = db_query_row(&q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        struct team_member *member = &list.rows[list.count++];
        member->team_id = db_column_i64(&q);
        member->user_id = db_column_i64(&q);
        member->role = (enum team_role)store_column_enum(&q, role_names, ARRAY_COUNT(role_names));
        member->joined_at = db_column_i64(&q);
        member->leads_may_move = db_column_bool(&q);
        member->is_active = db_column_bool(&q);
        member->email = db_column_text(&q, arena);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int team_members_find(struct db *db, int64_t team_id, int64_t user_id, bool *ret_is_member,
                      enum team_role *ret_role, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, FIND_MEMBER, err);
    db_bind_i64(&q, team_id);
    db_bind_i64(&q, user_id);
    int r = db_query_row(&q);
    if (r < 0) {
        return r;
    }
    *ret_is_member = r > 0;
    *ret_role = r > 0 ? (enum team_role)store_column_enum(&q, role_names, ARRAY_COUNT(role_names))
                      : TEAM_ROLE_MEMBER;
    return 0;
}

static int count_members(struct db *db, int64_t team_id, int64_t *ret_members, int64_t *ret_leads,
                         struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, COUNT_MEMBERS, err);
    db_bind_i64(&q, team_id);
    int r = store_row(&q, "count");
    if (r == 0) {
        *ret_members = db_column_i64(&q);
        *ret_leads = db_column_i64(&q);
    }
    return r;
}

int teams_count(struct db *db, int64_t team_id, struct team_counts *ret_counts, struct error *err)
{
    struct team_counts counts = {0};
    int r = count_members(db, team_id, &counts.members, &counts.leads, err);
    if (r == 0) {
        r = count_sites(db, team_id, &counts.sites, err);
    }
    if (r == 0) {
        *ret_counts = counts;
    }
    return r;
}

/* Who may be added, to which team. */
static int check_new_member(struct db *db, int64_t team_id, int64_t user_id, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct team team;
    struct user user;
    int64_t members = 0;
    int64_t leads = 0;
    int r = teams_find(db, arena, team_id, &team, err);
    if (r < 0 || (r = users_find(db, arena, user_id, &user, err)) < 0 ||
        (r = count_members(db, team_id, &members, &leads, err)) < 0) {
        return r;
    }
    if (!user.is_active) {
        r = error_set_field(err, ERR_CONFLICT, "user_id", "The account of %.64s is not active",
                            user.email);
        error_hint(err, "Activate it first");
    } else if (members >= QUOTA_TEAM_MEMBERS_MAX) {
        r = error_set_field(err, ERR_CONFLICT, "user_id", "This team has %d members, that is full",
                            QUOTA_TEAM_MEMBERS_MAX);
        error_hint(err, "Make a second team");
    }
    return r;
}

int team_members_add(struct db *db, int64_t team_id, int64_t user_id, enum team_role role,
                     int64_t now, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    if (r < 0 || (r = check_new_member(db, team_id, user_id, err)) < 0) {
        return r;
    }
    {
        AUTO_QUERY struct db_query q = db_query(db, &teams_statements, ADD_MEMBER, err);
        db_bind_i64(&q, team_id);
        db_bind_i64(&q, user_id);
        db_bind_text(&q, team_role_name(role));
        db_bind_i64(&q, now);
        r = db_query_run(&q);
    }
    if (r == -ERR_ALREADY_EXISTS) {
        r = error_set_field(err, ERR_ALREADY_EXISTS, "user_id", "They are in this team already");
        error_hint(err, "Their role can be changed");
    }
    return r < 0 ? r : db_transaction_commit(&transaction, err);
}

static int set_role(struct db *db, int64_t team_id, int64_t user_id, enum team_role role,
                    struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, SET_ROLE, err);
    db_bind_i64(&q, team_id);
    db_bind_i64(&q, user_id);
    db_bind_text(&q, team_role_name(role));
    return store_change(&q, "member of this team");
}

static int keep_a_lead(struct db *db, int64_t team_id, struct error *err)
{
    int64_t members = 0;
    int64_t leads = 0;
    int r = count_members(db, team_id, &members, &leads, err);
    if (r == 0 && leads == 0) {
        r = error_set_field(err, ERR_CONFLICT, "role", "They are the last lead of this team");
        error_hint(err, "Make somebody else a lead first, or delete the team");
    }
    return r;
}

int team_members_set_role(struct db *db, int64_t team_id, int64_t user_id, enum team_role role,
                          struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    if (r < 0 || (r = set_role(db, team_id, user_id, role, err)) < 0 ||
        (r = keep_a_lead(db, team_id, err)) < 0) {
        return r;
    }
    return db_transaction_commit(&transaction, err);
}

int team_members_set_leads_may_move(struct db *db, int64_t team_id, int64_t user_id, bool may_move,
                                    struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, SET_LEADS_MAY_MOVE, err);
    db_bind_i64(&q, team_id);
    db_bind_i64(&q, user_id);
    db_bind_i64(&q, may_move);
    return store_change(&q, "member of this team");
}

int store_remove_member(struct db *db, int64_t team_id, int64_t user_id, struct error *err)
{
    int r = store_remove_shares_of_member(db, team_id, user_id, err);
    if (r < 0) {
        return r;
    }
    AUTO_QUERY struct db_query q = db_query(db, &teams_statements, REMOVE_MEMBER, err);
    db_bind_i64(&q, team_id);
    db_bind_i64(&q, user_id);
    return store_change(&q, "member of this team");
}
