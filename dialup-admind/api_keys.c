/*
 * One's own API keys. Called through routes.c; a key itself is in one answer and nowhere else.
 */
#include "libdialup/store/api_keys.h"
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/people.h"
#include "libdialup/base/clock.h"
#include "proto/http_api.h"

int handle_keys_list(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    struct arena *arena = http_request_arena(request);
    struct api_keys_list list;
    int result = api_keys_list(admind->run->db, arena, access_user_id(request), &list, err);
    if (result < 0) {
        return result;
    }
    struct http_api_key *keys = arena_calloc(arena, list.count, sizeof(*keys));
    for (size_t i = 0; i < list.count; i++) {
        const struct api_key *row = &list.rows[i];
        keys[i] = (struct http_api_key){
            .id = row->id,
            .name = row->name,
            .prefix = row->prefix,
            .created_at = row->created_at,
            .last_used_at = row->last_used_at,
            .has_last_used_at = row->last_used_at != 0,
        };
    }
    const struct http_api_key_list answer = {.keys = keys, .keys_count = list.count};
    http_reply_json(request, 200, &http_api_key_list_shape, &answer);
    return 0;
}

int handle_keys_create(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_api_key_create *body = http_request_body(request);
    const struct people_actor actor = {access_actor(request), http_request_id(request)};
    struct people_key made;
    int result = people_make_key(admind, http_request_arena(request), access_user_id(request),
                                 body->name, &actor, &made, err);
    if (result < 0) {
        return result;
    }
    const struct http_api_key answer = {
        .id = made.id,
        .name = body->name,
        .prefix = made.prefix,
        .created_at = made.created_at,
        .key = made.key.data,
    };
    http_reply_json(request, 201, &http_api_key_shape, &answer);
    secret_fini(&made.key);
    return 0;
}

int handle_keys_revoke(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_done done = {0};
    int64_t id;
    int result = http_request_param_id(request, "id", &id, err);
    if (result == 0) {
        result = api_keys_revoke(admind->run->db, access_user_id(request), id, clock_unix(), err);
    }
    if (result < 0) {
        return result;
    }
    access_audit(admind, request, "key.revoke", access_actor(request),
                 arena_printf(http_request_arena(request), "{\"key\":%lld}", (long long)id));
    http_reply_json(request, 200, &http_done_shape, &done);
    return 0;
}
