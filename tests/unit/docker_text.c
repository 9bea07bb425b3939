/*
 * The pure parts of the Docker client: targets, frames, lines, containers as JSON.
 */
#include "dialup-deployd/docker/container_json.h"

#include <stdlib.h>

#include "dialup-deployd/docker/stream.h"
#include "dialup-deployd/docker/url.h"
#include "libdialup/base/error.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static void case_targets(void)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    docker_url_append_path(&out, (const char *[]){"containers", "a/../b?c#d%e", "json", NULL});
    docker_url_append_path(&out, (const char *[]){"..", ".", "", "a.b", "\xC3\xA4", NULL});
    docker_url_append_query(
        &out, (struct docker_query[]){{"all", "1"}, {"none", NULL}, {"f", "{\"a\":[1]} &="}, {0}});
    CHECK_STR(strbuf_text(&out), "/containers/a%2F..%2Fb%3Fc%23d%25e/json/_/_/_/a.b/%C3%A4"
                                 "?all=1&f=%7B%22a%22%3A%5B1%5D%7D%20%26%3D");
    strbuf_clear(&out);
    docker_url_append_query(&out, (struct docker_query[]){{"none", NULL}, {0}});
    docker_url_append_query(&out, NULL);
    CHECK_STR(strbuf_text(&out), "");
}

static void append_frame(void *arg, enum docker_stream stream, const char *data, size_t size)
{
    struct strbuf *out = arg;
    strbuf_printf(out, "%d:", stream);
    strbuf_append(out, data, size);
}

static void case_frames(void)
{
    static const char bytes[] = "\1\0\0\0\0\0\0\5hello\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\3err";
    AUTO_STRBUF struct strbuf whole = STRBUF_INIT;
    struct docker_frames frames = {0};
    CHECK_INT(docker_frames_feed(&frames, bytes, sizeof(bytes) - 1, append_frame, &whole), 0);
    CHECK_STR(strbuf_text(&whole), "1:hello2:err");
    AUTO_STRBUF struct strbuf split = STRBUF_INIT;
    frames = (struct docker_frames){0};
    for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
        CHECK_INT(docker_frames_feed(&frames, bytes + i, 1, append_frame, &split), 0);
    }
    CHECK_STR(strbuf_text(&split), "1:h1:e1:l1:l1:o2:e2:r2:r");
    frames = (struct docker_frames){0};
    CHECK_INT(docker_frames_feed(&frames, "plain text", 10, append_frame, &whole), -ERR_PARSE);
}

static void append_line(void *arg, const char *line, size_t size)
{
    struct strbuf *out = arg;
    strbuf_putc(out, '[');
    strbuf_append(out, line, size);
    strbuf_putc(out, ']');
}

static void case_lines(void)
{
    static const char text[] = "{1}\r\n\r\n\n{2}\n{3";
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    struct docker_lines lines = {0};
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        CHECK_INT(docker_lines_feed(&lines, text + i, 1, append_line, &out), 0);
    }
    CHECK_STR(strbuf_text(&out), "[{1}][{2}]");
    AUTO_FREE char *much = xcalloc(1, DOCKER_LINE_MAX);
    CHECK_INT(docker_lines_feed(&lines, much, DOCKER_LINE_MAX, append_line, &out), -ERR_TOO_LARGE);
    docker_lines_fini(&lines);
}

static void case_times(void)
{
    static const struct {
        const char *text;
        int64_t wanted;
    } rows[] = {
        {"2026-01-31T12:00:00.123456789Z", 1769860800},
        {"1970-01-01T00:00:01Z", 1},
        {"0001-01-01T00:00:00Z", 0},
        {"", 0},
        {"yesterday", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        CHECK_INT(docker_time_parse(rows[i].text), rows[i].wanted);
    }
}

static void case_smallest_spec(void)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    docker_container_spec_write(&(struct docker_container_spec){.image = "i"}, &out);
    CHECK_STR(strbuf_text(&out),
              "{\"Image\":\"i\",\"Labels\":{},\"HostConfig\":{\"Mounts\":[],\"Tmpfs\":{},"
              "\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"10m\","
              "\"max-file\":\"2\"}},\"CapDrop\":[\"ALL\"],\"SecurityOpt\":[\"no-new-privileges\"],"
              "\"ReadonlyRootfs\":false,\"Init\":true,\"RestartPolicy\":{\"Name\":\"no\"}}}");
}

static bool read_text(struct arena *arena, const char *text, struct docker_container *container)
{
    const struct json_value *value;
    return json_parse(arena, text, strlen(text), &value, NULL) == 0 &&
           docker_container_read(arena, value, "net", container);
}

static void case_inspect(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct docker_container container;
    CHECK(!read_text(arena, "{\"Id\":\"x\"}", &container));
    CHECK(!read_text(arena, "[]", &container));
    CHECK(read_text(arena, "{\"Id\":\"x\",\"State\":{},\"Config\":{},\"HostConfig\":{}}",
                    &container));
    CHECK_STR(container.ip_address, "");
    CHECK_STR(container.error, "");
    CHECK_INT(container.state, DOCKER_STATE_UNKNOWN);
    CHECK(read_text(arena,
                    "{\"Id\":\"x\",\"Name\":\"/web\",\"State\":{\"Status\":\"exited\","
                    "\"OOMKilled\":true,\"ExitCode\":137},\"Config\":{\"Labels\":{\"a\":\"b\","
                    "\"odd\":1}},\"HostConfig\":{\"Memory\":5},\"NetworkSettings\":{\"Networks\":"
                    "{\"other\":{\"IPAddress\":\"1.1.1.1\"},\"net\":{\"IPAddress\":\"2.2.2.2\"}}}}",
                    &container));
    CHECK_STR(container.name, "web");
    CHECK_STR(container.ip_address, "2.2.2.2");
    CHECK_INT(container.state, DOCKER_EXITED);
    CHECK(container.is_oom_killed);
    CHECK_INT(container.memory_bytes, 5);
    CHECK_INT(container.label_count, 1);
    CHECK_STR(docker_label_find(container.labels, container.label_count, "a"), "b");
    CHECK_STR(docker_label_find(container.labels, container.label_count, "c"), NULL);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"targets are escaped", case_targets},
        {"frames, whole and byte by byte", case_frames},
        {"lines", case_lines},
        {"times", case_times},
        {"the smallest container", case_smallest_spec},
        {"containers as Docker tells", case_inspect},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
