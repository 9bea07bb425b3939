/*
 * The log of a deployment by long poll; see the header. Called by site and by sites rollback.
 */
#include "deploy/follow.h"

#include <inttypes.h>
#include <string.h>

#include "deploy/format.h"
#include "deploy/interrupt.h"
#include "deploy/output.h"
#include "libdialup/base/str.h"

enum { WAIT_MS = 20000, LOG_TIMEOUT_MS = 45000, ATTEMPTS = 20, PAUSE_MS = 500 };

struct follow {
    struct run *run;
    int64_t id;
    int64_t offset;
    bool is_finished;
};

static int poll_log(struct follow *follow, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const char *path =
        arena_printf(arena, "/api/deployments/%" PRId64 "/log?offset=%" PRId64 "&wait_ms=%d",
                     follow->id, follow->offset, WAIT_MS);
    struct client_request request = {.method = "GET", .path = path, .timeout_ms = LOG_TIMEOUT_MS};
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = client_call(follow->run->client, &request, &text, err);
    const struct json_value *answer;
    if (result == 0) {
        result = json_parse(arena, strbuf_text(&text), text.size, &answer, err);
    }
    if (result != 0) {
        return result;
    }
    const char *log = json_find_text(answer, "text", "");
    terminal_write(&follow->run->terminal, log, strlen(log));
    follow->offset = json_find_integer(answer, "next_offset", follow->offset);
    follow->is_finished = json_find_bool(answer, "finished", false);
    return 0;
}

static int stopped(const char *domain, struct error *err)
{
    error_set(err, ERR_IO, "You stopped watching; the deploy goes on at the server");
    error_hint(err, "See how it went: deploy sites deployments %s", domain);
    return -ERR_IO;
}

/* The network, or a server that is being upgraded one program after the other. */
static bool is_passing(const struct error *err)
{
    return client_is_network_error(err) || err->code == ERR_UNAVAILABLE;
}

static int watch(struct follow *follow, const char *domain, struct error *err)
{
    int failures = 0;
    while (!follow->is_finished) {
        int result = poll_log(follow, err);
        if (interrupt_pending()) {
            return stopped(domain, err);
        }
        if (result < 0 && (!is_passing(err) || ++failures == ATTEMPTS)) {
            return result;
        }
        if (result < 0) {
            interrupt_sleep_ms(PAUSE_MS);
        } else {
            failures = 0;
        }
    }
    return 0;
}

static const char *print_checks(struct arena *arena, const struct json_value *checks)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    if (!checks || checks->type != JSON_ARRAY || checks->item_count == 0) {
        return NULL;
    }
    json_writer_init(&writer, &text);
    json_write_value(&writer, checks);
    return arena_strdup(arena, strbuf_text(&text));
}

static int deployment_failed(const struct run *run, const struct json_value *deployment,
                             struct error *err)
{
    enum error_code code = error_by_name(json_find_text(deployment, "error_name", ""));
    const char *message = json_find_text(deployment, "error_message", "");
    int result = error_set(err, code ? code : ERR_BUILD_FAILED, "%s",
                           message[0] ? message : "The deployment failed");
    const char *hint = json_find_text(deployment, "error_hint", "");
    error_hint(err, "%s", hint[0] ? hint : "What was live before still is");
    err->checks_json = print_checks(run->arena, json_find(deployment, "error_checks"));
    return result;
}

static int show_result(struct follow *follow, const char *domain, const char *summary,
                       const struct json_value *deployment, struct error *err)
{
    const struct json_value *site;
    const char *path = arena_printf(follow->run->arena, "/api/sites/%s", domain);
    int result = run_get(follow->run, path, &site, err);
    if (result < 0) {
        return result;
    }
    struct terminal *terminal = &follow->run->terminal;
    struct text_size took = format_duration_ms(json_find_integer(deployment, "duration_ms", 0));
    terminal_say(terminal, "%s%sDeployment %" PRId64 " is live after %s at the server.", summary,
                 summary[0] ? " " : "", json_find_integer(deployment, "number", 0), took.text);
    terminal_say(terminal, "%s%s%s", terminal_style(terminal, STYLE_BOLD),
                 output_text(follow->run, json_find_text(site, "address", domain)),
                 terminal_style(terminal, STYLE_PLAIN));
    run_print_json(follow->run, deployment);
    return 0;
}

int follow_deployment(struct run *run, const char *domain, const struct json_value *deployment,
                      const char *summary, struct error *err)
{
    struct follow follow = {.run = run, .id = json_find_integer(deployment, "id", 0)};
    int result = watch(&follow, domain, err);
    if (result < 0) {
        return result;
    }
    const char *path = arena_printf(run->arena, "/api/deployments/%" PRId64, follow.id);
    result = run_get(run, path, &deployment, err);
    if (result < 0) {
        return result;
    }
    const char *state = json_find_text(deployment, "state", "");
    if (str_equal(state, "live") || str_equal(state, "superseded")) {
        return show_result(&follow, domain, summary, deployment, err);
    }
    return deployment_failed(run, deployment, err);
}

int follow_log(struct run *run, const char *domain, int64_t id, struct error *err)
{
    struct follow follow = {.run = run, .id = id};
    return watch(&follow, domain, err);
}
