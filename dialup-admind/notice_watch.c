/*
 * See the header. Called by main.c.
 */
#include "dialup-admind/notice_watch.h"

#include <event2/event.h>
#include <stdlib.h>

#include "dialup-admind/admind.h"
#include "dialup-admind/level.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/enforcements.h"
#include "libdialup/store/notices.h"
#include "libdialup/store/sites.h"
#include "libdialup/store/teams.h"
#include "libdialup/store/violations.h"

enum { LOOK_EVERY_S = 5, AT_ONCE = 100, AMOUNT_SIZE = 80, ADVICE_SIZE = 1024 };

/* An open violation that people were told of, as it was then. */
struct seen {
    int64_t id;
    enum violation_kind kind;
};

struct notice_watch {
    struct admind *admind;
    struct event *timer;
    struct seen *seen; /* by id */
    size_t seen_count;
    int64_t last_enforcement;
};

/* An account, a team's leads, or the admins. */
static int tell(struct db *db, struct notice *notice, struct error *err)
{
    notice->user_id = notice->entity == QUOTA_USER ? notice->entity_id : 0;
    return notice->entity == QUOTA_USER   ? notices_add(db, notice, err)
           : notice->entity == QUOTA_TEAM ? notices_add_for_leads(db, notice, err)
                                          : notices_add_for_admins(db, notice, err);
}

/* Violations --------------------------------------------------------------------------------- */

static const char *who_uses(const struct admind *admind, struct arena *arena,
                            const struct violation *row)
{
    struct team team;
    if (row->entity == QUOTA_USER) {
        return "You use";
    }
    if (row->entity == QUOTA_SYSTEM) {
        return "All sites of the server together use";
    }
    return teams_find(admind->run->db, arena, row->entity_id, &team, NULL) == 0
               ? arena_printf(arena, "The team %s uses", team.name)
               : "A deleted team uses";
}

/* What would help a team, for its leads; "" if nothing would. */
static const char *advice_for(const struct admind *admind, struct arena *arena,
                              const struct violation *row)
{
    const struct quota_machine machine = level_machine(admind);
    struct quota_team team;
    char *text = arena_alloc(arena, ADVICE_SIZE);
    if (row->entity != QUOTA_TEAM ||
        teams_read_quota(admind->run->db, arena, row->entity_id, &machine, &team, NULL) < 0) {
        return "";
    }
    quota_team_warn(&team, text, ADVICE_SIZE / 2);
    return *text ? arena_printf(arena, ". %s", text) : "";
}

static const char *describe(const struct admind *admind, struct arena *arena,
                            const struct violation *row)
{
    static const char *const words[] = {
        [VIOLATION_SOFT] = "that is near the limit",
        [VIOLATION_HARD] = "that is all there is",
        [VIOLATION_OVER] = "that is more than the limit allows now",
    };
    enum quota_dimension dimension;
    char peak[AMOUNT_SIZE];
    char limit[AMOUNT_SIZE];
    if (!quota_dimension_parse(row->dimension, &dimension)) {
        return NULL;
    }
    const struct quota_dimension_info *info = quota_dimension_info(dimension);
    quota_format(info->unit, row->peak, peak, sizeof(peak));
    quota_format_noun(dimension, row->limit, limit, sizeof(limit));
    if (row->kind == VIOLATION_IN_FORCE) {
        return arena_printf(arena,
                            "Of %s %lld a limit is not in force: %s was set, and the kernel has %s",
                            quota_entity_name(row->entity), (long long)row->entity_id, limit, peak);
    }
    return arena_printf(arena, "%s %s of %s: %s. %s%s", who_uses(admind, arena, row), peak, limit,
                        words[row->kind], info->hint, advice_for(admind, arena, row));
}

/* Whether it was told as it is now; told in another state, it is told again. */
static bool is_seen(const struct notice_watch *watch, size_t *place, const struct violation *row)
{
    while (*place < watch->seen_count && watch->seen[*place].id < row->id) {
        (*place)++;
    }
    return *place < watch->seen_count && watch->seen[*place].id == row->id &&
           watch->seen[*place].kind == row->kind;
}

static int tell_violation(const struct notice_watch *watch, struct arena *arena,
                          const struct violation *row, struct error *err)
{
    struct notice notice = {
        .kind = row->kind == VIOLATION_SOFT ? NOTICE_SOFT_LIMIT : NOTICE_LIMIT_REACHED,
        .entity = row->kind == VIOLATION_IN_FORCE ? QUOTA_SYSTEM : row->entity,
        .entity_id = row->kind == VIOLATION_IN_FORCE ? 0 : row->entity_id,
        .text = describe(watch->admind, arena, row),
        .source = arena_printf(arena, "violation:%lld:%s", (long long)row->id,
                               violation_kind_name(row->kind)),
        .at = clock_unix(),
    };
    return notice.text ? tell(watch->admind->run->db, &notice, err) : 0;
}

static void remember(struct notice_watch *watch, const struct violations_list *list)
{
    free(watch->seen);
    watch->seen = xcalloc(list->count ? list->count : 1, sizeof(*watch->seen));
    watch->seen_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        watch->seen[i] = (struct seen){list->rows[i].id, list->rows[i].kind};
    }
}

/* Writes only if there is something new. */
static int look_at_violations(struct notice_watch *watch, struct arena *arena, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    struct violations_list list;
    size_t place = 0;
    int result = violations_list_open(watch->admind->run->db, arena, &list, err);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        if (is_seen(watch, &place, &list.rows[i])) {
            continue;
        }
        result =
            transaction.db ? 0 : db_transaction_begin(&transaction, watch->admind->run->db, err);
        if (result == 0) {
            result = tell_violation(watch, arena, &list.rows[i], err);
        }
    }
    if (result == 0 && transaction.db) {
        result = db_transaction_commit(&transaction, err);
    }
    if (result == 0) {
        remember(watch, &list);
    }
    return result;
}

/* Who gave way ------------------------------------------------------------------------------- */

static int tell_enforcement(const struct notice_watch *watch, struct arena *arena,
                            const struct enforcement *row, struct error *err)
{
    struct site site = {0};
    struct notice notice = {
        .kind = row->site_id ? NOTICE_PUT_TO_SLEEP : NOTICE_PRESSURE,
        .entity = row->owner_kind,
        .entity_id = row->owner_id,
        .text = row->reason,
        .source = arena_printf(arena, "enforcement:%lld", (long long)row->id),
        .at = row->at,
    };
    if (row->deployment_id || str_equal(row->step, "warn")) {
        notice.kind = NOTICE_PRESSURE;
    } else if (str_equal(row->step, ENFORCEMENT_REMOVE_CONTAINER)) {
        notice.kind = NOTICE_LIMIT_REACHED;
    }
    if (row->site_id && sites_find(watch->admind->run->db, arena, row->site_id, &site, NULL) == 0) {
        notice.text = arena_printf(arena, "%s: %s", site.domain, row->reason);
    }
    return tell(watch->admind->run->db, &notice, err);
}

/* A piece of them; whether there are more in *ret_more. */
static int look_at_enforcements(struct notice_watch *watch, struct arena *arena, bool *ret_more,
                                struct error *err)
{
    struct db *db = watch->admind->run->db;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    struct enforcements_list list;
    int result = enforcements_list_after(db, arena, watch->last_enforcement, AT_ONCE, &list, err);
    *ret_more = false;
    if (result < 0 || list.count == 0) {
        return result;
    }
    result = db_transaction_begin(&transaction, db, err);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        result = tell_enforcement(watch, arena, &list.rows[i], err);
    }
    if (result == 0) {
        result = db_transaction_commit(&transaction, err);
    }
    if (result == 0) {
        watch->last_enforcement = list.rows[list.count - 1].id;
        *ret_more = list.count == AT_ONCE;
    }
    return result;
}

/* What fails is looked at again by the next look. */
static void look(struct notice_watch *watch)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct error err;
    bool has_more = true;
    int result = look_at_violations(watch, arena, &err);
    while (result == 0 && has_more) {
        result = look_at_enforcements(watch, arena, &has_more, &err);
    }
    if (result < 0 && result != -ERR_BUSY) {
        log_warning("cannot tell people what happened: %s", err.message);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    look(context);
}

struct notice_watch *notice_watch_new(struct admind *admind)
{
    const struct timeval interval = {LOOK_EVERY_S, 0};
    struct notice_watch *watch = xcalloc(1, sizeof(*watch));
    watch->admind = admind;
    watch->timer = event_new(admind->run->base, -1, EV_PERSIST, on_timer, watch);
    event_add(watch->timer, &interval);
    look(watch);
    return watch;
}

void notice_watch_free(struct notice_watch *watch)
{
    if (watch) {
        event_free(watch->timer);
        free(watch->seen);
        free(watch);
    }
}
