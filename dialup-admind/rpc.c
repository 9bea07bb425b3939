/*
 * Methods for the server's own root: the first accounts, a forgotten password, a key for a script;
 * those about limits are in rpc_quotas.c.
 * Called by the IPC server, with the struct daemon_run as context; who may call stands in the
 * table.
 */
#include <string.h>

#include "dialup-admind/admind.h"
#include "dialup-admind/people.h"
#include "dialup-admind/rpc_quotas.h"
#include "libdialup/base/memory.h"
#include "libdialup/crypto/password_worker.h"
#include "proto/admind_rpc.h"

/* A request that waits for a password's hash; in its arena. */
struct root_work {
    LIST_ENTRY(root_work) next;
    struct admind *admind;
    struct ipc_request *request;
    const void *params;
    void (*carry_out)(struct root_work *work, const char *hash);
};

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

static void on_hashed(void *context, const struct password_answer *answer)
{
    struct root_work *work = context;
    LIST_REMOVE(work, next);
    if (answer->result < 0) {
        struct error err;
        error_set(&err, ERR_BUSY, "The server has no memory free for this, please try again");
        ipc_request_fail(work->request, &err);
        return;
    }
    work->carry_out(work, answer->hash);
}

static int hash_password(struct root_work *work, const char *password, struct error *err)
{
    AUTO_SECRET struct secret secret = SECRET_INIT;
    secret_set(&secret, password, strlen(password));
    int result = password_check(&secret, err);
    if (result == 0) {
        result = password_hash_async(work->admind->passwords, &secret, on_hashed, work, NULL, err);
    }
    if (result < 0) {
        return result;
    }
    LIST_INSERT_HEAD(&work->admind->root_work, work, next);
    return IPC_LATER;
}

static struct root_work *new_work(struct admind *admind, struct ipc_request *request,
                                  const void *params,
                                  void (*carry_out)(struct root_work *, const char *))
{
    struct root_work *work = arena_alloc(ipc_request_arena(request), sizeof(*work));
    *work = (struct root_work){
        .admind = admind, .request = request, .params = params, .carry_out = carry_out};
    return work;
}

void rpc_end_all(struct admind *admind)
{
    struct error err;
    error_set(&err, ERR_UNAVAILABLE, "dialup-admind is stopping");
    struct root_work *work = LIST_FIRST(&admind->root_work);
    while (work) {
        struct root_work *next = LIST_NEXT(work, next);
        ipc_request_fail(work->request, &err);
        work = next;
    }
    LIST_INIT(&admind->root_work);
}

static int create_user(struct admind *admind, struct ipc_request *request,
                       const struct admind_user_create_params *params, const char *hash,
                       struct admind_user_create_result *ret_result, struct error *err)
{
    const struct people_new wanted = {params->email, params->name, params->role, params->profile};
    const struct people_actor actor = actor_of(request);
    struct user user;
    int result =
        people_create(admind, ipc_request_arena(request), &wanted, hash, &actor, &user, err);
    if (result == 0) {
        *ret_result = (struct admind_user_create_result){user.id, params->email};
    }
    return result;
}

static void finish_create(struct root_work *work, const char *hash)
{
    struct admind_user_create_result answer;
    struct error err;
    if (create_user(work->admind, work->request, work->params, hash, &answer, &err) < 0) {
        ipc_request_fail(work->request, &err);
    } else {
        ipc_request_reply(work->request, &answer);
    }
}

static int handle_user_create(void *context, struct ipc_request *request, const void *params,
                              void *result, struct error *err)
{
    const struct admind_user_create_params *wanted = params;
    struct admind *admind = admind_of(context);
    const struct people_new new_user = {wanted->email, wanted->name, wanted->role, wanted->profile};
    int status = people_check_new(admind, ipc_request_arena(request), &new_user, err);
    if (status < 0) {
        return status;
    }
    if (!wanted->password) {
        return create_user(admind, request, wanted, NULL, result, err);
    }
    return hash_password(new_work(admind, request, params, finish_create), wanted->password, err);
}

static int find_account(struct admind *admind, struct ipc_request *request, const char *email,
                        struct user *ret_user, struct error *err)
{
    int result =
        users_find_by_email(admind->run->db, ipc_request_arena(request), email, ret_user, err);
    if (result == -ERR_NOT_FOUND) {
        return error_set_field(err, ERR_NOT_FOUND, "email", "There is no account for %s", email);
    }
    return result;
}

static void finish_set_password(struct root_work *work, const char *hash)
{
    const struct admind_user_set_password_params *params = work->params;
    const struct people_actor actor = actor_of(work->request);
    struct user user;
    struct error err;
    int result = find_account(work->admind, work->request, params->email, &user, &err);
    if (result == 0) {
        result = people_set_password(work->admind, ipc_request_arena(work->request), user.id, hash,
                                     NULL, &actor, &err);
    }
    if (result < 0) {
        ipc_request_fail(work->request, &err);
    } else {
        const struct admind_user_set_password_result answer = {user.id};
        ipc_request_reply(work->request, &answer);
    }
}

static int handle_user_set_password(void *context, struct ipc_request *request, const void *params,
                                    void *result, struct error *err)
{
    const struct admind_user_set_password_params *wanted = params;
    struct admind *admind = admind_of(context);
    struct user user;
    int status = find_account(admind, request, wanted->email, &user, err);
    return status == 0 ? hash_password(new_work(admind, request, params, finish_set_password),
                                       wanted->password, err)
                       : status;
}

static int handle_api_key_create(void *context, struct ipc_request *request, const void *params,
                                 void *result, struct error *err)
{
    const struct admind_api_key_create_params *wanted = params;
    struct admind *admind = admind_of(context);
    struct arena *arena = ipc_request_arena(request);
    const struct people_actor actor = actor_of(request);
    struct people_key made;
    struct user user;
    int status = find_account(admind, request, wanted->email, &user, err);
    if (status == 0) {
        status = people_make_key(admind, arena, user.id, wanted->name, &actor, &made, err);
    }
    if (status == 0) {
        *(struct admind_api_key_create_result *)result =
            (struct admind_api_key_create_result){made.id, arena_strdup(arena, made.key.data)};
        secret_fini(&made.key);
    }
    return status;
}

ipc_handler_fn *const admind_handlers[ADMIND_METHOD_COUNT] = {
    [ADMIND_USER_CREATE] = handle_user_create,
    [ADMIND_USER_SET_PASSWORD] = handle_user_set_password,
    [ADMIND_API_KEY_CREATE] = handle_api_key_create,
    [ADMIND_QUOTA_SHOW] = rpc_quota_show,
    [ADMIND_QUOTA_SET] = rpc_quota_set,
    [ADMIND_QUOTA_VIOLATIONS] = rpc_quota_violations,
    [ADMIND_PROFILE_LIST] = rpc_profile_list,
    [ADMIND_PROFILE_CREATE] = rpc_profile_create,
    [ADMIND_PROFILE_SET] = rpc_profile_set,
    [ADMIND_PROFILE_DELETE] = rpc_profile_delete,
    [ADMIND_PROFILE_APPLY] = rpc_profile_apply,
};
