/*
 * Envelopes: what is taken, what is refused and with which words, and the way back.
 */
#include "libdialup/ipc/envelope.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

struct refusal_row {
    const char *name;
    const char *text;
    enum error_code code;
    const char *field;
    const char *says;
};

static const struct refusal_row refusals[] = {
    {"nothing", "", ERR_PARSE, "", ""},
    {"malformed", "{\"jsonrpc\":", ERR_PARSE, "", ""},
    {"duplicate key", "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"a\"}", ERR_PARSE, "",
     "id"},
    {"batch", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}]", ERR_INVALID_REQUEST, "",
     "Batches"},
    {"no object", "7", ERR_INVALID_REQUEST, "", "object"},
    {"no version", "{\"id\":1,\"method\":\"a\"}", ERR_INVALID_REQUEST, "jsonrpc", "jsonrpc"},
    {"old version", "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"a\"}", ERR_INVALID_REQUEST,
     "jsonrpc", "2.0"},
    {"notification", "{\"jsonrpc\":\"2.0\",\"method\":\"a\"}", ERR_INVALID_REQUEST, "id", "no id"},
    {"null id", "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"a\"}", ERR_INVALID_REQUEST, "id",
     "id must be"},
    {"broken id", "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"a\"}", ERR_INVALID_REQUEST, "id",
     "id must be"},
    {"no method", "{\"jsonrpc\":\"2.0\",\"id\":1}", ERR_INVALID_REQUEST, "method", "no method"},
    {"method a number", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}", ERR_INVALID_REQUEST,
     "method", "a string"},
    {"params a list", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":[]}",
     ERR_INVALID_REQUEST, "params", "an object"},
    {"unknown member", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"parms\":{}}",
     ERR_UNKNOWN_FIELD, "parms", "parms"},
    {"unknown meta", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"meta\":{\"who\":1}}",
     ERR_UNKNOWN_FIELD, "meta.who", "who"},
    {"meta a text", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"meta\":\"x\"}",
     ERR_INVALID_REQUEST, "meta", "an object"},
    {"request id with a line",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"meta\":"
     "{\"request_id\":\"a\\nb\"}}",
     ERR_INVALID_REQUEST, "meta.request_id", "A-Z"},
    {"actor with a line",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"meta\":"
     "{\"actor\":\"a\\nb\"}}",
     ERR_INVALID_REQUEST, "meta.actor", "text"},
    {"no deadline", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"meta\":{\"deadline_ms\":0}}",
     ERR_INVALID_REQUEST, "meta.deadline_ms", "integer"},
};

static void case_refusals(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        const struct refusal_row *row = &refusals[i];
        AUTO_ARENA struct arena *arena = arena_new();
        struct ipc_envelope envelope;
        struct error err = {0};
        int code = ipc_envelope_parse(arena, row->text, strlen(row->text), &envelope, &err);
        bool good = CHECK_INT(-code, row->code);
        good = CHECK_INT(err.code, row->code) && good;
        good = CHECK_STR(err.field, row->field) && good;
        good = CHECK_CONTAINS(err.message, row->says) && good;
        if (!good) {
            printf("# in row \"%s\": %s\n", row->name, err.message);
        }
    }
}

static void case_request_there_and_back(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    const struct ipc_meta meta = {.request_id = "r-1", .actor = "user:7", .deadline_ms = 250};
    ipc_envelope_write_request(&text, 42, "site_create", "{\"a\":1}", 7, &meta);
    struct ipc_envelope envelope;
    struct error err;
    if (!CHECK_INT(ipc_envelope_parse(arena, text.data, text.size, &envelope, &err), 0)) {
        return;
    }
    CHECK_INT(envelope.id->integer, 42);
    CHECK_STR(envelope.method, "site_create");
    CHECK_INT(json_find_integer(envelope.params, "a", 0), 1);
    CHECK_STR(envelope.meta.request_id, "r-1");
    CHECK_STR(envelope.meta.actor, "user:7");
    CHECK_INT(envelope.meta.deadline_ms, 250);
}

static void case_error_there_and_back(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct error sent;
    error_set_field(&sent, ERR_QUOTA_EXCEEDED, "limits.memory", "Full");
    error_hint(&sent, "Stop a site.");
    sent.checks_json = "[{\"used\":512}]";
    ipc_envelope_write_error(&text, NULL, &sent, "r-1");
    CHECK_CONTAINS(strbuf_text(&text), "\"id\":null");
    CHECK_CONTAINS(strbuf_text(&text), "\"request_id\":\"r-1\"");
    const struct json_value *result = NULL;
    struct error got = {0};
    int code = ipc_envelope_parse_answer(arena, text.data, text.size, &result, &got);
    CHECK_INT(code, -ERR_QUOTA_EXCEEDED);
    CHECK_STR(got.field, "limits.memory");
    CHECK_STR(got.message, "Full");
    CHECK_STR(got.hint, "Stop a site.");
    CHECK_STR(got.checks_json, "[{\"used\":512}]");
    error_set(&got, ERR_CONFLICT, "Something else");
    CHECK(!got.checks_json);
}

static void case_strange_answers(void)
{
    static const char *const answers[] = {"",
                                          "{}",
                                          "[]",
                                          "{\"error\":7}",
                                          "{\"error\":{\"data\":{\"name\":\"from_the_future\"}}}",
                                          "{\"error\":{\"data\":{\"checks\":{}}}}"};
    for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        const struct json_value *result = NULL;
        struct error err = {0};
        int code = ipc_envelope_parse_answer(arena, answers[i], strlen(answers[i]), &result, &err);
        CHECK_INT(code, -ERR_INTERNAL);
        CHECK(err.message[0] != '\0');
        CHECK(!err.checks_json);
    }
}

static void case_id_survives_a_refusal(void)
{
    static const char text[] = "{\"method\":\"a\",\"what\":1,\"jsonrpc\":\"2.0\",\"id\":\"x-9\"}";
    AUTO_ARENA struct arena *arena = arena_new();
    struct ipc_envelope envelope;
    struct error err;
    CHECK_INT(ipc_envelope_parse(arena, text, sizeof(text) - 1, &envelope, &err),
              -ERR_UNKNOWN_FIELD);
    if (CHECK(envelope.id)) {
        CHECK_STR(envelope.id->text, "x-9");
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"each refusal names what is wrong", case_refusals},
        {"a request comes back as it was", case_request_there_and_back},
        {"an error comes back as it was", case_error_there_and_back},
        {"a strange answer is an internal error", case_strange_answers},
        {"a refusal carries the id if it can", case_id_survives_a_refusal},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
