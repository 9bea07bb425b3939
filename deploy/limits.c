/*
 * See the header. Called by users.c and team.c.
 */
#include "deploy/limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/output.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/quota/limits.h"
#include "libdialup/quota/typed.h"

static void put_change(struct json_writer *writer, const struct quota_typed *typed)
{
    json_begin_object(writer);
    json_put_text(writer, "dimension", quota_dimension_info(typed->dimension)->name);
    if (typed->has_hard) {
        json_put_integer(writer, "hard", typed->hard);
    }
    if (typed->has_percent) {
        json_put_integer(writer, "percent", typed->percent);
    }
    if (typed->has_soft_percent) {
        json_put_integer(writer, "soft_percent", typed->soft_percent);
    }
    if (typed->has_burst_percent) {
        json_put_integer(writer, "burst_percent", typed->burst_percent);
    }
    json_end_object(writer);
}

static int put_changes(const struct run *run, struct strbuf *body, struct error *err)
{
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    json_key(&writer, "limits");
    json_begin_array(&writer);
    for (int i = 0; i < run->args.option_count; i++) {
        struct quota_typed typed;
        if (!str_equal(run->args.options[i].row->name, "set")) {
            continue;
        }
        int result = quota_typed_limit(run->args.options[i].value, &typed, err);
        if (result < 0) {
            return result;
        }
        put_change(&writer, &typed);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    return 0;
}

int limits_check(const struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    return put_changes(run, &body, err);
}

static const char *percent_text(struct run *run, int64_t percent, const char *none)
{
    return percent > 0 ? arena_printf(run->arena, "%" PRId64 "%%", percent) : none;
}

static const char *amount_text(const struct run *run, const struct json_value *limit,
                               const char *name)
{
    int64_t amount = json_find_integer(limit, name, QUOTA_UNLIMITED);
    return amount < 0
               ? "none"
               : arena_strdup(run->arena,
                              format_whole_amount(amount, json_find_text(limit, "unit", "")).text);
}

/* What is brought into teams or by members, and what binds with that. */
static void print_limits(struct run *run, const struct json_value *answer)
{
    bool is_team = str_equal(json_find_text(answer, "entity", ""), "team");
    const char *const titles[] = {"DIMENSION",     is_team ? "POOL" : "LIMIT",
                                  "OF THE SERVER", is_team ? "BROUGHT IN" : "IN TEAMS",
                                  "BINDS",         "WARNS AT",
                                  "BURST"};
    const struct json_value *limits = json_find(answer, "limits");
    struct output_table table;
    output_table_init(&table, run, titles, ARRAY_COUNT(titles));
    for (size_t i = 0; limits && limits->type == JSON_ARRAY && i < limits->item_count; i++) {
        const struct json_value *limit = limits->items[i];
        bool is_brought = json_find_integer(limit, "brought", 0) > 0;
        output_cell(&table, "%s", json_find_text(limit, "dimension", ""));
        output_cell(&table, "%s", amount_text(run, limit, "hard"));
        output_cell(&table, "%s", percent_text(run, json_find_integer(limit, "percent", 0), "-"));
        output_cell(&table, "%s", is_brought ? amount_text(run, limit, "brought") : "-");
        output_cell(&table, "%s",
                    amount_text(run, limit, json_find(limit, "effective") ? "effective" : "hard"));
        output_cell(&table, "%s",
                    percent_text(run, json_find_integer(limit, "soft_percent", 0), "-"));
        output_cell(&table, "%s",
                    percent_text(run, json_find_integer(limit, "burst_percent", 0), "-"));
    }
    output_table_print(&table);
}

static void print_applied(struct run *run, const struct json_value *answer)
{
    const char *note = json_find_text(answer, "note", "");
    if (*note) {
        terminal_say(&run->terminal, "Note: %s", output_text(run, note));
    }
    const struct json_value *warnings = json_find(answer, "warnings");
    for (size_t i = 0; warnings && warnings->type == JSON_ARRAY && i < warnings->item_count; i++) {
        terminal_say(&run->terminal, "Look out: %s", output_text(run, warnings->items[i]->text));
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

int limits_handle(struct run *run, const char *path, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct json_value *answer;
    int result = put_changes(run, &body, err);
    if (result == 0) {
        result = args_has(&run->args, "set") ? run_call(run, "PUT", path, &body, &answer, err)
                                             : run_get(run, path, &answer, err);
    }
    if (result == 0) {
        print_limits(run, answer);
        print_applied(run, answer);
        run_print_json(run, answer);
    }
    return result;
}
