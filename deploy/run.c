/*
 * What all commands need; see the header.
 */
#include "deploy/run.h"

#include <stdio.h>
#include <string.h>

#include "libdialup/base/str.h"

int run_get(struct run *run, const char *path, const struct json_value **ret_answer,
            struct error *err)
{
    return run_call(run, "GET", path, NULL, ret_answer, err);
}

int run_call(struct run *run, const char *method, const char *path, const struct strbuf *body,
             const struct json_value **ret_answer, struct error *err)
{
    AUTO_STRBUF struct strbuf answer = STRBUF_INIT;
    struct client_request request = {
        .method = method,
        .path = path,
        .content_type = "application/json",
        .data = body ? strbuf_text(body) : NULL,
        .size = body ? body->size : 0,
    };
    int result = client_call(run->client, &request, &answer, err);
    if (result < 0) {
        return result;
    }
    const struct json_value *value;
    struct error parse_error;
    if (json_parse(run->arena, strbuf_text(&answer), answer.size, &value, &parse_error) < 0) {
        bool is_page = strbuf_text(&answer)[strspn(strbuf_text(&answer), " \r\n\t")] == '<';
        error_set(err, ERR_UNAVAILABLE, "%s answers with something that cannot be understood: %s",
                  run->settings.server, is_page ? "a web page" : parse_error.message);
        error_hint(err, "Is this the address of a Dial Up Deploy panel?");
        return -ERR_UNAVAILABLE;
    }
    if (value->type != JSON_OBJECT) {
        error_set(err, ERR_UNAVAILABLE, "%s does not answer like a Dial Up Deploy panel",
                  run->settings.server);
        error_hint(err, "Is this the address of a Dial Up Deploy panel?");
        return -ERR_UNAVAILABLE;
    }
    if (ret_answer) {
        *ret_answer = value;
    }
    return 0;
}

void run_print_json(struct run *run, const struct json_value *answer)
{
    if (!run->is_json) {
        return;
    }
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_write_value(&writer, answer);
    puts(strbuf_text(&text));
    run->has_printed = true;
}

int run_me(struct run *run, const struct json_value **ret_me, struct error *err)
{
    return run_get(run, "/api/me", ret_me, err);
}

int run_domain(struct run *run, const char *text, struct domain *ret_domain, struct error *err)
{
    /* Whether encoded names are allowed is the server's to say. */
    struct domain_rules rules = {.allow_punycode = true};
    if (strchr(text, '.')) {
        return domain_parse(text, &rules, ret_domain, err);
    }
    const struct json_value *me;
    int result = run_me(run, &me, err);
    if (result < 0) {
        return result;
    }
    bool is_completed;
    rules.suffix = json_find_text(me, "sites_suffix", "");
    result = domain_parse_site(text, &rules, ret_domain, &is_completed, err);
    if (result == 0 && is_completed && !run->has_said_domain) {
        run->has_said_domain = true;
        terminal_say(&run->terminal, "%s is %s here", text, ret_domain->name);
    }
    return result;
}
