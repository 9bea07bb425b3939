/*
 * Named sets of limits. Called through routes.c. A profile is copied to accounts: changing one
 * changes none of them until it is applied.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/profile_changes.h"
#include "dialup-admind/views.h"
#include "libdialup/store/profiles.h"

/* Showing ------------------------------------------------------------------------------------ */

static struct http_profile view_profile(struct arena *arena, const struct quota_profile *profile)
{
    struct http_profile shown = {
        .name = profile->name,
        .can_create_sites = profile->can_create_sites,
        .can_use_editor = profile->can_use_editor,
        .is_built_in = quota_profile_find(profile->name) != NULL,
    };
    shown.limits = view_limits(arena, QUOTA_USER, profile->limits, NULL, &shown.limits_count);
    return shown;
}

int handle_profiles(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    struct arena *arena = http_request_arena(request);
    struct profiles_list list;
    int result = profiles_list(admind->run->db, arena, &list, err);
    if (result < 0) {
        return result;
    }
    struct http_profile *profiles = arena_calloc(arena, list.count, sizeof(*profiles));
    for (size_t i = 0; i < list.count; i++) {
        profiles[i] = view_profile(arena, &list.rows[i]);
    }
    const struct http_profile_list answer = {.profiles = profiles, .profiles_count = list.count};
    http_reply_json(request, 200, &http_profile_list_shape, &answer);
    return 0;
}

/* Changing ----------------------------------------------------------------------------------- */

static struct people_actor actor_of(struct http_request *request)
{
    return (struct people_actor){access_actor(request), http_request_id(request)};
}

int handle_profiles_create(struct http_request *request, void *context, struct error *err)
{
    const struct http_profile_create *body = http_request_body(request);
    struct arena *arena = http_request_arena(request);
    const struct people_actor actor = actor_of(request);
    const struct profile_wanted wanted = {
        .name = body->name,
        .base = body->base,
        .limits = body->limits,
        .limits_count = body->limits_count,
        .has_can_create_sites = body->has_can_create_sites,
        .can_create_sites = body->can_create_sites,
        .has_can_use_editor = body->has_can_use_editor,
        .can_use_editor = body->can_use_editor,
    };
    struct quota_profile profile;
    int result = profile_changes_make(context, arena, &wanted, &actor, &profile, err);
    if (result == 0) {
        const struct http_profile shown = view_profile(arena, &profile);
        http_reply_json(request, 201, &http_profile_shape, &shown);
    }
    return result;
}

int handle_profiles_change(struct http_request *request, void *context, struct error *err)
{
    const struct http_profile_change *body = http_request_body(request);
    struct arena *arena = http_request_arena(request);
    const struct people_actor actor = actor_of(request);
    const struct profile_wanted wanted = {
        .name = http_request_param(request, "name"),
        .limits = body->limits,
        .limits_count = body->limits_count,
        .has_can_create_sites = body->has_can_create_sites,
        .can_create_sites = body->can_create_sites,
        .has_can_use_editor = body->has_can_use_editor,
        .can_use_editor = body->can_use_editor,
    };
    struct quota_profile profile;
    const char *note;
    int result = profile_changes_alter(context, arena, &wanted, &actor, &profile, &note, err);
    if (result == 0) {
        struct http_profile shown = view_profile(arena, &profile);
        shown.note = note;
        http_reply_json(request, 200, &http_profile_shape, &shown);
    }
    return result;
}

int handle_profiles_delete(struct http_request *request, void *context, struct error *err)
{
    const struct http_done done = {0};
    const struct people_actor actor = actor_of(request);
    int result = profile_changes_delete(context, http_request_arena(request),
                                        http_request_param(request, "name"), &actor, err);
    if (result == 0) {
        http_reply_json(request, 200, &http_done_shape, &done);
    }
    return result;
}

int handle_profiles_apply(struct http_request *request, void *context, struct error *err)
{
    const struct http_profile_apply *body = http_request_body(request);
    const char *name = http_request_param(request, "name");
    const struct people_actor actor = actor_of(request);
    int result = profile_changes_apply(context, http_request_arena(request), name, body->users,
                                       body->users_count, &actor, err);
    if (result == 0) {
        const struct http_profile_applied answer = {name, body->users, body->users_count};
        http_reply_json(request, 200, &http_profile_applied_shape, &answer);
    }
    return result;
}
