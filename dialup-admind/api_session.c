/*
 * Logging in and out, and who one is. Called through routes.c. Passwords are checked by the worker
 * thread, never here; whether an account exists shows neither in the answer nor in its time.
 */
#include <string.h>

#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/people.h"
#include "dialup-admind/views.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/crypto/password_worker.h"
#include "libdialup/crypto/token.h"
#include "libdialup/store/sessions.h"

enum { LOGIN_MS = 20000, USER_AGENT_MAX = 200 };

/* In the request's arena: ends with it. */
struct login {
    struct admind *admind;
    struct http_request *request;
    struct password_job *job; /* NULL while none runs */
    struct secret password;   /* until it is known to be right and hashed anew */
    int64_t user_id;          /* 0: no such account */
};

static int refuse(struct error *err)
{
    error_set(err, ERR_UNAUTHENTICATED, "The e-mail address or the password is not right");
    error_hint(err, "Try again; an admin of this server can set a new password");
    return -ERR_UNAUTHENTICATED;
}

static void fail_login(struct login *login, const struct error *err)
{
    secret_fini(&login->password);
    http_reply_error(login->request, err);
}

static void reply_me(const struct admind *admind, struct http_request *request,
                     const struct user *user, const char *csrf)
{
    const struct http_user shown = view_user(user);
    const struct http_me me = {
        .user = &shown,
        .csrf = csrf,
        .sites_suffix = admind->sites_suffix,
        .server_version = DIALUP_VERSION,
    };
    http_reply_json(request, 200, &http_me_shape, &me);
}

static void delete_old_session(const struct admind *admind, struct http_request *request)
{
    size_t len;
    const char *token = http_request_session_token(request, &len);
    if (len > 0) {
        uint8_t hash[DIGEST_SIZE];
        digest_of(token, len, hash);
        sessions_delete(admind->run->db, hash, NULL);
    }
}

static int make_session(struct login *login, struct secret *token, struct error *err)
{
    struct http_request *request = login->request;
    const char *agent = http_request_header(request, "User-Agent");
    int64_t now = clock_unix();
    struct session session = {
        .user_id = login->user_id,
        .created_at = now,
        .last_seen_at = now,
        .expires_at = now + people_session_s(login->admind),
        .address = http_request_remote_address(request),
        .user_agent = agent ? arena_strndup(http_request_arena(request), agent,
                                            strnlen(agent, USER_AGENT_MAX))
                            : "",
    };
    token_make("", token);
    digest_of(token->data, token->size, session.token_hash);
    return sessions_create(login->admind->run->db, &session, err);
}

static void audit_login(struct login *login, const char *action)
{
    struct arena *arena = http_request_arena(login->request);
    const char *subject = arena_printf(arena, "user:%lld", (long long)login->user_id);
    const char *detail =
        arena_printf(arena, "{\"address\":\"%s\"}", http_request_remote_address(login->request));
    people_audit(login->admind, subject, http_request_id(login->request), action, subject, detail);
}

static void let_in(struct login *login)
{
    struct admind *admind = login->admind;
    AUTO_SECRET struct secret token = SECRET_INIT;
    struct user user;
    struct error err;
    secret_fini(&login->password);
    int result = users_find(admind->run->db, http_request_arena(login->request), login->user_id,
                            &user, &err);
    if (result == 0 && !user.is_active) {
        result = refuse(&err);
    }
    if (result == 0) {
        result = make_session(login, &token, &err);
    }
    if (result < 0) {
        fail_login(login, &err);
        return;
    }
    delete_old_session(admind, login->request);
    audit_login(login, "session.create");
    char csrf[TOKEN_CSRF_SIZE];
    token_csrf(token.data, token.size, csrf);
    http_reply_session_cookie(login->request, &token, people_session_s(admind));
    reply_me(admind, login->request, &user, csrf);
}

static void on_rehashed(void *context, const struct password_answer *answer)
{
    struct login *login = context;
    login->job = NULL;
    if (answer->result == 0) {
        users_set_password(login->admind->run->db, login->user_id, answer->hash, clock_unix(),
                           NULL);
    }
    let_in(login);
}

static void on_verified(void *context, const struct password_answer *answer)
{
    struct login *login = context;
    const struct log_context *before = log_context_swap(http_request_log_context(login->request));
    struct error err;
    login->job = NULL;
    if (!answer->matches || login->user_id == 0) {
        if (login->user_id) {
            audit_login(login, "session.refuse");
        }
        refuse(&err);
        fail_login(login, &err);
    } else if (!answer->needs_rehash ||
               password_hash_async(login->admind->passwords, &login->password, on_rehashed, login,
                                   &login->job, NULL) < 0) {
        let_in(login);
    }
    log_context_swap(before);
}

static void on_gone(void *context, struct http_request *request)
{
    struct login *login = context;
    if (login->job) {
        password_job_cancel(login->job);
    }
    secret_fini(&login->password);
}

int handle_login(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_login_request *body = http_request_body(request);
    struct arena *arena = http_request_arena(request);
    struct login *login = arena_alloc(arena, sizeof(*login));
    struct user user = {0};
    int result = users_find_by_email(admind->run->db, arena, body->email, &user, err);
    if (result < 0 && result != -ERR_NOT_FOUND) {
        return result;
    }
    bool may_enter = result == 0 && user.is_active && user.password_hash;
    *login = (struct login){.admind = admind, .request = request};
    login->user_id = result == 0 ? user.id : 0;
    secret_set(&login->password, body->password, strlen(body->password));
    result = password_verify_async(admind->passwords, &login->password,
                                   may_enter ? user.password_hash : NULL, on_verified, login,
                                   &login->job, err);
    if (result < 0) {
        secret_fini(&login->password);
        return result;
    }
    http_request_later(request, LOGIN_MS, on_gone, login);
    return 0;
}

int handle_logout(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_done done = {0};
    size_t len;
    const char *token = http_request_session_token(request, &len);
    if (len > 0) {
        uint8_t hash[DIGEST_SIZE];
        digest_of(token, len, hash);
        int result = sessions_delete(admind->run->db, hash, err);
        if (result < 0) {
            return result;
        }
        access_audit(admind, request, "session.end", access_actor(request), NULL);
        http_reply_session_cookie(request, NULL, 0);
    }
    http_reply_json(request, 200, &http_done_shape, &done);
    return 0;
}

int handle_me(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    struct user user;
    int result = users_find(admind->run->db, http_request_arena(request), access_user_id(request),
                            &user, err);
    if (result == 0) {
        reply_me(admind, request, &user, http_request_csrf(request));
    }
    return result;
}
