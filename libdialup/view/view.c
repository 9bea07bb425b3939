/*
 * See the header. Called by the views of admind and the handlers of deployd.
 */
#include "libdialup/view/view.h"

#include <string.h>

#include "libdialup/json/json.h"
#include "libdialup/site/strategy.h"

struct deployd_site view_site(const struct site *site)
{
    return (struct deployd_site){
        .id = site->id,
        .owner_kind = quota_entity_name(site->owner_kind),
        .owner_id = site->owner_id,
        .domain = site->domain,
        .type = site->type,
        .strategy = site_strategy_find(site->strategy)->name,
        .memory_mib = site->memory_mib,
        .cpu_millicores = site->cpu_millicores,
        .desired = site_desired_name(site->desired),
        .state = site_state_name(site->state),
        .state_reason = site->state_reason,
        .sleep = site_sleep_name(site->sleep),
        .sleep_at = site->sleep_at,
        .idle_minutes = site->idle_minutes,
        .instances = site->instances,
        .live_deployment = site->live_deployment,
        .has_live_deployment = site->live_deployment != 0,
        .desired_deployment = site->desired_deployment,
        .has_desired_deployment = site->desired_deployment != 0,
        .storage_bytes = site->storage_bytes,
        .created_at = site->created_at,
        .updated_at = site->updated_at,
    };
}

/* None of what cannot be read: the sentence says the same. */
static size_t read_checks(struct arena *arena, const char *text, const struct deployd_check **ret)
{
    const struct json_value *list;
    *ret = NULL;
    if (!*text || json_parse(arena, text, strlen(text), &list, NULL) < 0 ||
        list->type != JSON_ARRAY) {
        return 0;
    }
    struct deployd_check *checks = arena_calloc(arena, list->item_count, sizeof(*checks));
    for (size_t i = 0; i < list->item_count; i++) {
        if (json_decode(arena, list->items[i], &deployd_check_shape, &checks[i], NULL) < 0) {
            return 0;
        }
    }
    *ret = checks;
    return list->item_count;
}

struct deployd_deployment view_deployment(struct arena *arena, const struct deployment *deployment)
{
    const struct deployd_check *checks;
    size_t checks_count = read_checks(arena, deployment->error_checks, &checks);
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
        .error_checks = checks,
        .error_checks_count = checks_count,
        .created_at = deployment->created_at,
        .started_at = deployment->started_at,
        .has_started_at = deployment->started_at != 0,
        .finished_at = deployment->finished_at,
        .has_finished_at = deployment->finished_at != 0,
        .duration_ms = deployment->duration_ms,
    };
}
