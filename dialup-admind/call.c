/*
 * The life of a request that waits for another daemon; see the header. Called by the handlers that
 * change sites or ask what only deployd knows.
 */
#include "dialup-admind/call.h"

#include <string.h>

#include "dialup-admind/access.h"
#include "dialup-admind/trail.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "libdialup/crypto/digest.h"

enum { KEY_MIN = 8, KEY_MAX = 64, GRACE_MS = 5000 };

struct call *call_new(struct admind *admind, struct http_request *request, call_answer_fn *answer)
{
    struct arena *arena = arena_new();
    struct call *call = arena_alloc(arena, sizeof(*call));
    *call = (struct call){
        .admind = admind,
        .request = request,
        .arena = arena,
        .actor = arena_strdup(arena, access_actor(request)),
        .request_id = arena_strdup(arena, http_request_id(request)),
        .answer = answer,
    };
    return call;
}

void call_drop(struct call *call)
{
    arena_free(call->arena);
}

void call_record(struct call *call, const char *action, const char *subject)
{
    call->action = action;
    call->subject = arena_strdup(call->arena, subject);
}

/* One key of one person for one address: never the answer to somebody else's request. */
static const char *scoped_key(struct call *call, const char *key)
{
    char *hex = arena_alloc(call->arena, DIGEST_HEX_SIZE);
    unsigned char digest[DIGEST_SIZE];
    const char *text =
        arena_printf(call->arena, "%s %s %s %s", call->actor, http_request_method(call->request),
                     http_request_path(call->request), key);
    digest_of(text, strlen(text), digest);
    digest_hex(digest, hex);
    return hex;
}

int call_idempotency_key(struct call *call, const char **ret_key, struct error *err)
{
    const char *header = http_request_header(call->request, "Idempotency-Key");
    if (!header) {
        char *key = arena_alloc(call->arena, CRYPTO_ID_SIZE);
        crypto_random_id(key);
        *ret_key = key;
        return 0;
    }
    size_t len = strlen(header);
    if (len < KEY_MIN || len > KEY_MAX) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "Idempotency-Key",
                               "An idempotency key has %d to %d characters", KEY_MIN, KEY_MAX);
    }
    *ret_key = scoped_key(call, header);
    return 0;
}

static void finish(struct call *call, const void *result)
{
    if (call->action) {
        log_info("%s %s", call->action, call->subject);
        trail_add(call->admind->trail, &(struct audit_entry){
                                           .actor = call->actor,
                                           .action = call->action,
                                           .subject = call->subject,
                                           .detail = "{}",
                                           .request_id = call->request_id,
                                       });
    }
    if (call->on_done) {
        call->on_done(call, result);
    }
    if (call->request) {
        call->answer(call, result);
    }
}

static void fail(struct call *call, const struct error *err)
{
    struct error shown = *err;
    if (call->answers_anyway) {
        finish(call, NULL);
        return;
    }
    if (call->on_failed) {
        call->on_failed(call, &shown);
    }
    if (call->request) {
        http_reply_error(call->request, &shown);
    }
}

static void on_reply(void *context, const void *result, const struct error *err)
{
    struct call *call = context;
    const struct log_context log = {.request_id = call->request_id, .user = call->actor};
    const struct log_context *before = log_context_swap(&log);
    if (result) {
        finish(call, result);
    } else {
        fail(call, err);
    }
    log_context_swap(before);
    call_drop(call);
}

static void on_gone(void *context, struct http_request *request)
{
    struct call *call = context;
    call->request = NULL;
}

int call_send(struct call *call, enum admind_peer peer, const struct ipc_method *method,
              const void *params, struct error *err)
{
    const struct ipc_call_options options = {.request_id = call->request_id, .actor = call->actor};
    int result =
        ipc_client_call(call->admind->peers[peer], method, params, &options, on_reply, call, err);
    if (result < 0 && call->answers_anyway) {
        finish(call, NULL);
        call_drop(call);
        return 0;
    }
    if (result < 0) {
        if (call->on_failed && err) {
            call->on_failed(call, err);
        }
        call_drop(call);
        return result;
    }
    http_request_later(call->request, method->deadline_ms + GRACE_MS, on_gone, call);
    return 0;
}
