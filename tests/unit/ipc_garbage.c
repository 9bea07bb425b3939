/*
 * What a peer may send on the socket that is no request, and that the server answers the next one.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"
#include "tests/unit/ipc_fixture.h"

static void check_alive(struct fixture *f)
{
    struct outcome outcome;
    fixture_call(f, FIXTURE_ECHO, "alive", NULL, &outcome);
    CHECK_STR(outcome.text, "alive");
}

/* As check_alive, over a new connection. */
static void check_accepts(struct fixture *f)
{
    const struct ipc_client_options options = fixture_client_options(f);
    struct ipc_client *before = f->client;
    CHECK_INT(ipc_client_open(f->base, &options, &f->client, NULL), 0);
    check_alive(f);
    ipc_client_close(f->client);
    f->client = before;
}

struct body_row {
    const char *name;
    const char *body;
    const char *error;
    const char *says;
};

#define ENVELOPE(rest) "{\"jsonrpc\":\"2.0\",\"id\":\"k\"," rest "}"

static const struct body_row bodies[] = {
    {"empty", "", "parse_error", ""},
    {"no JSON", "hello", "parse_error", ""},
    {"duplicate key", ENVELOPE("\"method\":\"echo\",\"params\":{\"text\":\"a\",\"text\":\"b\"}"),
     "parse_error", "text"},
    {"too deep",
     ENVELOPE("\"method\":\"echo\",\"params\":{\"text\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
              "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
     "too_deep", ""},
    {"batch", "[]", "invalid_request", "one request at a time"},
    {"notification", "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}", "invalid_request", "no id"},
    {"unknown member", ENVELOPE("\"method\":\"echo\",\"extra\":1"), "unknown_field", "extra"},
    {"unknown method", ENVELOPE("\"method\":\"nothing\""), "unknown_method", "nothing"},
    {"unknown field", ENVELOPE("\"method\":\"echo\",\"params\":{\"text\":\"a\",\"txt\":1}"),
     "unknown_field", "txt"},
    {"missing field", ENVELOPE("\"method\":\"echo\""), "missing_field", "text"},
    {"wrong type", ENVELOPE("\"method\":\"echo\",\"params\":{\"text\":[]}"), "invalid_argument",
     "text"},
    {"out of range", ENVELOPE("\"method\":\"echo\",\"params\":{\"text\":\"a\",\"number\":-1}"),
     "invalid_argument", "number"},
    {"ping", ENVELOPE("\"method\":\"rpc.ping\""), "\"result\":{}", "\"id\":\"k\""},
};

static void case_bodies(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    int fd = raw_connect(f.path, true);
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        raw_send_request(fd, bodies[i].body, strlen(bodies[i].body));
        AUTO_FREE char *answer = raw_receive(&f, fd);
        bool good = CHECK_CONTAINS(answer, bodies[i].error);
        good = CHECK_CONTAINS(answer, bodies[i].says) && good;
        if (!good) {
            printf("# in row \"%s\"\n", bodies[i].name);
        }
    }
    close(fd);
    check_alive(&f);
    CHECK_INT(ipc_server_stats(f.server).refused + ipc_server_stats(f.server).all.errors,
              ARRAY_COUNT(bodies) - 1);
    fixture_fini(&f);
}

struct bytes_row {
    const char *name;
    bool with_hello;
    const char *bytes;
    size_t size;
};

static const struct bytes_row streams[] = {
    {"a hello of another kind", false, "GET / HTTP/1.1\r\n\r\n", 18},
    {"a subscriber's hello", false, "\0SP\0\0\x21\0\0", 8},
    {"a wrong frame", true, "\7\0\0\0\0\0\0\0\4abcd", 13},
    {"a length of 2^62", true, "\1\x40\0\0\0\0\0\0\0", 9},
    {"a length of 2^64 - 1", true, "\1\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9},
    {"a body without a request id", true, "\1\0\0\0\0\0\0\0\2xx", 11},
};

static void case_streams(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    for (size_t i = 0; i < ARRAY_COUNT(streams); i++) {
        int fd = raw_connect(f.path, streams[i].with_hello);
        raw_send(fd, streams[i].bytes, streams[i].size);
        if (!CHECK(raw_is_closed(&f, fd))) {
            printf("# in row \"%s\"\n", streams[i].name);
        }
        close(fd);
        check_alive(&f);
    }
    check_accepts(&f);
    fixture_fini(&f);
}

static void case_silent_peers(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    int silent[20];
    for (size_t i = 0; i < ARRAY_COUNT(silent); i++) {
        silent[i] = raw_connect(f.path, false);
        if (i % 2) {
            raw_send(silent[i], "\0SP", 3);
        }
    }
    check_alive(&f);
    check_accepts(&f);
    for (size_t i = 0; i < ARRAY_COUNT(silent); i++) {
        close(silent[i]);
    }
    check_accepts(&f);
    fixture_fini(&f);
}

/* What ends the listener of libnng 1.5 for good if nothing is done about it. */
static void case_peers_that_leave_at_once(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 10; i++) {
            close(raw_connect(f.path, false));
        }
        check_accepts(&f);
    }
    fixture_fini(&f);
}

static void case_peer_leaves_before_its_answer(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    static const char body[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"never\",\"params\":{\"text\":\"x\"}}";
    int fd = raw_connect(f.path, true);
    raw_send_request(fd, body, sizeof(body) - 1);
    CHECK(fixture_run_until_count(&f, &f.held_count, 1));
    close(fd);
    check_alive(&f);
    const struct fixture_result answer = {.text = "to nobody"};
    ipc_request_reply(f.held[--f.held_count], &answer);
    check_alive(&f);
    fixture_fini(&f);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"bodies", case_bodies},
        {"streams", case_streams},
        {"silent peers block nobody", case_silent_peers},
        {"peers that leave at once", case_peers_that_leave_at_once},
        {"a peer leaves before its answer", case_peer_leaves_before_its_answer},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
