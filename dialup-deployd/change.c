/*
 * Writes in batches, answered once they are durable; see the header. Called by rpc.c.
 */
#include "dialup-deployd/change.h"

#include <string.h>

#include "dialup-deployd/deployd.h"
#include "libdialup/base/clock.h"
#include "libdialup/db/batch.h"
#include "libdialup/json/json.h"
#include "libdialup/json/shape.h"
#include "libdialup/json/writer.h"
#include "libdialup/store/idempotency.h"

/* Fills the result from the answer that was given before. */
static int repeat(struct change *change, const char *response, struct error *err)
{
    const struct json_shape *shape = ipc_request_method(change->request)->result;
    const struct json_value *value;
    int result = json_parse(change->arena, response, strlen(response), &value, err);
    change->is_repeated = true;
    return result < 0 ? result : json_decode(change->arena, value, shape, change->result, err);
}

static int remember(struct change *change, struct db *db, struct error *err)
{
    const struct ipc_method *method = ipc_request_method(change->request);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_encode(&writer, method->result, change->result);
    return idempotency_put(db, change->key, method->name, strbuf_text(&text), clock_unix(), err);
}

static int work(struct db *db, void *context, struct error *err)
{
    struct change *change = context;
    const char *response = NULL;
    int result = idempotency_get(db, change->arena, change->key,
                                 ipc_request_method(change->request)->name, &response, err);
    if (result < 0 || response) {
        return result < 0 ? result : repeat(change, response, err);
    }
    result = change->kind->work(change, db, err);
    return result < 0 ? result : remember(change, db, err);
}

static void on_done(void *context, int result, const struct error *err)
{
    struct change *change = context;
    const struct log_context *before = log_context_swap(ipc_request_log_context(change->request));
    bool is_tried_again = result < 0 && change->kind->refused && change->kind->refused(change, err);
    if (result == 0 && !change->is_repeated && change->kind->after) {
        change->kind->after(change);
    }
    log_context_swap(before);
    if (is_tried_again) {
        return;
    }
    if (result == 0) {
        ipc_request_reply(change->request, change->result);
    } else {
        ipc_request_fail(change->request, err);
    }
}

int change_start(struct deployd *deployd, struct ipc_request *request, const void *params,
                 const char *key, const struct change_kind *kind)
{
    struct arena *arena = ipc_request_arena(request);
    struct change *change = arena_alloc(arena, sizeof(*change));
    *change = (struct change){
        .deployd = deployd,
        .request = request,
        .arena = arena,
        .params = params,
        .result = arena_alloc(arena, ipc_request_method(request)->result->struct_size),
        .key = key,
        .kind = kind,
    };
    db_batch_add(deployd->batch, work, on_done, change);
    return IPC_LATER;
}

void change_again(void *context)
{
    struct change *change = context;
    db_batch_add(change->deployd->batch, work, on_done, change);
}
