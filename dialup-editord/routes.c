/*
 * THE table of the editor's HTTP side, and who may use it: people who are logged in here and whose
 * account has the editor. Called by the HTTP server; reads the database, never writes it.
 */
#include <stdio.h>

#include "dialup-editord/editord.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/daemon/daemon.h"
#include "libdialup/store/sessions.h"
#include "libdialup/store/users.h"
#include "proto/http_api.h"

_Static_assert((int)SESSION_HASH_SIZE == (int)DIGEST_SIZE, "a session is known by a digest");

static int may_edit(const struct user *user, struct error *err)
{
    if (user->can_use_editor) {
        return 0;
    }
    error_set(err, ERR_FORBIDDEN, "Your account cannot use the editor.");
    error_hint(err, "An admin of this server can allow it.");
    return -ERR_FORBIDDEN;
}

int editord_authenticate(void *context, const struct http_credentials *credentials,
                         struct http_identity *ret_identity, struct error *err)
{
    const struct editord *editord = context;
    if (credentials->kind != HTTP_SESSION) {
        return error_set(err, ERR_UNAUTHENTICATED,
                         "The editor is for people in a browser; API keys work at the panel.");
    }
    AUTO_ARENA struct arena *arena = arena_new();
    uint8_t hash[SESSION_HASH_SIZE];
    struct session session;
    struct user user;
    digest_of(credentials->token, credentials->token_len, hash);
    int result = sessions_find(editord->run->db, arena, hash, clock_unix(), &session, err);
    if (result == 0) {
        result = users_find(editord->run->db, arena, session.user_id, &user, err);
    }
    if (result != 0) {
        return result;
    }
    *ret_identity = (struct http_identity){
        .role = user.role == USER_ROLE_ADMIN ? HTTP_ADMIN : HTTP_USER,
        .user_id = user.id,
        .kind = HTTP_SESSION,
    };
    snprintf(ret_identity->name, sizeof(ret_identity->name), "%lld %s", (long long)user.id,
             user.email);
    return 0;
}

static int handle_me(struct http_request *request, void *context, struct error *err)
{
    const struct editord *editord = context;
    struct user user;
    int result = users_find(editord->run->db, http_request_arena(request),
                            http_request_identity(request)->user_id, &user, err);
    if (result == 0) {
        result = may_edit(&user, err);
    }
    if (result < 0) {
        return result;
    }
    const struct http_user shown = {
        .id = user.id,
        .email = user.email,
        .name = user.name,
        .role = user_role_name(user.role),
        .profile = user.profile,
        .can_create_sites = user.can_create_sites,
        .can_use_editor = user.can_use_editor,
        .is_active = user.is_active,
        .created_at = user.created_at,
    };
    const struct http_me me = {
        .user = &shown,
        .csrf = http_request_csrf(request),
        .sites_suffix = editord->sites_suffix,
        .server_version = DIALUP_VERSION,
    };
    http_reply_json(request, 200, &http_me_shape, &me);
    return 0;
}

const struct http_route editord_routes[] = {
    {.method = "GET",
     .path = "/api/me",
     .least_role = HTTP_USER,
     .handle = handle_me,
     .requests_a_minute = 600,
     .summary = "Who I am"},
};

const size_t editord_route_count = ARRAY_COUNT(editord_routes);
