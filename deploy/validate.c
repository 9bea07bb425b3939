/*
 * The command validate: would this fit? Nothing is reserved by asking.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deploy/handlers.h"
#include "deploy/output.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/site/site_type.h"

static const struct {
    const char *option;
    const char *member;
} numbers[] = {
    {"memory", "memory_mib"},
    {"cpu", "cpu_millicores"},
    {"storage", "storage_mib"},
};

static int put_request(struct run *run, struct strbuf *body, struct error *err)
{
    const char *domain = args_option(&run->args, "domain");
    const char *type_name = args_option(&run->args, "type");
    const struct site_type *type;
    int result = type_name ? site_type_parse(type_name, &type, err) : 0;
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    if (type_name) {
        json_put_text(&writer, "type", type_name);
    }
    for (size_t i = 0; i < ARRAY_COUNT(numbers) && result == 0; i++) {
        int64_t value;
        result = args_integer(&run->args, numbers[i].option, 0, 1048576, -1, &value, err);
        if (result == 0 && value >= 0) {
            json_put_integer(&writer, numbers[i].member, value);
        }
    }
    if (domain && result == 0) {
        struct domain parsed = {""};
        result = run_domain(run, domain, &parsed, err);
        json_put_text(&writer, "domain", parsed.name);
    } else {
        json_put_bool(&writer, "new_site", true);
    }
    json_end_object(&writer);
    return result;
}

static void print_checks(struct run *run, const struct json_value *checks)
{
    static const char *const titles[] = {"LEVEL",    "DIMENSION", "USED", "ASKED",
                                         "TOGETHER", "LIMIT",     "FITS"};
    struct output_table table;
    output_table_init(&table, run, titles, ARRAY_COUNT(titles));
    for (size_t i = 0; checks && checks->type == JSON_ARRAY && i < checks->item_count; i++) {
        const struct json_value *check = checks->items[i];
        int64_t limit = json_find_integer(check, "limit", -1);
        output_cell(&table, "%s", json_find_text(check, "level", ""));
        output_cell(&table, "%s", json_find_text(check, "dimension", ""));
        output_cell(&table, "%" PRId64, json_find_integer(check, "used", 0));
        output_cell(&table, "%" PRId64, json_find_integer(check, "requested", 0));
        output_cell(&table, "%" PRId64, json_find_integer(check, "projected", 0));
        output_cell(&table, "%s", limit < 0 ? "none" : arena_printf(run->arena, "%" PRId64, limit));
        output_cell(&table, "%s", json_find_bool(check, "allowed", false) ? "yes" : "no");
    }
    output_table_print(&table);
}

int handle_validate(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct json_value *verdict;
    int result = put_request(run, &body, err);
    if (result == 0) {
        result = run_call(run, "POST", "/api/quotas/validate", &body, &verdict, err);
    }
    if (result != 0) {
        return result;
    }
    print_checks(run, json_find(verdict, "checks"));
    run_print_json(run, verdict);
    if (json_find_bool(verdict, "allowed", false)) {
        terminal_say(&run->terminal, "There is room for this.");
        return 0;
    }
    error_set(err, ERR_QUOTA_EXCEEDED, "%s", json_find_text(verdict, "message", ""));
    error_hint(err, "%s", json_find_text(verdict, "hint", ""));
    return -ERR_QUOTA_EXCEEDED;
}
