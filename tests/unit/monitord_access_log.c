/*
 * Lines of Caddy's access log, and what anybody could send in their place.
 */
#include "dialup-monitord/parse_access_log.h"

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"

static bool parse(const char *text, size_t size, struct access_line *ret_line)
{
    AUTO_ARENA struct arena *arena = arena_new();
    return parse_access_log(arena, text, size, ret_line);
}

static void case_caddy(void)
{
    const char *line =
        "{\"ts\":1700000000.5,\"request\":{\"remote_ip\":\"192.0.2.0\",\"method\":\"GET\","
        "\"host\":\"Hello.Example.org:8080\",\"uri\":\"/a\"},\"duration\":0.001234,\"size\":4096,"
        "\"status\":206}\n";
    struct access_line parsed;
    if (!CHECK(parse(line, strlen(line), &parsed))) {
        return;
    }
    CHECK_STR(parsed.host.name, "hello.example.org");
    CHECK_INT(parsed.traffic.requests, 1);
    CHECK_INT(parsed.traffic.bytes_out, 4096);
    CHECK_INT(parsed.traffic.bytes_in, 0);
    CHECK_INT(parsed.traffic.duration_us, 1234);
    CHECK_INT(parsed.traffic.status_2xx, 1);
    CHECK_INT(parsed.traffic.at, 0);
}

/* A line with these members, in the order of the text. */
static bool parse_members(const char *host, const char *status, const char *size,
                          const char *duration, struct access_line *ret_line)
{
    AUTO_FREE char *line =
        xasprintf("{\"request\":{\"host\":%s},\"status\":%s,\"size\":%s,\"duration\":%s}", host,
                  status, size, duration);
    return parse(line, strlen(line), ret_line);
}

static void case_status(void)
{
    static const struct {
        const char *status;
        int class; /* 0: none of the four; -1: refused */
    } rows[] = {
        {"200", 2},       {"299", 2},      {"301", 3},  {"404", 4},   {"599", 5},
        {"101", 0},       {"99", -1},      {"0", -1},   {"-1", -1},   {"600", -1},
        {"99999999", -1}, {"\"200\"", -1}, {"2e2", -1}, {"null", -1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct access_line line;
        bool is_good = parse_members("\"a.example.org\"", rows[i].status, "1", "0.1", &line);
        CHECK_INT(is_good, rows[i].class >= 0);
        if (is_good) {
            CHECK_INT(line.traffic.status_2xx, rows[i].class == 2);
            CHECK_INT(line.traffic.status_3xx, rows[i].class == 3);
            CHECK_INT(line.traffic.status_4xx, rows[i].class == 4);
            CHECK_INT(line.traffic.status_5xx, rows[i].class == 5);
        }
    }
}

static void case_host(void)
{
    static const struct {
        const char *host;
        bool is_good;
    } rows[] = {
        {"\"a.example.org\"", true},
        {"\"a.example.org:443\"", true},
        {"\"a.example.org.\"", true},
        {"\"xn--bcher-kva.example.org\"", true},
        {"\"\"", false},
        {"\":80\"", false},
        {"\"../../etc\"", false},
        {"\"a b.org\"", false},
        {"\"10.0.0.1\"", false},
        {"\"[::1]:80\"", false},
        {"\"localhost\"", false},
        {"5", false},
        {"null", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct access_line line;
        CHECK_INT(parse_members(rows[i].host, "200", "1", "0.1", &line), rows[i].is_good);
    }
}

static void case_long_host(void)
{
    AUTO_STRBUF struct strbuf host = STRBUF_INIT;
    struct access_line line;
    strbuf_putc(&host, '"');
    for (int i = 0; i < 200; i++) {
        strbuf_puts(&host, "aa.");
    }
    strbuf_puts(&host, "org\"");
    CHECK(!parse_members(strbuf_text(&host), "200", "1", "0.1", &line));
}

static void case_numbers(void)
{
    static const struct {
        const char *size, *duration;
        bool is_good;
    } rows[] = {
        {"0", "0", true},       {"1", "1e-6", true},   {"5", "3600.5", true},
        {"-1", "0.1", false},   {"1.5", "0.1", false}, {"9223372036854775807", "0.1", false},
        {"1", "-0.1", false},   {"1", "1e300", false}, {"1", "\"1\"", false},
        {"null", "0.1", false}, {"1", "null", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct access_line line;
        CHECK_INT(parse_members("\"a.example.org\"", "200", rows[i].size, rows[i].duration, &line),
                  rows[i].is_good);
    }
}

static void case_junk(void)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "\xff\xfe",
        "{\"status\":200}",
        "{\"request\":[]}",
        "{\"request\":{\"host\":\"a.example.org\"},\"status\":200,\"size\":1,\"duration\":0.1} {}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct access_line line;
        CHECK(!parse(texts[i], strlen(texts[i]), &line));
    }
    struct access_line line;
    CHECK(!parse("{}\0{}", 5, &line));
    char *long_text = xcalloc(1, ACCESS_LINE_MAX_BYTES + 1);
    memset(long_text, ' ', ACCESS_LINE_MAX_BYTES + 1);
    CHECK(!parse(long_text, ACCESS_LINE_MAX_BYTES + 1, &line));
    free(long_text);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a line as Caddy writes it", case_caddy},
        {"status codes", case_status},
        {"hosts", case_host},
        {"a host that is too long", case_long_host},
        {"sizes and durations", case_numbers},
        {"what is no such line", case_junk},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
