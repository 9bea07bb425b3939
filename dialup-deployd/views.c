/*
 * From verdicts to the structs of the contract; see the header. Called by rpc.c.
 */
#include "dialup-deployd/views.h"

#include "libdialup/base/str.h"
#include "libdialup/json/writer.h"

enum { WARNINGS_SIZE = 4096 };

static const struct deployd_check *view_checks(const struct quota_verdict *verdict,
                                               struct arena *arena)
{
    struct deployd_check *checks = arena_calloc(arena, verdict->count, sizeof(*checks));
    for (size_t i = 0; i < verdict->count; i++) {
        const struct quota_check *check = &verdict->checks[i];
        const struct quota_dimension_info *info = quota_dimension_info(check->dimension);
        checks[i] = (struct deployd_check){
            .level = quota_entity_name(check->level->entity),
            .level_name = check->level->name,
            .dimension = info->name,
            .unit = quota_unit_name(info->unit),
            .used = check->used,
            .requested = check->requested,
            .limit = check->limit,
            .projected = check->projected,
            .allowed = check->allowed,
            .soft_reached = check->soft_reached,
            .by = quota_bound_name(check->by),
            .has_lent = true,
            .lent = check->lent,
        };
    }
    return checks;
}

struct deployd_verdict view_verdict(const struct quota_verdict *verdict, const char *action,
                                    struct arena *arena)
{
    struct error refusal = {0};
    char warnings[WARNINGS_SIZE];
    quota_warn(verdict, NULL, warnings, sizeof(warnings));
    if (!verdict->allowed) {
        quota_refuse(verdict, action, &refusal);
    }
    return (struct deployd_verdict){
        .allowed = verdict->allowed,
        .message = verdict->allowed ? "This fits" : arena_strdup(arena, refusal.message),
        .hint = arena_strdup(arena, refusal.hint),
        .checks = view_checks(verdict, arena),
        .checks_count = verdict->count,
        .lent = verdict->lent,
        .warnings = arena_strdup(arena, warnings),
    };
}

int view_refusal(const struct quota_verdict *verdict, const char *action, struct arena *arena,
                 struct error *err)
{
    const struct deployd_check *checks = view_checks(verdict, arena);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_begin_array(&writer);
    for (size_t i = 0; i < verdict->count; i++) {
        json_encode(&writer, &deployd_check_shape, &checks[i]);
    }
    json_end_array(&writer);
    int result = quota_refuse(verdict, action, err);
    if (err) {
        err->checks_json = arena_strdup(arena, strbuf_text(&text));
    }
    return result;
}
