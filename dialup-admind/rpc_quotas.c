/*
 * Limits and profiles for root. What is changed is changed by the functions that the API uses
 * (quotas.h, profile_changes.h). Called by the IPC server, with the struct daemon_run as context.
 */
#include "dialup-admind/rpc_quotas.h"

#include <strings.h>

#include "dialup-admind/profile_changes.h"
#include "dialup-admind/quotas.h"
#include "dialup-admind/usage_view.h"
#include "dialup-admind/violation_view.h"
#include "libdialup/base/str.h"
#include "libdialup/store/profiles.h"
#include "libdialup/store/teams.h"

enum { PAGE = 100, TEAMS_MAX = 100000 };

static struct admind *admind_of(void *context)
{
    return ((struct daemon_run *)context)->state;
}

static struct people_actor actor_of(struct ipc_request *request)
{
    const char *actor = ipc_request_actor(request);
    return (struct people_actor){ipc_request_uid(request) == 0 ? "root" : actor,
                                 ipc_request_id(request)};
}

/* Whose ---------------------------------------------------------------------------------------- */

static int find_user(const struct admind *admind, struct arena *arena, const char *name,
                     struct user *ret_user, struct error *err)
{
    int64_t id;
    int result = str_parse_i64(name, 1, INT64_MAX, &id)
                     ? users_find(admind->run->db, arena, id, ret_user, err)
                     : users_find_by_email(admind->run->db, arena, name, ret_user, err);
    if (result == -ERR_NOT_FOUND) {
        error_set_field(err, ERR_NOT_FOUND, "name", "There is no account %s", name);
        error_hint(err, "An account is named by its email or its number: deploy users list");
    }
    return result;
}

static int find_team(const struct admind *admind, struct arena *arena, const char *name,
                     int64_t *ret_id, struct error *err)
{
    struct teams_list list;
    int64_t id = 0;
    str_parse_i64(name, 1, INT64_MAX, &id);
    int result = teams_list(admind->run->db, arena, 0, TEAMS_MAX, &list, err);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        if (list.rows[i].id == id || strcasecmp(list.rows[i].name, name) == 0) {
            *ret_id = list.rows[i].id;
            return 0;
        }
    }
    if (result == 0) {
        result = error_set_field(err, ERR_NOT_FOUND, "name", "There is no team %s", name);
        error_hint(err, "A team is named by its name or its number: deploy team list --all");
    }
    return result;
}

static int find_subject(const struct admind *admind, struct arena *arena, const char *entity,
                        const char *name, struct quotas_subject *ret_subject, struct error *err)
{
    struct user user = {0};
    int result = 0;
    *ret_subject = (struct quotas_subject){.entity = QUOTA_SYSTEM};
    quota_entity_parse(entity, &ret_subject->entity);
    if (ret_subject->entity == QUOTA_SYSTEM) {
        return 0;
    }
    if (!name) {
        error_set_field(err, ERR_MISSING_FIELD, "name", "Which %s?", entity);
        error_hint(err, "Give its %s", ret_subject->entity == QUOTA_USER ? "email" : "name");
        return -ERR_MISSING_FIELD;
    }
    if (ret_subject->entity == QUOTA_TEAM) {
        return find_team(admind, arena, name, &ret_subject->id, err);
    }
    result = find_user(admind, arena, name, &user, err);
    ret_subject->id = user.id;
    ret_subject->profile = user.profile;
    return result;
}

/* Limits --------------------------------------------------------------------------------------- */

static struct admind_quota_row view_limit(enum quota_dimension dimension,
                                          const struct quota_limit *limit)
{
    const struct quota_dimension_info *info = quota_dimension_info(dimension);
    return (struct admind_quota_row){
        .dimension = info->name,
        .label = info->label,
        .unit = quota_unit_name(info->unit),
        .hard = limit->hard,
        .percent = limit->percent,
        .soft_percent = limit->soft_percent,
        .burst_percent = limit->burst_percent,
    };
}

/* level NULL: of a profile, which nobody uses. */
static const struct admind_quota_row *view_limits(struct arena *arena, enum quota_entity entity,
                                                  const struct quota_limit *limits,
                                                  const struct quota_level *level,
                                                  size_t *ret_count)
{
    struct admind_quota_row *rows = arena_calloc(arena, QUOTA_DIMENSION_COUNT, sizeof(*rows));
    *ret_count = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        if (!quota_dimension_binds(dimension, entity)) {
            continue;
        }
        struct admind_quota_row *row = &rows[(*ret_count)++];
        *row = view_limit(dimension, &limits[i]);
        if (level) {
            row->has_brought = row->has_effective = true;
            row->brought = level->brought.of[i];
            row->effective = quota_level_limit(level, dimension).hard;
        }
        if (level && usage_is_known(dimension, NULL)) {
            row->has_used = true;
            row->used = level->used.of[i];
            row->state = quota_state_name(quota_level_state(level, dimension));
        }
    }
    return rows;
}

static int answer_quotas(const struct admind *admind, struct arena *arena,
                         const struct quotas_subject *subject, struct admind_quotas *ret_quotas,
                         struct error *err)
{
    struct quota_limit raw[QUOTA_DIMENSION_COUNT];
    struct quota_level level;
    const struct scope whose = {subject->entity == QUOTA_SYSTEM ? SCOPE_SYSTEM : SCOPE_OWNER,
                                subject->entity, subject->id};
    int result = quotas_read(admind, arena, subject, &level, raw, err);
    if (result == 0) {
        result = usage_read_beside(admind, &whose, NULL, &level.used, err);
    }
    if (result == 0) {
        *ret_quotas = (struct admind_quotas){
            .entity = quota_entity_name(subject->entity),
            .entity_id = subject->id,
            .name = level.name,
            .profile = subject->profile,
        };
        ret_quotas->rows =
            view_limits(arena, subject->entity, raw, &level, &ret_quotas->rows_count);
    }
    return result;
}

int rpc_quota_show(void *context, struct ipc_request *request, const void *params, void *result,
                   struct error *err)
{
    const struct admind_quota_show_params *wanted = params;
    const struct admind *admind = admind_of(context);
    struct arena *arena = ipc_request_arena(request);
    struct quotas_subject subject;
    int status = find_subject(admind, arena, wanted->entity, wanted->name, &subject, err);
    return status == 0 ? answer_quotas(admind, arena, &subject, result, err) : status;
}

int rpc_quota_set(void *context, struct ipc_request *request, const void *params, void *result,
                  struct error *err)
{
    const struct admind_quota_set_params *wanted = params;
    struct admind *admind = admind_of(context);
    struct arena *arena = ipc_request_arena(request);
    const struct quotas_actor actor = {actor_of(request), 0};
    struct quotas_subject subject;
    struct quotas_saved saved;
    int status = find_subject(admind, arena, wanted->entity, wanted->name, &subject, err);
    if (status == 0) {
        status = quotas_save(admind, arena, &subject, wanted->limits, wanted->limits_count, &actor,
                             &saved, err);
    }
    if (status != 0) {
        return status;
    }
    quotas_apply_to(admind, subject.entity, subject.id);
    struct admind_quotas *answer = result;
    status = answer_quotas(admind, arena, &subject, answer, err);
    answer->note = saved.note;
    answer->warnings = saved.warnings;
    answer->warnings_count = saved.warnings_count;
    return status;
}

/* Violations ----------------------------------------------------------------------------------- */

static int read_violations(const struct admind *admind, struct arena *arena,
                           const struct violations_filter *filter,
                           struct admind_quota_violations_result *answer, struct error *err)
{
    struct violations_list list;
    int result = violations_list(admind->run->db, arena, filter, &list, err);
    if (result < 0) {
        return result;
    }
    bool has_more = list.count == (size_t)filter->limit;
    size_t count = has_more ? list.count - 1 : list.count;
    struct admind_violation *rows = arena_calloc(arena, count, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        rows[i] = violation_view(admind, arena, &list.rows[i]);
    }
    *answer = (struct admind_quota_violations_result){
        .violations = rows,
        .violations_count = count,
        .has_next_before = has_more,
        .next_before = has_more ? rows[count - 1].id : 0,
    };
    return 0;
}

int rpc_quota_violations(void *context, struct ipc_request *request, const void *params,
                         void *result, struct error *err)
{
    const struct admind_quota_violations_params *wanted = params;
    const struct admind *admind = admind_of(context);
    struct arena *arena = ipc_request_arena(request);
    struct quotas_subject subject = {0};
    int status = wanted->entity
                     ? find_subject(admind, arena, wanted->entity, wanted->name, &subject, err)
                     : 0;
    const struct violations_filter filter = {
        .has_entity = wanted->entity != NULL,
        .entity = subject.entity,
        .entity_id = subject.id,
        .open_only = wanted->open,
        .before_id = wanted->before,
        .limit = (wanted->has_limit ? wanted->limit : PAGE) + 1,
    };
    return status == 0 ? read_violations(admind, arena, &filter, result, err) : status;
}

/* Profiles ------------------------------------------------------------------------------------- */

static struct admind_profile view_profile(struct arena *arena, const struct quota_profile *profile)
{
    struct admind_profile shown = {
        .name = profile->name,
        .is_built_in = quota_profile_find(profile->name) != NULL,
        .can_create_sites = profile->can_create_sites,
        .can_use_editor = profile->can_use_editor,
    };
    shown.rows = view_limits(arena, QUOTA_USER, profile->limits, NULL, &shown.rows_count);
    return shown;
}

int rpc_profile_list(void *context, struct ipc_request *request, const void *params, void *result,
                     struct error *err)
{
    const struct admind *admind = admind_of(context);
    struct arena *arena = ipc_request_arena(request);
    struct profiles_list list;
    int status = profiles_list(admind->run->db, arena, &list, err);
    if (status < 0) {
        return status;
    }
    struct admind_profile *profiles = arena_calloc(arena, list.count, sizeof(*profiles));
    for (size_t i = 0; i < list.count; i++) {
        profiles[i] = view_profile(arena, &list.rows[i]);
    }
    *(struct admind_profile_list_result *)result =
        (struct admind_profile_list_result){.profiles = profiles, .profiles_count = list.count};
    return 0;
}

int rpc_profile_create(void *context, struct ipc_request *request, const void *params, void *result,
                       struct error *err)
{
    const struct admind_profile_create_params *given = params;
    struct arena *arena = ipc_request_arena(request);
    const struct people_actor actor = actor_of(request);
    const struct profile_wanted wanted = {
        .name = given->name,
        .base = given->base,
        .limits = given->limits,
        .limits_count = given->limits_count,
    };
    struct quota_profile profile;
    int status = profile_changes_make(admind_of(context), arena, &wanted, &actor, &profile, err);
    if (status == 0) {
        *(struct admind_profile *)result = view_profile(arena, &profile);
    }
    return status;
}

int rpc_profile_set(void *context, struct ipc_request *request, const void *params, void *result,
                    struct error *err)
{
    const struct admind_profile_set_params *given = params;
    struct arena *arena = ipc_request_arena(request);
    const struct people_actor actor = actor_of(request);
    const struct profile_wanted wanted = {
        .name = given->name, .limits = given->limits, .limits_count = given->limits_count};
    struct quota_profile profile;
    const char *note;
    int status =
        profile_changes_alter(admind_of(context), arena, &wanted, &actor, &profile, &note, err);
    if (status == 0) {
        struct admind_profile *shown = result;
        *shown = view_profile(arena, &profile);
        shown->note = note;
    }
    return status;
}

int rpc_profile_delete(void *context, struct ipc_request *request, const void *params, void *result,
                       struct error *err)
{
    const struct admind_profile_delete_params *given = params;
    const struct people_actor actor = actor_of(request);
    *(struct admind_profile_delete_result *)result =
        (struct admind_profile_delete_result){given->name};
    return profile_changes_delete(admind_of(context), ipc_request_arena(request), given->name,
                                  &actor, err);
}

int rpc_profile_apply(void *context, struct ipc_request *request, const void *params, void *result,
                      struct error *err)
{
    const struct admind_profile_apply_params *given = params;
    struct admind *admind = admind_of(context);
    struct arena *arena = ipc_request_arena(request);
    const struct people_actor actor = actor_of(request);
    int64_t *ids = arena_calloc(arena, given->emails_count, sizeof(*ids));
    int status = 0;
    for (size_t i = 0; status == 0 && i < given->emails_count; i++) {
        struct user user;
        status = find_user(admind, arena, given->emails[i], &user, err);
        ids[i] = status == 0 ? user.id : 0;
    }
    if (status == 0) {
        status = profile_changes_apply(admind, arena, given->name, ids, given->emails_count, &actor,
                                       err);
    }
    *(struct admind_profile_apply_result *)result =
        (struct admind_profile_apply_result){given->name, (int64_t)given->emails_count};
    return status;
}
