/*
 * The JSON-RPC 2.0 envelope with this house's `meta` member, read and written. Pure.
 *
 * Request: {"jsonrpc":"2.0","id":1,"method":"site_create","params":{...},
 *           "meta":{"request_id":"...","actor":"user:7","deadline_ms":5000}}
 * `params` and `meta` may be missing. A request without an id (a notification) and a batch are
 * refused: each request gets one answer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/base/str.h"
#include "libdialup/json/json.h"
#include "libdialup/json/shape.h"

enum { IPC_REQUEST_ID_MAX = 64, IPC_ACTOR_MAX = 96, IPC_DEADLINE_MAX_MS = 3600 * 1000 };

struct ipc_meta {
    const char *request_id; /* NULL if not told */
    const char *actor;      /* on whose behalf: "user:7"; NULL if not told */
    int64_t deadline_ms;    /* 0 if not told */
};

struct ipc_envelope {
    const struct json_value *id; /* NULL as long as none was read */
    const char *method;
    const struct json_value *params; /* an object, or NULL */
    struct ipc_meta meta;
};

/* Reads a request. Also on failure the envelope holds what could be read, so that the refusal can
 * carry the id. Everything lives in the arena. */
int ipc_envelope_parse(struct arena *arena, const char *data, size_t size,
                       struct ipc_envelope *envelope, struct error *err);

/* Appends a request. params is a complete JSON object. */
void ipc_envelope_write_request(struct strbuf *out, int64_t id, const char *method,
                                const char *params_json, size_t params_size,
                                const struct ipc_meta *meta);

/* Appends an answer. A NULL id is written as null, a NULL shape makes the result {}. */
void ipc_envelope_write_result(struct strbuf *out, const struct json_value *id,
                               const struct json_shape *shape, const void *result);
void ipc_envelope_write_error(struct strbuf *out, const struct json_value *id,
                              const struct error *error, const char *request_id);

/* Reads an answer: the result, or the peer's error as our own, its checks in the arena. */
int ipc_envelope_parse_answer(struct arena *arena, const char *data, size_t size,
                              const struct json_value **ret_result, struct error *err);
