/*
 * Commands for admins: users list, create, limits, activate, deactivate.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deploy/amount.h"
#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/output.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

#define LIMIT_MAX ((int64_t)1 << 40)

enum { CORES_MAX = 256, PER_CORE = 1000 };

static const char *yes_no(const struct json_value *object, const char *name)
{
    return json_find_bool(object, name, false) ? "yes" : "no";
}

int handle_users_list(struct run *run, struct error *err)
{
    static const char *const titles[] = {"ID", "EMAIL", "NAME", "ROLE", "PROFILE", "ACTIVE"};
    const struct json_value *answer;
    int result = run_get(run, "/api/users?limit=500", &answer, err);
    if (result < 0) {
        return result;
    }
    const struct json_value *users = json_find(answer, "users");
    struct output_table table;
    output_table_init(&table, run, titles, ARRAY_COUNT(titles));
    for (size_t i = 0; users && users->type == JSON_ARRAY && i < users->item_count; i++) {
        const struct json_value *user = users->items[i];
        output_cell(&table, "%" PRId64, json_find_integer(user, "id", 0));
        output_cell(&table, "%s", json_find_text(user, "email", ""));
        output_cell(&table, "%s", json_find_text(user, "name", ""));
        output_cell(&table, "%s", json_find_text(user, "role", ""));
        output_cell(&table, "%s", json_find_text(user, "profile", ""));
        output_cell(&table, "%s", yes_no(user, "is_active"));
    }
    output_table_print(&table);
    run_print_json(run, answer);
    return 0;
}

static void put_option(struct run *run, struct json_writer *writer, const char *name)
{
    const char *value = args_option(&run->args, name);
    if (value) {
        json_put_text(writer, name, value);
    }
}

static void print_new_user(struct run *run, const struct secret *password, struct strbuf *body)
{
    const char *name = args_option(&run->args, "name");
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    json_put_text(&writer, "email", run->args.words[0]);
    json_put_text(&writer, "name", name ? name : run->args.words[0]);
    put_option(run, &writer, "role");
    put_option(run, &writer, "profile");
    if (password->size > 0) {
        json_key(&writer, "password");
        json_text_len(&writer, password->data, password->size);
    }
    json_end_object(&writer);
}

int handle_users_create(struct run *run, struct error *err)
{
    AUTO_SECRET struct secret password = SECRET_INIT;
    struct strbuf body = STRBUF_INIT;
    int result = terminal_ask_secret(
        &run->terminal, "Password of the new account (at least 10 characters): ", &password, err);
    if (result < 0) {
        return result;
    }
    print_new_user(run, &password, &body);
    const struct json_value *user;
    result = run_call(run, "POST", "/api/users", &body, &user, err);
    secret_wipe(body.data, body.size);
    strbuf_fini(&body);
    if (result == 0) {
        terminal_say(&run->terminal, "Created account %" PRId64 " for %s.",
                     json_find_integer(user, "id", 0),
                     output_text(run, json_find_text(user, "email", "")));
        run_print_json(run, user);
    }
    return result;
}

/* For a query: everything but letters, digits and a few marks as %XX. */
static const char *escape(struct run *run, const char *text)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-_.~", c)) {
            strbuf_putc(&out, *text);
        } else {
            strbuf_printf(&out, "%%%02X", c);
        }
    }
    return arena_strdup(run->arena, strbuf_text(&out));
}

/* The account in the first word: its number, or its email. */
static int find_user(struct run *run, int64_t *ret_id, struct error *err)
{
    const char *word = run->args.words[0];
    if (str_parse_i64(word, 1, INT64_MAX, ret_id)) {
        return 0;
    }
    const struct json_value *answer;
    const char *path =
        arena_printf(run->arena, "/api/users?limit=500&search=%s", escape(run, word));
    int result = run_get(run, path, &answer, err);
    if (result < 0) {
        return result;
    }
    const struct json_value *users = json_find(answer, "users");
    for (size_t i = 0; users && users->type == JSON_ARRAY && i < users->item_count; i++) {
        if (strcasecmp(json_find_text(users->items[i], "email", ""), word) == 0) {
            *ret_id = json_find_integer(users->items[i], "id", 0);
            return 0;
        }
    }
    error_set_field(err, ERR_NOT_FOUND, "USER", "There is no account %.100s", word);
    error_hint(err, "See who there is: deploy users list");
    return -ERR_NOT_FOUND;
}

/* "none", cores, or a whole number with MB or GB behind it perhaps. Nobody has CORES_MAX: who wrote
 * more meant thousandths. */
static bool parse_limit(const char *text, bool is_cpu, int64_t *ret_value)
{
    if (str_equal(text, "none")) {
        *ret_value = -1;
        return true;
    }
    if (is_cpu) {
        return amount_parse_cores(text, ret_value) && *ret_value <= CORES_MAX * PER_CORE;
    }
    return amount_parse_mib(text, ret_value) && *ret_value <= LIMIT_MAX;
}

/* One "DIMENSION=VALUE" of --set. */
static int put_change(struct run *run, struct json_writer *writer, const char *text,
                      struct error *err)
{
    const char *equals = strchr(text, '=');
    int64_t hard;
    bool is_cpu = str_starts_with(text, "cpu");
    if (!equals || equals == text || !parse_limit(equals + 1, is_cpu, &hard)) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "set", "\"%.60s\" is not a limit", text);
        error_hint(err, is_cpu ? "In cores: --set cpu_production=0.5, or none"
                               : "For example --set sites=5 --set memory_production=1GB --set "
                                 "cpu_production=0.5");
        return -ERR_INVALID_ARGUMENT;
    }
    json_begin_object(writer);
    json_put_text(writer, "dimension", arena_strndup(run->arena, text, (size_t)(equals - text)));
    json_put_integer(writer, "hard", hard);
    json_end_object(writer);
    return 0;
}

static int put_changes(struct run *run, struct strbuf *body, struct error *err)
{
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    json_key(&writer, "limits");
    json_begin_array(&writer);
    for (int i = 0; i < run->args.option_count; i++) {
        if (str_equal(run->args.options[i].row->name, "set")) {
            int result = put_change(run, &writer, run->args.options[i].value, err);
            if (result < 0) {
                return result;
            }
        }
    }
    json_end_array(&writer);
    json_end_object(&writer);
    return 0;
}

static void print_limits(struct run *run, const struct json_value *answer)
{
    static const char *const titles[] = {"DIMENSION", "LIMIT", "UNIT", "WARNS AT", "BURST"};
    const struct json_value *limits = json_find(answer, "limits");
    struct output_table table;
    output_table_init(&table, run, titles, ARRAY_COUNT(titles));
    for (size_t i = 0; limits && limits->type == JSON_ARRAY && i < limits->item_count; i++) {
        const struct json_value *limit = limits->items[i];
        int64_t hard = json_find_integer(limit, "hard", -1);
        output_cell(&table, "%s", json_find_text(limit, "dimension", ""));
        const char *unit = json_find_text(limit, "unit", "");
        bool is_cpu = str_equal(unit, "millicores");
        const char *text = is_cpu ? arena_strdup(run->arena, format_cores(hard).text)
                                  : arena_printf(run->arena, "%" PRId64, hard);
        output_cell(&table, "%s", hard < 0 ? "none" : text);
        output_cell(&table, "%s", is_cpu ? "cores" : unit);
        output_cell(&table, "%" PRId64 "%%", json_find_integer(limit, "soft_percent", 0));
        output_cell(&table, "%" PRId64 "%%", json_find_integer(limit, "burst_percent", 0));
    }
    output_table_print(&table);
}

static void print_applied(struct run *run, const struct json_value *answer)
{
    const char *note = json_find_text(answer, "note", "");
    if (*note) {
        terminal_say(&run->terminal, "Note: %s", note);
    }
    const struct json_value *applied = json_find(answer, "applied");
    for (size_t i = 0; applied && applied->type == JSON_ARRAY && i < applied->item_count; i++) {
        const struct json_value *site = applied->items[i];
        terminal_say(&run->terminal, "Site %" PRId64 ": %s of memory and %s cores in force%s",
                     json_find_integer(site, "site_id", 0),
                     format_bytes(json_find_integer(site, "memory_in_force_bytes", 0)).text,
                     format_cores(json_find_integer(site, "cpu_in_force_millicores", 0)).text,
                     json_find_bool(site, "agrees", false) ? "" : ", which is not what was asked");
    }
}

int handle_users_limits(struct run *run, struct error *err)
{
    int64_t id;
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    int result = put_changes(run, &body, err);
    if (result == 0) {
        result = find_user(run, &id, err);
    }
    if (result != 0) {
        return result;
    }
    const struct json_value *answer;
    const char *path = arena_printf(run->arena, "/api/quotas/user/%" PRId64, id);
    result = args_has(&run->args, "set") ? run_call(run, "PUT", path, &body, &answer, err)
                                         : run_get(run, path, &answer, err);
    if (result == 0) {
        print_limits(run, answer);
        print_applied(run, answer);
        run_print_json(run, answer);
    }
    return result;
}

int handle_users_activate(struct run *run, struct error *err)
{
    int64_t id;
    bool activates = str_equal(run->args.command->name, "users activate");
    int result = find_user(run, &id, err);
    if (result < 0) {
        return result;
    }
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_bool(&writer, "is_active", activates);
    json_end_object(&writer);
    const char *path = arena_printf(run->arena, "/api/users/%" PRId64, id);
    const struct json_value *user;
    result = run_call(run, "PATCH", path, &body, &user, err);
    if (result == 0) {
        terminal_say(&run->terminal, "%s can%s log in%s.",
                     output_text(run, json_find_text(user, "email", "")), activates ? "" : " not",
                     activates ? " again" : " any more");
        run_print_json(run, user);
    }
    return result;
}
