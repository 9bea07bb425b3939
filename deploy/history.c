/*
 * Commands about what a site did: logs, deployments, rollback.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deploy/follow.h"
#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/interrupt.h"
#include "deploy/output.h"
#include "deploy/sites.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum { TAIL_DEFAULT = 100, TAIL_MAX = 5000, POLL_MS = 1000 };

/* Where in now the lines begin that were not in before: behind the longest end of before with
 * which now begins. */
static const char *find_new_lines(const char *before, const char *now)
{
    for (const char *line = before; *line != '\0';) {
        if (str_starts_with(now, line)) {
            return now + strlen(line);
        }
        const char *newline = strchr(line, '\n');
        line = newline ? newline + 1 : line + strlen(line);
    }
    return now;
}

/* Asks again and again; ends by Ctrl-C or when nobody reads any more, which are no errors here. */
static int follow_site(struct run *run, const char *path, const char *text, struct error *err)
{
    AUTO_FREE char *before = xstrdup(text);
    while (!interrupt_pending() && !ferror(stdout)) {
        interrupt_sleep_ms(POLL_MS);
        AUTO_ARENA struct arena *arena = arena_new();
        struct arena *own_arena = run->arena;
        const struct json_value *answer = NULL;
        run->arena = arena;
        int result = run_get(run, path, &answer, err);
        run->arena = own_arena;
        if (interrupt_pending()) {
            break;
        }
        if (result < 0 && !client_is_network_error(err)) {
            return result;
        }
        if (result == 0) {
            const char *now = json_find_text(answer, "text", "");
            const char *fresh = find_new_lines(before, now);
            terminal_write(&run->terminal, fresh, strlen(fresh));
            free(before);
            before = xstrdup(now);
        }
    }
    return 0;
}

static int find_deployment(struct run *run, int64_t number, struct domain *ret_domain,
                           int64_t *ret_id, struct error *err)
{
    const char *path;
    const struct json_value *answer;
    int result = sites_path(run, "/deployments?limit=500", &path, ret_domain, err);
    if (result == 0) {
        result = run_get(run, path, &answer, err);
    }
    if (result != 0) {
        return result;
    }
    const struct json_value *list = json_find(answer, "deployments");
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->item_count; i++) {
        if (json_find_integer(list->items[i], "number", 0) == number) {
            *ret_id = json_find_integer(list->items[i], "id", 0);
            return 0;
        }
    }
    error_set_field(err, ERR_NOT_FOUND, "deployment", "%s has no deployment %" PRId64,
                    ret_domain->name, number);
    error_hint(err, "See which there are: deploy sites deployments %s", ret_domain->name);
    return -ERR_NOT_FOUND;
}

static int show_deployment_log(struct run *run, int64_t number, struct error *err)
{
    struct domain domain;
    int64_t id = 0;
    int result = find_deployment(run, number, &domain, &id, err);
    if (result < 0 || !run->is_json) {
        return result < 0 ? result : follow_log(run, domain.name, id, err);
    }
    const struct json_value *answer;
    result = run_get(run, arena_printf(run->arena, "/api/deployments/%" PRId64 "/log?offset=0", id),
                     &answer, err);
    if (result == 0) {
        run_print_json(run, answer);
    }
    return result;
}

int handle_sites_logs(struct run *run, struct error *err)
{
    struct domain domain;
    const char *path;
    const struct json_value *answer;
    int64_t tail;
    int64_t number;
    int result = args_integer(&run->args, "tail", 1, TAIL_MAX, TAIL_DEFAULT, &tail, err);
    if (result == 0) {
        result = args_integer(&run->args, "deployment", 1, INT32_MAX, 0, &number, err);
    }
    if (result == 0 && number > 0) {
        return show_deployment_log(run, number, err);
    }
    if (result == 0) {
        result = sites_path(run, arena_printf(run->arena, "/logs?tail=%" PRId64, tail), &path,
                            &domain, err);
    }
    if (result == 0) {
        result = run_get(run, path, &answer, err);
    }
    if (result != 0) {
        return result;
    }
    const char *text = json_find_text(answer, "text", "");
    terminal_write(&run->terminal, text, strlen(text));
    run_print_json(run, answer);
    bool follows = args_has(&run->args, "follow") && !run->is_json;
    return follows ? follow_site(run, path, text, err) : 0;
}

static void print_deployments(struct run *run, const struct json_value *list)
{
    static const char *const titles[] = {"NUMBER", "STATE", "WHEN",   "TOOK",
                                         "FILES",  "SIZE",  "MESSAGE"};
    struct output_table table;
    output_table_init(&table, run, titles, ARRAY_COUNT(titles));
    for (size_t i = 0; i < list->item_count; i++) {
        const struct json_value *row = list->items[i];
        const char *failure = json_find_text(row, "error_message", "");
        bool is_rollback = str_equal(json_find_text(row, "kind", ""), "rollback");
        const char *message = json_find_text(row, "message", "");
        output_cell(&table, "%" PRId64, json_find_integer(row, "number", 0));
        output_cell(&table, "%s", json_find_text(row, "state", ""));
        output_cell(&table, "%s", format_time(json_find_integer(row, "created_at", 0)).text);
        output_cell(&table, "%s",
                    format_duration_ms(json_find_integer(row, "duration_ms", 0)).text);
        output_cell(&table, "%" PRId64, json_find_integer(row, "files", 0));
        output_cell(&table, "%s", format_bytes(json_find_integer(row, "size_bytes", 0)).text);
        output_cell(&table, "%s%s", is_rollback && !message[0] ? "(rollback) " : "",
                    failure[0] ? failure : message);
    }
    output_table_print(&table);
}

int handle_sites_deployments(struct run *run, struct error *err)
{
    struct domain domain;
    const char *path;
    const struct json_value *answer;
    int result = sites_path(run, "/deployments?limit=50", &path, &domain, err);
    if (result == 0) {
        result = run_get(run, path, &answer, err);
    }
    if (result != 0) {
        return result;
    }
    const struct json_value *list = json_find(answer, "deployments");
    if (!list || list->type != JSON_ARRAY || list->item_count == 0) {
        terminal_say(&run->terminal, "%s was never deployed.", domain.name);
    } else {
        print_deployments(run, list);
    }
    run_print_json(run, answer);
    return 0;
}

int handle_sites_rollback(struct run *run, struct error *err)
{
    struct domain domain;
    const char *path;
    const struct json_value *deployment;
    int64_t number;
    int result = args_integer(&run->args, "to", 1, INT32_MAX, 0, &number, err);
    if (result == 0) {
        result = sites_path(run, "/rollback", &path, &domain, err);
    }
    if (result != 0) {
        return result;
    }
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    if (number > 0) {
        json_put_integer(&writer, "number", number);
    }
    json_end_object(&writer);
    result = run_call(run, "POST", path, &body, &deployment, err);
    return result < 0 ? result : follow_deployment(run, domain.name, deployment, "", err);
}
