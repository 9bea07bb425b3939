/*
 * From rows to the structs of the contract; see the header. Called by rpc.c.
 */
#include "dialup-deployd/views.h"

#include "libdialup/base/str.h"
#include "libdialup/json/writer.h"

struct deployd_site view_site(const struct site *site)
{
    return (struct deployd_site){
        .id = site->id,
        .owner_kind = quota_entity_name(site->owner_kind),
        .owner_id = site->owner_id,
        .domain = site->domain,
        .type = site->type,
        .strategy = site->strategy,
        .memory_mib = site->memory_mib,
        .cpu_millicores = site->cpu_millicores,
        .desired = site_desired_name(site->desired),
        .state = site_state_name(site->state),
        .state_reason = site->state_reason,
        .live_deployment = site->live_deployment,
        .has_live_deployment = site->live_deployment != 0,
        .desired_deployment = site->desired_deployment,
        .has_desired_deployment = site->desired_deployment != 0,
        .storage_bytes = site->storage_bytes,
        .created_at = site->created_at,
        .updated_at = site->updated_at,
    };
}

struct deployd_deployment view_deployment(const struct deployment *deployment)
{
    return (struct deployd_deployment){
        .id = deployment->id,
        .site_id = deployment->site_id,
        .number = deployment->number,
        .kind = deployment_kind_name(deployment->kind),
        .state = deployment_state_name(deployment->state),
        .step = deployment->step,
        .commit_ref = deployment->commit_ref,
        .message = deployment->message,
        .created_by = deployment->created_by,
        .files = deployment->files,
        .size_bytes = deployment->size_bytes,
        .received_bytes = deployment->received_bytes,
        .error_name = deployment->error_name,
        .error_message = deployment->error_message,
        .error_hint = deployment->error_hint,
        .created_at = deployment->created_at,
        .started_at = deployment->started_at,
        .has_started_at = deployment->started_at != 0,
        .finished_at = deployment->finished_at,
        .has_finished_at = deployment->finished_at != 0,
        .duration_ms = deployment->duration_ms,
    };
}

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
        };
    }
    return checks;
}

struct deployd_verdict view_verdict(const struct quota_verdict *verdict, const char *action,
                                    struct arena *arena)
{
    struct error refusal = {0};
    if (!verdict->allowed) {
        quota_refuse(verdict, action, &refusal);
    }
    return (struct deployd_verdict){
        .allowed = verdict->allowed,
        .message = verdict->allowed ? "This fits" : arena_strdup(arena, refusal.message),
        .hint = arena_strdup(arena, refusal.hint),
        .checks = view_checks(verdict, arena),
        .checks_count = verdict->count,
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
