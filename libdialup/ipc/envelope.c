/*
 * Reading and writing envelopes. Called by the dispatcher and the client. Knows no method.
 */
#include "libdialup/ipc/envelope.h"

#include <stdio.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/json/writer.h"

static const char request_id_chars[] =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";

typedef int read_member_fn(struct ipc_envelope *envelope, const struct json_value *value,
                           struct error *err);

struct member_row {
    const char *name;
    read_member_fn *read;
};

static int read_all(struct ipc_envelope *envelope, const struct json_value *object,
                    const struct member_row *rows, size_t row_count, struct error *err);
static int require_members(const struct ipc_envelope *envelope, const struct json_value *value,
                           struct error *err);

static int error_type(struct error *err, const char *field, const char *wanted,
                      const struct json_value *value)
{
    return error_set_field(err, ERR_INVALID_REQUEST, field, "%s must be %s, not %s", field, wanted,
                           json_type_name(value->type));
}

static int read_version(struct ipc_envelope *envelope, const struct json_value *value,
                        struct error *err)
{
    if (value->type != JSON_STRING || strcmp(value->text, "2.0") != 0) {
        return error_set_field(err, ERR_INVALID_REQUEST, "jsonrpc", "jsonrpc must be \"2.0\"");
    }
    return 0;
}

static int read_id(struct ipc_envelope *envelope, const struct json_value *value, struct error *err)
{
    bool is_good = value->type == JSON_STRING || (value->type == JSON_NUMBER && value->is_integer);
    if (!is_good) {
        return error_set_field(err, ERR_INVALID_REQUEST, "id", "id must be a string or an integer");
    }
    envelope->id = value;
    return 0;
}

static int read_method(struct ipc_envelope *envelope, const struct json_value *value,
                       struct error *err)
{
    if (value->type != JSON_STRING) {
        return error_type(err, "method", "a string", value);
    }
    envelope->method = value->text;
    return 0;
}

static int read_params(struct ipc_envelope *envelope, const struct json_value *value,
                       struct error *err)
{
    if (value->type != JSON_OBJECT) {
        return error_type(err, "params", "an object", value);
    }
    envelope->params = value;
    return 0;
}

static int read_request_id(struct ipc_envelope *envelope, const struct json_value *value,
                           struct error *err)
{
    if (value->type != JSON_STRING || value->len < 1 || value->len > IPC_REQUEST_ID_MAX ||
        strspn(value->text, request_id_chars) != value->len) {
        return error_set_field(err, ERR_INVALID_REQUEST, "meta.request_id",
                               "meta.request_id must be 1 to %d of A-Z a-z 0-9 . _ -",
                               IPC_REQUEST_ID_MAX);
    }
    envelope->meta.request_id = value->text;
    return 0;
}

static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F) {
            return false;
        }
    }
    return true;
}

static int read_actor(struct ipc_envelope *envelope, const struct json_value *value,
                      struct error *err)
{
    if (value->type != JSON_STRING || value->len < 1 || value->len > IPC_ACTOR_MAX ||
        !is_printable(value->text)) {
        return error_set_field(err, ERR_INVALID_REQUEST, "meta.actor",
                               "meta.actor must be a text of 1 to %d bytes", IPC_ACTOR_MAX);
    }
    envelope->meta.actor = value->text;
    return 0;
}

static int read_deadline(struct ipc_envelope *envelope, const struct json_value *value,
                         struct error *err)
{
    if (value->type != JSON_NUMBER || !value->is_integer || value->integer < 1 ||
        value->integer > IPC_DEADLINE_MAX_MS) {
        return error_set_field(err, ERR_INVALID_REQUEST, "meta.deadline_ms",
                               "meta.deadline_ms must be an integer from 1 to %d",
                               IPC_DEADLINE_MAX_MS);
    }
    envelope->meta.deadline_ms = value->integer;
    return 0;
}

static const struct member_row meta_rows[] = {
    {"request_id", read_request_id},
    {"actor", read_actor},
    {"deadline_ms", read_deadline},
};

static int read_meta(struct ipc_envelope *envelope, const struct json_value *value,
                     struct error *err)
{
    if (value->type != JSON_OBJECT) {
        return error_type(err, "meta", "an object", value);
    }
    int code = read_all(envelope, value, meta_rows, ARRAY_COUNT(meta_rows), err);
    if (code == -ERR_UNKNOWN_FIELD) {
        error_prefix_field(err, "meta");
    }
    return code;
}

static const struct member_row envelope_rows[] = {
    {"jsonrpc", read_version}, {"id", read_id},     {"method", read_method},
    {"params", read_params},   {"meta", read_meta},
};

int ipc_envelope_parse(struct arena *arena, const char *data, size_t size,
                       struct ipc_envelope *envelope, struct error *err)
{
    *envelope = (struct ipc_envelope){0};
    const struct json_value *value = NULL;
    int code = json_parse(arena, data, size, &value, err);
    if (code < 0) {
        return code;
    }
    if (value->type == JSON_ARRAY) {
        error_set(err, ERR_INVALID_REQUEST, "Batches of requests are not supported");
        error_hint(err, "Send one request at a time.");
        return -ERR_INVALID_REQUEST;
    }
    if (value->type != JSON_OBJECT) {
        return error_set(err, ERR_INVALID_REQUEST, "A request must be an object, not %s",
                         json_type_name(value->type));
    }
    const struct json_value *id = json_find(value, "id");
    if (id && read_id(envelope, id, err) < 0) {
        return -ERR_INVALID_REQUEST;
    }
    code = read_all(envelope, value, envelope_rows, ARRAY_COUNT(envelope_rows), err);
    return code < 0 ? code : require_members(envelope, value, err);
}

static int read_all(struct ipc_envelope *envelope, const struct json_value *object,
                    const struct member_row *rows, size_t row_count, struct error *err)
{
    for (size_t i = 0; i < object->member_count; i++) {
        const struct json_member *member = &object->members[i];
        size_t row = 0;
        while (row < row_count && strcmp(rows[row].name, member->name) != 0) {
            row++;
        }
        if (row == row_count) {
            return error_set_field(err, ERR_UNKNOWN_FIELD, member->name,
                                   "The request's envelope has no member \"%.64s\"", member->name);
        }
        int code = rows[row].read(envelope, member->value, err);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

static int require_members(const struct ipc_envelope *envelope, const struct json_value *value,
                           struct error *err)
{
    if (!json_find(value, "jsonrpc")) {
        return error_set_field(err, ERR_INVALID_REQUEST, "jsonrpc",
                               "The request lacks \"jsonrpc\":\"2.0\"");
    }
    if (!envelope->id) {
        error_set_field(err, ERR_INVALID_REQUEST, "id", "The request has no id");
        error_hint(err, "Every request gets an answer here; add \"id\":1.");
        return -ERR_INVALID_REQUEST;
    }
    if (!envelope->method) {
        return error_set_field(err, ERR_INVALID_REQUEST, "method", "The request names no method");
    }
    return 0;
}

static void write_meta(struct json_writer *writer, const struct ipc_meta *meta)
{
    json_key(writer, "meta");
    json_begin_object(writer);
    if (meta->request_id) {
        json_put_text(writer, "request_id", meta->request_id);
    }
    if (meta->actor) {
        json_put_text(writer, "actor", meta->actor);
    }
    if (meta->deadline_ms > 0) {
        json_put_integer(writer, "deadline_ms", meta->deadline_ms);
    }
    json_end_object(writer);
}

void ipc_envelope_write_request(struct strbuf *out, int64_t id, const char *method,
                                const char *params_json, size_t params_size,
                                const struct ipc_meta *meta)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_begin_object(&writer);
    json_put_text(&writer, "jsonrpc", "2.0");
    json_put_integer(&writer, "id", id);
    json_put_text(&writer, "method", method);
    json_key(&writer, "params");
    json_raw(&writer, params_json, params_size);
    write_meta(&writer, meta);
    json_end_object(&writer);
}

static void begin_answer(struct json_writer *writer, struct strbuf *out,
                         const struct json_value *id)
{
    json_writer_init(writer, out);
    json_begin_object(writer);
    json_put_text(writer, "jsonrpc", "2.0");
    json_key(writer, "id");
    if (id) {
        json_write_value(writer, id);
    } else {
        json_null(writer);
    }
}

void ipc_envelope_write_result(struct strbuf *out, const struct json_value *id,
                               const struct json_shape *shape, const void *result)
{
    struct json_writer writer;
    begin_answer(&writer, out, id);
    json_key(&writer, "result");
    if (shape) {
        json_encode(&writer, shape, result);
    } else {
        json_begin_object(&writer);
        json_end_object(&writer);
    }
    json_end_object(&writer);
}

void ipc_envelope_write_error(struct strbuf *out, const struct json_value *id,
                              const struct error *error, const char *request_id)
{
    const struct error_info *info = error_info(error->code);
    struct json_writer writer;
    begin_answer(&writer, out, id);
    json_key(&writer, "error");
    json_begin_object(&writer);
    json_put_integer(&writer, "code", info->rpc_code);
    json_put_text(&writer, "message", error->message[0] ? error->message : info->sentence);
    json_key(&writer, "data");
    json_begin_object(&writer);
    json_put_text(&writer, "name", info->name);
    if (error->field[0]) {
        json_put_text(&writer, "field", error->field);
    }
    if (error->hint[0]) {
        json_put_text(&writer, "hint", error->hint);
    }
    if (error->checks_json) {
        json_key(&writer, "checks");
        json_raw(&writer, error->checks_json, strlen(error->checks_json));
    }
    if (request_id && request_id[0]) {
        json_put_text(&writer, "request_id", request_id);
    }
    json_end_object(&writer);
    json_end_object(&writer);
    json_end_object(&writer);
}

static const char *copy_json(struct arena *arena, const struct json_value *value)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_write_value(&writer, value);
    return arena_strdup(arena, strbuf_text(&text));
}

/* A name that this version does not know comes from a newer peer. */
static int take_error(struct arena *arena, const struct json_value *error, struct error *err)
{
    const struct json_value *data = json_find(error, "data");
    enum error_code code = error_by_name(json_find_text(data, "name", ""));
    if (code == ERR_OK) {
        code = ERR_INTERNAL;
    }
    error_set_field(err, code, json_find_text(data, "field", ""), "%s",
                    json_find_text(error, "message", error_info(code)->sentence));
    error_hint(err, "%s", json_find_text(data, "hint", ""));
    const struct json_value *checks = json_find(data, "checks");
    if (err && checks && checks->type == JSON_ARRAY) {
        err->checks_json = copy_json(arena, checks);
    }
    return -(int)code;
}

int ipc_envelope_parse_answer(struct arena *arena, const char *data, size_t size,
                              const struct json_value **ret_result, struct error *err)
{
    const struct json_value *value = NULL;
    int code = json_parse(arena, data, size, &value, err);
    if (code < 0) {
        return error_set(err, ERR_INTERNAL, "The answer is not valid JSON");
    }
    const struct json_value *error = json_find(value, "error");
    if (error) {
        return take_error(arena, error, err);
    }
    const struct json_value *result = json_find(value, "result");
    if (!result) {
        return error_set(err, ERR_INTERNAL, "The answer holds neither result nor error");
    }
    *ret_result = result;
    return 0;
}
