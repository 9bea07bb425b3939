/*
 * Accounts. Called through routes.c. What an account may be changed to is people.c's business;
 * here stand who may ask, and the wait for a password's hash.
 */
#include <string.h>

#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/people.h"
#include "dialup-admind/quotas.h"
#include "dialup-admind/views.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/crypto/password_worker.h"

enum { HASH_MS = 20000, PAGE = 100 };

int handle_users_list(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_get_users_query *query = http_request_query(request);
    struct arena *arena = http_request_arena(request);
    int64_t limit = query->has_limit ? query->limit : PAGE;
    const struct users_page page = {query->after, limit + 1, query->search};
    struct users_list list;
    int result = users_list(admind->run->db, arena, &page, &list, err);
    if (result < 0) {
        return result;
    }
    bool has_more = list.count > (size_t)limit;
    size_t count = has_more ? (size_t)limit : list.count;
    struct http_user *users = arena_calloc(arena, count, sizeof(*users));
    for (size_t i = 0; i < count; i++) {
        users[i] = view_user(&list.rows[i]);
    }
    const struct http_user_list answer = {
        .users = users,
        .users_count = count,
        .has_next_after = has_more,
        .next_after = has_more ? users[count - 1].id : 0,
    };
    http_reply_json(request, 200, &http_user_list_shape, &answer);
    return 0;
}

int handle_users_get(struct http_request *request, void *context, struct error *err)
{
    struct user user;
    int result = access_find_user(context, request, &user, err);
    if (result == 0) {
        const struct http_user shown = view_user(&user);
        http_reply_json(request, 200, &http_user_shape, &shown);
    }
    return result;
}

/* A request that waits for a password's hash; in its arena. hash NULL: no password was given. */
struct user_work {
    struct admind *admind;
    struct http_request *request;
    struct password_job *job;
    int (*carry_out)(struct user_work *work, const char *hash, struct error *err);
};

static void on_hashed(void *context, const struct password_answer *answer)
{
    struct user_work *work = context;
    const struct log_context *before = log_context_swap(http_request_log_context(work->request));
    struct error err;
    int result = answer->result;
    if (result < 0) {
        error_set(&err, ERR_BUSY, "The server has no memory free for this, please try again");
    } else {
        result = work->carry_out(work, answer->hash, &err);
    }
    if (result < 0) {
        http_reply_error(work->request, &err);
    }
    log_context_swap(before);
}

static void on_gone(void *context, struct http_request *request)
{
    struct user_work *work = context;
    password_job_cancel(work->job);
}

/* Now without a password, later with one. */
static int start_work(struct user_work *work, const char *password, struct error *err)
{
    if (!password) {
        return work->carry_out(work, NULL, err);
    }
    AUTO_SECRET struct secret secret = SECRET_INIT;
    secret_set(&secret, password, strlen(password));
    int result = password_check(&secret, err);
    if (result == 0) {
        result =
            password_hash_async(work->admind->passwords, &secret, on_hashed, work, &work->job, err);
    }
    if (result == 0) {
        http_request_later(work->request, HASH_MS, on_gone, work);
    }
    return result;
}

static struct user_work *new_work(struct admind *admind, struct http_request *request,
                                  int (*carry_out)(struct user_work *, const char *,
                                                   struct error *))
{
    struct user_work *work = arena_alloc(http_request_arena(request), sizeof(*work));
    *work = (struct user_work){admind, request, NULL, carry_out};
    return work;
}

static struct people_new wanted_of(const struct http_user_create *body)
{
    return (struct people_new){body->email, body->name, body->role, body->profile};
}

static int create(struct user_work *work, const char *hash, struct error *err)
{
    struct http_request *request = work->request;
    const struct people_new wanted = wanted_of(http_request_body(request));
    const struct people_actor actor = {access_actor(request), http_request_id(request)};
    struct user user;
    int result =
        people_create(work->admind, http_request_arena(request), &wanted, hash, &actor, &user, err);
    if (result == 0) {
        const struct http_user shown = view_user(&user);
        http_reply_json(request, 201, &http_user_shape, &shown);
    }
    return result;
}

int handle_users_create(struct http_request *request, void *context, struct error *err)
{
    const struct http_user_create *body = http_request_body(request);
    const struct people_new wanted = wanted_of(body);
    int result = people_check_new(context, http_request_arena(request), &wanted, err);
    return result == 0 ? start_work(new_work(context, request, create), body->password, err)
                       : result;
}

static int check_own_change(const struct http_request *request, const struct user *user,
                            const struct http_user_change *body, struct error *err)
{
    const char *field = body->role                   ? "role"
                        : body->profile              ? "profile"
                        : body->has_can_create_sites ? "can_create_sites"
                        : body->has_can_use_editor   ? "can_use_editor"
                        : body->has_is_active        ? "is_active"
                                                     : NULL;
    if (body->password && user->id == access_user_id(request)) {
        error_set_field(err, ERR_FORBIDDEN, "password",
                        "Your own password is changed with the present one beside it");
        error_hint(err, "PUT /api/me/password takes current_password and password");
        return -ERR_FORBIDDEN;
    }
    if (!field || access_is_admin(request)) {
        return 0;
    }
    error_set_field(err, ERR_FORBIDDEN, field, "Only an admin may change this");
    error_hint(err, "You can change your name, and your password at /api/me/password");
    return -ERR_FORBIDDEN;
}

static void apply_body(const struct http_user_change *body, struct user *user)
{
    user->name = body->name ? body->name : user->name;
    user->profile = body->profile ? body->profile : user->profile;
    user->is_active = body->has_is_active ? body->is_active : user->is_active;
    user->can_create_sites =
        body->has_can_create_sites ? body->can_create_sites : user->can_create_sites;
    user->can_use_editor = body->has_can_use_editor ? body->can_use_editor : user->can_use_editor;
    if (body->role) {
        user_role_parse(body->role, &user->role);
    }
}

static int change(struct user_work *work, const char *hash, struct error *err)
{
    struct http_request *request = work->request;
    struct arena *arena = http_request_arena(request);
    const struct http_user_change *body = http_request_body(request);
    const struct people_actor actor = {access_actor(request), http_request_id(request)};
    struct user user;
    int result = access_find_user(work->admind, request, &user, err);
    if (result < 0) {
        return result;
    }
    bool is_new_profile = body->profile && !str_equal(body->profile, user.profile);
    apply_body(body, &user);
    result = people_change(work->admind, arena, &user, &actor, err);
    if (result == 0 && hash) {
        result = people_set_password(work->admind, arena, user.id, hash, NULL, &actor, err);
    }
    if (result < 0) {
        return result;
    }
    if (is_new_profile) {
        quotas_apply_to(work->admind, QUOTA_USER, user.id);
    }
    const struct http_user shown = view_user(&user);
    http_reply_json(request, 200, &http_user_shape, &shown);
    return 0;
}

int handle_users_change(struct http_request *request, void *context, struct error *err)
{
    const struct http_user_change *body = http_request_body(request);
    struct user user;
    int result = access_find_user(context, request, &user, err);
    if (result == 0) {
        result = check_own_change(request, &user, body, err);
    }
    if (result == 0 && body->name) {
        result = people_check_name(body->name, err);
    }
    return result == 0 ? start_work(new_work(context, request, change), body->password, err)
                       : result;
}
