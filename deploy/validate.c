/*
 * The command validate: would this fit? Nothing is reserved by asking.
 */
#include <inttypes.h>

#include "deploy/find.h"
#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/output.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/quota/typed.h"
#include "libdialup/site/site_type.h"

/* As large as the API takes. */
enum { MEMORY_MAX_MIB = 1048576, CPU_MAX_MILLICORES = 1000000, STORAGE_MAX_MIB = 1048576 };

static const struct {
    const char *option;
    const char *member;
    enum quota_dimension dimension;
    int64_t max;
    const char *wanted;
} amounts[] = {
    {"memory", "memory_mib", QUOTA_MEMORY_PRODUCTION, MEMORY_MAX_MIB, "a size such as 256MB"},
    {"cpu", "cpu_millicores", QUOTA_CPU_PRODUCTION, CPU_MAX_MILLICORES, "cores such as 0.5"},
    {"storage", "storage_mib", QUOTA_STORAGE_PRODUCTION, STORAGE_MAX_MIB, "a size such as 1GB"},
};

static int put_amounts(const struct run *run, struct json_writer *writer, struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(amounts); i++) {
        const char *text = args_option(&run->args, amounts[i].option);
        int64_t value;
        if (!text) {
            continue;
        }
        if (quota_typed_amount(amounts[i].dimension, text, &value, NULL) < 0 ||
            value > amounts[i].max) {
            return error_set_field(err, ERR_INVALID_ARGUMENT, amounts[i].option,
                                   "--%s takes %s, not \"%.40s\"", amounts[i].option,
                                   amounts[i].wanted, text);
        }
        json_put_integer(writer, amounts[i].member, value);
    }
    return 0;
}

/* Whose limits are asked about: the team's, if one is named. */
static int put_team(struct run *run, struct json_writer *writer, struct error *err)
{
    const char *name = args_option(&run->args, "team");
    const struct json_value *team;
    int result = name ? find_team(run, name, &team, err) : 0;
    if (name && result == 0) {
        json_put_integer(writer, "team", json_find_integer(team, "id", 0));
    }
    return result;
}

static int put_what(struct run *run, struct json_writer *writer, struct error *err)
{
    const char *domain = args_option(&run->args, "domain");
    const char *type_name = args_option(&run->args, "type");
    const struct site_type *type;
    struct domain parsed = {""};
    int result = type_name ? site_type_parse(type_name, &type, err) : 0;
    if (result == 0 && domain) {
        result = run_domain(run, domain, &parsed, err);
    }
    if (result < 0) {
        return result;
    }
    if (type_name) {
        json_put_text(writer, "type", type_name);
    }
    if (domain) {
        json_put_text(writer, "domain", parsed.name);
    } else {
        json_put_bool(writer, "new_site", true);
    }
    if (args_has(&run->args, "development")) {
        json_put_bool(writer, "development", true);
    }
    return 0;
}

static int put_request(struct run *run, struct strbuf *body, struct error *err)
{
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    int result = put_amounts(run, &writer, err);
    if (result == 0) {
        result = put_what(run, &writer, err);
    }
    if (result == 0) {
        result = put_team(run, &writer, err);
    }
    json_end_object(&writer);
    return result;
}

/* Whose limit it is: "you", "team blog", "server". */
static const char *level_text(struct run *run, const struct json_value *check)
{
    const char *level = json_find_text(check, "level", "");
    if (str_equal(level, "team")) {
        return arena_printf(run->arena, "team %.64s", json_find_text(check, "level_name", ""));
    }
    return str_equal(level, "user") ? "you" : "server";
}

static const char *answer_text(const struct json_value *check)
{
    if (!json_find_bool(check, "allowed", false)) {
        return "no";
    }
    if (json_find_bool(check, "lent", false)) {
        return "yes, lent";
    }
    return json_find_bool(check, "soft_reached", false) ? "yes, nearly full" : "yes";
}

static void print_checks(struct run *run, const struct json_value *checks)
{
    static const char *const titles[] = {"WHOSE",    "DIMENSION", "USED", "ASKED",
                                         "TOGETHER", "LIMIT",     "FITS"};
    struct output_table table;
    output_table_init(&table, run, titles, ARRAY_COUNT(titles));
    for (size_t i = 0; checks && checks->type == JSON_ARRAY && i < checks->item_count; i++) {
        const struct json_value *check = checks->items[i];
        int64_t limit = json_find_integer(check, "limit", -1);
        const char *unit = json_find_text(check, "unit", "");
        output_cell(&table, "%s", level_text(run, check));
        output_cell(&table, "%s", json_find_text(check, "dimension", ""));
        output_cell(&table, "%s", format_amount(json_find_integer(check, "used", 0), unit).text);
        output_cell(&table, "%s",
                    format_amount(json_find_integer(check, "requested", 0), unit).text);
        output_cell(&table, "%s",
                    format_amount(json_find_integer(check, "projected", 0), unit).text);
        output_cell(&table, "%s", limit < 0 ? "none" : format_whole_amount(limit, unit).text);
        output_cell(&table, "%s", answer_text(check));
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
