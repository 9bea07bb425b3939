/*
 * Commands for admins: users list, create, limits, activate, deactivate.
 */
#include <inttypes.h>
#include <stdio.h>

#include "deploy/find.h"
#include "deploy/handlers.h"
#include "deploy/limits.h"
#include "deploy/output.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

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

int handle_users_limits(struct run *run, struct error *err)
{
    int64_t id;
    int result = limits_check(run, err);
    if (result == 0) {
        result = find_user(run, run->args.words[0], &id, err);
    }
    if (result != 0) {
        return result;
    }
    return limits_handle(run, arena_printf(run->arena, "/api/quotas/user/%" PRId64, id), err);
}

int handle_users_activate(struct run *run, struct error *err)
{
    int64_t id;
    bool activates = str_equal(run->args.command->name, "users activate");
    int result = find_user(run, run->args.words[0], &id, err);
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
