/*
 * See the header. Called by the handlers of the API and by rpc_quotas.c.
 */
#include "dialup-admind/quotas.h"

#include <stdio.h>

#include "dialup-admind/level.h"
#include "dialup-admind/limit_input.h"
#include "dialup-admind/limit_note.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/notices.h"
#include "proto/deployd_rpc.h"

enum { AMOUNT_SIZE = 64, SYSTEM_AT_DEPLOYD = 1 };

int quotas_read(const struct admind *admind, struct arena *arena,
                const struct quotas_subject *subject, struct quota_level *ret_level,
                struct quota_limit raw[QUOTA_DIMENSION_COUNT], struct error *err)
{
    int result = level_read(admind, arena, subject->entity, subject->id, ret_level, err);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        raw[i] = QUOTA_NO_LIMIT;
    }
    return result == 0 ? limits_read(admind->run->db, subject->entity, subject->id, raw, err)
                       : result;
}

/* "Memory is 512MB now, it was 256MB"; NULL if nothing is different. */
static const char *describe_change(struct arena *arena, const struct quota_level *before,
                                   const struct quota_level *after)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        const int64_t limits[] = {quota_level_limit(after, (enum quota_dimension)i).hard,
                                  quota_level_limit(before, (enum quota_dimension)i).hard};
        char words[2][AMOUNT_SIZE];
        if (limits[0] == limits[1]) {
            continue;
        }
        for (int side = 0; side < 2; side++) {
            if (limits[side] == QUOTA_UNLIMITED) {
                snprintf(words[side], AMOUNT_SIZE, "without limit");
            } else {
                quota_format(info->unit, limits[side], words[side], AMOUNT_SIZE);
            }
        }
        strbuf_printf(&text, "%s%s is %s now, it was %s", text.size ? "; " : "", info->name,
                      words[0], words[1]);
    }
    return text.size ? arena_strdup(arena, strbuf_text(&text)) : NULL;
}

/* The owner of changed limits, a team's leads, or the other admins, read of it. */
static int tell(const struct admind *admind, const struct quotas_subject *subject,
                int64_t actor_user_id, const char *change, struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    bool is_own = subject->entity == QUOTA_USER;
    strbuf_printf(&text, "%s were changed: %.900s",
                  is_own                          ? "Your limits"
                  : subject->entity == QUOTA_TEAM ? "Limits of your team"
                                                  : "The server's limits",
                  change);
    const struct notice notice = {
        .user_id = is_own ? subject->id : actor_user_id,
        .kind = NOTICE_LIMITS,
        .entity = subject->entity,
        .entity_id = subject->id,
        .text = strbuf_text(&text),
        .at = clock_unix(),
    };
    return is_own                          ? notices_add(admind->run->db, &notice, err)
           : subject->entity == QUOTA_TEAM ? notices_add_for_leads(admind->run->db, &notice, err)
                                           : notices_add_for_admins(admind->run->db, &notice, err);
}

int quotas_save(const struct admind *admind, struct arena *arena,
                const struct quotas_subject *subject, const struct admind_limit_change *changes,
                size_t count, const struct quotas_actor *actor, struct quotas_saved *ret_saved,
                struct error *err)
{
    struct quota_limit raw[QUOTA_DIMENSION_COUNT];
    bool is_changed[QUOTA_DIMENSION_COUNT];
    struct quota_level before;
    struct quota_level after;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, admind->run->db, err);
    if (r < 0 || (r = quotas_read(admind, arena, subject, &before, raw, err)) < 0 ||
        (r = limit_input_apply(arena, changes, count, subject->entity, raw, is_changed, err)) < 0 ||
        (r = limits_put_all(admind->run->db, subject->entity, subject->id, raw, clock_unix(),
                            err)) < 0 ||
        (r = quotas_read(admind, arena, subject, &after, raw, err)) < 0) {
        return r;
    }
    const char *change = describe_change(arena, &before, &after);
    if ((change && (r = tell(admind, subject, actor->user_id, change, err)) < 0) ||
        (r = db_transaction_commit(&transaction, err)) < 0) {
        return r;
    }
    *ret_saved =
        (struct quotas_saved){.note = limit_note(admind, arena, subject->entity, raw, is_changed)};
    ret_saved->warnings = limit_warnings(arena, &after, is_changed, &ret_saved->warnings_count);
    people_audit(
        admind, actor->people.name, actor->people.request_id, "limits.change",
        arena_printf(arena, "%s:%lld", quota_entity_name(subject->entity), (long long)subject->id),
        limit_input_describe(arena, changes, count));
    return 0;
}

struct deployd_limits_apply_params quotas_apply_params(enum quota_entity entity, int64_t id)
{
    return (struct deployd_limits_apply_params){quota_entity_name(entity),
                                                entity == QUOTA_SYSTEM ? SYSTEM_AT_DEPLOYD : id};
}

static void on_applied(void *context, const void *result, const struct error *err)
{
    if (err) {
        log_warning("limits are saved and not applied yet: %s", err->message);
    }
}

void quotas_apply_to(struct admind *admind, enum quota_entity entity, int64_t id)
{
    const struct deployd_limits_apply_params params = quotas_apply_params(entity, id);
    struct error err;
    if (deployd_call_limits_apply(admind->peers[PEER_DEPLOYD], &params, NULL, on_applied, NULL,
                                  &err) < 0) {
        on_applied(NULL, NULL, &err);
    }
}
