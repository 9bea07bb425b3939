/*
 * Asking one daemon by hand: `call` and `methods`.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dialupctl/command.h"
#include "dialupctl/peers.h"
#include "dialupctl/show_json.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/nearest.h"
#include "libdialup/base/secret.h"
#include "libdialup/ipc/server.h"
#include "libdialup/json/writer.h"

static void list_methods(const struct peer *peer)
{
    enum { NAME_WIDTH = 22, ACCESS_WIDTH = 6 };
    printf("%s\n", peer->name);
    for (size_t i = 0; i < peer->method_count; i++) {
        const struct ipc_method *method = &peer->methods[i];
        printf("  %-*s %-*s %s\n", NAME_WIDTH, method->name, ACCESS_WIDTH,
               method->access == IPC_WRITE ? "write" : "read", method->summary);
    }
}

int command_methods(struct ctl *ctl, struct error *err)
{
    if (ctl->argc > 2) {
        return command_wrong_use(ctl, err);
    }
    const struct peer *only = NULL;
    int result = ctl->argc == 2 ? peer_find(ctl->argv[1], &only, err) : 0;
    for (size_t i = 0; result == 0 && i < PEER_COUNT; i++) {
        if (!only || only == &peers[i]) {
            list_methods(&peers[i]);
        }
    }
    return result;
}

/* At most as much as a daemon takes. */
static int read_input(struct strbuf *out, struct error *err)
{
    char chunk[4096];
    ssize_t got;
    while ((got = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno != EINTR) {
            return error_set_errno(err, ERR_IO, errno, "Cannot read the standard input");
        }
        if (got > 0) {
            strbuf_append(out, chunk, (size_t)got);
        }
        if (out->size > IPC_MAX_REQUEST_BYTES) {
            return error_set(err, ERR_TOO_LARGE, "The parameters are larger than a daemon takes");
        }
    }
    secret_wipe(chunk, sizeof(chunk));
    return 0;
}

/* {"error":{...}} on stdout, as the daemon would have said it over HTTP. */
static int print_error(struct ctl *ctl, const struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_begin_object(&writer);
    json_key(&writer, "error");
    json_begin_object(&writer);
    json_put_text(&writer, "name", error_info(err->code)->name);
    json_put_text(&writer, "message", err->message);
    if (err->field[0]) {
        json_put_text(&writer, "field", err->field);
    }
    if (err->hint[0]) {
        json_put_text(&writer, "hint", err->hint);
    }
    if (err->checks_json) {
        json_key(&writer, "checks");
        json_raw(&writer, err->checks_json, strlen(err->checks_json));
    }
    json_end_object(&writer);
    json_end_object(&writer);
    const struct json_value *value;
    if (json_parse(ctl->arena, strbuf_text(&text), text.size, &value, NULL) == 0) {
        show_json(value);
    }
    return error_info(err->code)->exit_code;
}

static void hint_method(const struct peer *peer, const char *name, struct error *err)
{
    const char *meant =
        nearest_word(name, peer->methods, peer->method_count, sizeof(peer->methods[0]));
    if (meant) {
        error_hint(err, "Did you mean %s?", meant);
    } else {
        error_hint(err, "`dialupctl methods %s` lists them", peer->name);
    }
}

static int call(struct ctl *ctl, const struct peer *peer, const char *params,
                const struct json_value **ret_result, struct error *err)
{
    const char *name = ctl->argv[2];
    const struct ipc_method *method = peer_method(peer, name);
    const struct ipc_client_options socket = peer_socket(peer, ctl->config, ctl->arena);
    const struct ipc_call_options options = {.deadline_ms = method ? method->deadline_ms : 0};
    const char *json;
    int result = ipc_client_call_json_wait(&socket, name, params, &options, ctl->arena, &json, err);
    if (result == -ERR_UNKNOWN_METHOD) {
        hint_method(peer, name, err);
    }
    return result < 0 ? result : json_parse(ctl->arena, json, strlen(json), ret_result, err);
}

int command_call(struct ctl *ctl, struct error *err)
{
    if (ctl->argc < 3 || ctl->argc > 4) {
        return command_wrong_use(ctl, err);
    }
    const struct peer *peer;
    const char *params = ctl->argc == 4 ? ctl->argv[3] : "{}";
    AUTO_STRBUF struct strbuf input = STRBUF_INIT;
    int result = peer_find(ctl->argv[1], &peer, err);
    if (result == 0 && str_equal(params, "-")) {
        result = read_input(&input, err);
        params = strbuf_text(&input);
    }
    const struct json_value *answer;
    if (result == 0) {
        result = call(ctl, peer, params, &answer, err);
    }
    if (input.size > 0) {
        secret_wipe(input.data, input.size);
    }
    if (result != 0) {
        return print_error(ctl, err);
    }
    show_json(answer);
    return 0;
}
