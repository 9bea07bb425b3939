/*
 * Asking one question from a program that has no loop. Called by the command line tools.
 */
#include "libdialup/ipc/client.h"

#include <string.h>

#include "libdialup/base/str.h"
#include "libdialup/json/json.h"
#include "libdialup/json/writer.h"

struct waiting {
    struct event_base *base;
    struct arena *arena;
    const char *result_json;
    struct error *err; /* may be NULL */
    int code;
};

static void on_reply(void *context, const char *result_json, size_t size, const struct error *err)
{
    struct waiting *waiting = context;
    if (err) {
        waiting->code = -(int)err->code;
        if (waiting->err) {
            *waiting->err = *err;
            if (err->checks_json) {
                waiting->err->checks_json = arena_strdup(waiting->arena, err->checks_json);
            }
        }
    } else {
        waiting->result_json = arena_strndup(waiting->arena, result_json, size);
    }
    event_base_loopbreak(waiting->base);
}

int ipc_client_call_json_wait(const struct ipc_client_options *client_options,
                              const char *method_name, const char *params_json,
                              const struct ipc_call_options *options, struct arena *arena,
                              const char **ret_result_json, struct error *err)
{
    struct event_base *base = event_base_new();
    if (!base) {
        return error_set(err, ERR_INTERNAL, "Cannot make an event loop");
    }
    struct waiting waiting = {.base = base, .arena = arena, .err = err};
    struct ipc_client *client = NULL;
    int code = ipc_client_open(base, client_options, &client, err);
    if (code == 0) {
        code = ipc_client_call_json(client, method_name, params_json, options, on_reply, &waiting,
                                    err);
    }
    if (code == 0) {
        event_base_dispatch(base);
        code = waiting.code;
    }
    ipc_client_close(client);
    event_base_free(base);
    if (code == 0) {
        *ret_result_json = waiting.result_json;
    }
    return code;
}

int ipc_client_call_wait(const struct ipc_client_options *client_options,
                         const struct ipc_method *method, const void *params,
                         const struct ipc_call_options *options, struct arena *arena,
                         void *ret_result, struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    if (method->params && params) {
        struct json_writer writer;
        json_writer_init(&writer, &text);
        json_encode(&writer, method->params, params);
    } else {
        strbuf_puts(&text, "{}");
    }
    struct ipc_call_options call_options = options ? *options : (struct ipc_call_options){0};
    if (call_options.deadline_ms == 0) {
        call_options.deadline_ms = method->deadline_ms;
    }
    const char *json = NULL;
    int code = ipc_client_call_json_wait(client_options, method->name, strbuf_text(&text),
                                         &call_options, arena, &json, err);
    if (code != 0 || !method->result) {
        return code;
    }
    const struct json_value *value = NULL;
    code = json_parse(arena, json, strlen(json), &value, err);
    return code < 0 ? code : json_decode(arena, value, method->result, ret_result, err);
}
