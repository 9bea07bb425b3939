/*
 * Commands about API keys: list, create, revoke.
 */
#include <inttypes.h>

#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/output.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

int handle_keys_list(struct run *run, struct error *err)
{
    static const char *const titles[] = {"ID", "NAME", "BEGINS WITH", "CREATED", "LAST USED"};
    const struct json_value *answer;
    int result = run_get(run, "/api/keys", &answer, err);
    if (result < 0) {
        return result;
    }
    const struct json_value *keys = json_find(answer, "keys");
    struct output_table table;
    output_table_init(&table, run, titles, ARRAY_COUNT(titles));
    for (size_t i = 0; keys && keys->type == JSON_ARRAY && i < keys->item_count; i++) {
        const struct json_value *key = keys->items[i];
        output_cell(&table, "%" PRId64, json_find_integer(key, "id", 0));
        output_cell(&table, "%s", json_find_text(key, "name", ""));
        output_cell(&table, "%s", json_find_text(key, "prefix", ""));
        output_cell(&table, "%s", format_time(json_find_integer(key, "created_at", 0)).text);
        output_cell(&table, "%s", format_time(json_find_integer(key, "last_used_at", 0)).text);
    }
    output_table_print(&table);
    run_print_json(run, answer);
    return 0;
}

int handle_keys_create(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_text(&writer, "name", run->args.words[0]);
    json_end_object(&writer);
    const struct json_value *key;
    int result = run_call(run, "POST", "/api/keys", &body, &key, err);
    if (result == 0) {
        terminal_say(&run->terminal, "%s", output_text(run, json_find_text(key, "key", "")));
        terminal_note(&run->terminal,
                      "This key is shown once. Whoever has it can do what you can: keep it like a "
                      "password.");
        run_print_json(run, key);
    }
    return result;
}

int handle_keys_revoke(struct run *run, struct error *err)
{
    int64_t id;
    if (!str_parse_i64(run->args.words[0], 1, INT64_MAX, &id)) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "ID", "\"%.40s\" is not the number of a key",
                        run->args.words[0]);
        error_hint(err, "See the numbers: deploy keys list");
        return -ERR_INVALID_ARGUMENT;
    }
    const char *path = arena_printf(run->arena, "/api/keys/%" PRId64, id);
    const struct json_value *answer;
    int result = run_call(run, "DELETE", path, NULL, &answer, err);
    if (result == 0) {
        terminal_say(&run->terminal, "Key %" PRId64 " does not work any more.", id);
        run_print_json(run, answer);
    }
    return result;
}
