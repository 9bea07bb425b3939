/*
 * One's own password: the present one is checked, then the new one is hashed, both by the worker
 * thread. Called through routes.c.
 */
#include <string.h>

#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/people.h"
#include "libdialup/base/log.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/crypto/password_worker.h"
#include "proto/http_api.h"

enum { CHANGE_MS = 30000 };

/* In the request's arena: ends with it. */
struct change {
    struct admind *admind;
    struct http_request *request;
    struct password_job *job; /* NULL while none runs */
    struct secret wanted;     /* until it is hashed */
    int64_t user_id;
};

static void fail(struct change *change, const struct error *err)
{
    secret_fini(&change->wanted);
    http_reply_error(change->request, err);
}

/* The session that asks stays; the others end. */
static int store(struct change *change, const char *hash, struct error *err)
{
    struct http_request *request = change->request;
    const struct people_actor actor = {access_actor(request), http_request_id(request)};
    uint8_t session[DIGEST_SIZE];
    size_t len;
    const char *token = http_request_session_token(request, &len);
    if (len > 0) {
        digest_of(token, len, session);
    }
    return people_set_password(change->admind, http_request_arena(request), change->user_id, hash,
                               len > 0 ? session : NULL, &actor, err);
}

static void on_hashed(void *context, const struct password_answer *answer)
{
    struct change *change = context;
    const struct log_context *before = log_context_swap(http_request_log_context(change->request));
    const struct http_done done = {0};
    struct error err;
    change->job = NULL;
    int result = answer->result;
    if (result < 0) {
        error_set(&err, ERR_BUSY, "The server has no memory free for this, please try again");
    } else {
        result = store(change, answer->hash, &err);
    }
    secret_fini(&change->wanted);
    if (result < 0) {
        http_reply_error(change->request, &err);
    } else {
        http_reply_json(change->request, 200, &http_done_shape, &done);
    }
    log_context_swap(before);
}

static int hash_wanted(struct change *change, struct error *err)
{
    return password_hash_async(change->admind->passwords, &change->wanted, on_hashed, change,
                               &change->job, err);
}

static void refuse(struct change *change)
{
    const char *actor = access_actor(change->request);
    struct error err;
    people_audit(change->admind, actor, http_request_id(change->request), "user.password_refuse",
                 actor, NULL);
    error_set_field(&err, ERR_INVALID_ARGUMENT, "current_password",
                    "This is not your present password");
    error_hint(&err, "If it is lost, an admin of this server can give you a new one");
    fail(change, &err);
}

static void on_verified(void *context, const struct password_answer *answer)
{
    struct change *change = context;
    const struct log_context *before = log_context_swap(http_request_log_context(change->request));
    struct error err;
    change->job = NULL;
    if (!answer->matches) {
        refuse(change);
    } else if (hash_wanted(change, &err) < 0) {
        fail(change, &err);
    }
    log_context_swap(before);
}

static void on_gone(void *context, struct http_request *request)
{
    struct change *change = context;
    if (change->job) {
        password_job_cancel(change->job);
    }
    secret_fini(&change->wanted);
}

static int verify(struct change *change, const struct user *user, const char *current,
                  struct error *err)
{
    AUTO_SECRET struct secret given = SECRET_INIT;
    if (!current) {
        error_set_field(err, ERR_MISSING_FIELD, "current_password",
                        "A new password needs the present one");
        error_hint(err, "Send it as current_password");
        return -ERR_MISSING_FIELD;
    }
    secret_set(&given, current, strlen(current));
    return password_verify_async(change->admind->passwords, &given, user->password_hash,
                                 on_verified, change, &change->job, err);
}

int handle_password_put(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_password_change *body = http_request_body(request);
    struct change *change = arena_calloc(http_request_arena(request), 1, sizeof(*change));
    struct user user;
    int result = people_check_password(body->password, err);
    if (result == 0) {
        result = users_find(admind->run->db, http_request_arena(request), access_user_id(request),
                            &user, err);
    }
    if (result != 0) {
        return result;
    }
    *change = (struct change){.admind = admind, .request = request, .user_id = user.id};
    secret_set(&change->wanted, body->password, strlen(body->password));
    result = user.password_hash ? verify(change, &user, body->current_password, err)
                                : hash_wanted(change, err);
    if (result < 0) {
        secret_fini(&change->wanted);
        return result;
    }
    http_request_later(request, CHANGE_MS, on_gone, change);
    return 0;
}
