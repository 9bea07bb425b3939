/*
 * The command status: one's sites, and with --resources what one uses of what one may.
 *
 * The server says which dimensions there are; "x_production" and "x_development" are the parts of
 * "x" and stand below it. Where only the parts are limited, their sums are shown.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/output.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

struct part {
    const char *suffix;
    const char *label;
};

static const struct part parts[] = {
    {"_production", "Production"},
    {"_development", "Development"},
};

enum { PART_COUNT = 2 };

/* What is shown, in this order; others that the server may name follow. */
static const struct {
    const char *name;
    const char *label;
} shown_first[] = {
    {"sites", "Sites"},     {"containers", "Containers"},
    {"memory", "Memory"},   {"dev_containers", "Dev Containers"},
    {"storage", "Storage"}, {"cpu", "CPU"},
};

struct amount {
    int64_t used;
    int64_t limit; /* -1: none */
};

static const struct json_value *find_dimension(const struct json_value *list, const char *name,
                                               const char *suffix)
{
    char wanted[80];
    snprintf(wanted, sizeof(wanted), "%s%s", name, suffix);
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->item_count; i++) {
        if (str_equal(json_find_text(list->items[i], "dimension", ""), wanted)) {
            return list->items[i];
        }
    }
    return NULL;
}

static struct amount amount_of(const struct json_value *row)
{
    return (struct amount){json_find_integer(row, "used", 0), json_find_integer(row, "limit", -1)};
}

static struct text_size format_amount(int64_t value, const char *unit)
{
    if (str_equal(unit, "MiB")) {
        return format_mib(value);
    }
    if (str_equal(unit, "millicores")) {
        return format_cores(value);
    }
    struct text_size out;
    snprintf(out.text, sizeof(out.text), "%" PRId64, value);
    return out;
}

static void print_line(struct run *run, const char *lead, const char *label, struct amount amount,
                       const char *unit, bool with_percent)
{
    struct text_size used = format_amount(amount.used, unit);
    const char *noun = str_equal(unit, "millicores") ? " cores" : "";
    if (amount.limit < 0) {
        terminal_say(&run->terminal, "%s%s: %s%s (no limit)", lead, label, used.text, noun);
        return;
    }
    struct text_size limit = format_amount(amount.limit, unit);
    char percent[32] = "";
    if (with_percent) {
        /* Rounded to the nearest for sizes, down for counts: 2 of 3 are 66 %. */
        int64_t half = str_equal(unit, "count") ? 0 : amount.limit / 2;
        int64_t value = amount.limit > 0 ? (100 * amount.used + half) / amount.limit
                                         : (amount.used > 0 ? 100 : 0);
        snprintf(percent, sizeof(percent), " (%" PRId64 "%%)", value);
    }
    terminal_say(&run->terminal, "%s%s: %s/%s%s%s", lead, label, used.text, limit.text, noun,
                 percent);
}

static struct amount sum(const struct json_value *const *rows)
{
    struct amount total = {0, 0};
    for (int i = 0; i < PART_COUNT; i++) {
        struct amount amount = rows[i] ? amount_of(rows[i]) : (struct amount){0, 0};
        total.used += amount.used;
        total.limit = total.limit < 0 || amount.limit < 0 ? -1 : total.limit + amount.limit;
    }
    return total;
}

static void print_parts(struct run *run, const struct json_value *const *rows)
{
    bool is_utf8 = run->terminal.is_utf8;
    for (int i = 0; i < PART_COUNT; i++) {
        if (!rows[i]) {
            continue;
        }
        bool is_last = i + 1 == PART_COUNT || !rows[i + 1];
        const char *lead = is_last ? (is_utf8 ? "\xe2\x94\x94\xe2\x94\x80\xe2\x94\x80 " : "`-- ")
                                   : (is_utf8 ? "\xe2\x94\x9c\xe2\x94\x80\xe2\x94\x80 " : "|-- ");
        print_line(run, lead, parts[i].label, amount_of(rows[i]),
                   json_find_text(rows[i], "unit", ""), false);
    }
}

/* A dimension with its parts; nothing if the server knows neither. */
static void print_dimension(struct run *run, const struct json_value *list, const char *name,
                            const char *label)
{
    const struct json_value *whole = find_dimension(list, name, "");
    const struct json_value *rows[PART_COUNT];
    const struct json_value *any = whole;
    for (int i = 0; i < PART_COUNT; i++) {
        rows[i] = find_dimension(list, name, parts[i].suffix);
        any = any ? any : rows[i];
    }
    if (!any) {
        return;
    }
    bool has_parts = rows[0] || rows[1];
    bool whole_is_limited = whole && json_find_integer(whole, "limit", -1) >= 0;
    struct amount amount = has_parts && !whole_is_limited ? sum(rows) : amount_of(whole);
    print_line(run, "", label, amount, json_find_text(any, "unit", ""), true);
    print_parts(run, rows);
}

static bool is_shown_first(const char *name)
{
    for (size_t i = 0; i < sizeof(shown_first) / sizeof(shown_first[0]); i++) {
        size_t len = strlen(shown_first[i].name);
        if (str_equal(name, shown_first[i].name) ||
            (str_starts_with(name, shown_first[i].name) &&
             (str_equal(name + len, parts[0].suffix) || str_equal(name + len, parts[1].suffix)))) {
            return true;
        }
    }
    return false;
}

static void print_resources(struct run *run, const struct json_value *usage)
{
    const struct json_value *list = json_find(usage, "dimensions");
    terminal_say(&run->terminal, "Your Resource Usage:");
    for (size_t i = 0; i < sizeof(shown_first) / sizeof(shown_first[0]); i++) {
        print_dimension(run, list, shown_first[i].name, shown_first[i].label);
    }
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->item_count; i++) {
        const struct json_value *row = list->items[i];
        const char *name = json_find_text(row, "dimension", "");
        if (!is_shown_first(name)) {
            print_line(run, "", output_text(run, json_find_text(row, "label", name)),
                       amount_of(row), json_find_text(row, "unit", ""), true);
        }
    }
}

/* What the storage is made of. Uploads are on their way and not part of it. */
static void print_storage(struct run *run, const struct json_value *storage)
{
    static const struct {
        const char *name;
        const char *label;
    } rows[] = {
        {"releases_bytes", "releases"},
        {"images_bytes", "images"},
        {"container_bytes", "containers"},
        {"logs_bytes", "logs"},
    };
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    if (!storage) {
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        strbuf_printf(&text, "%s%s %s", i > 0 ? ", " : "", rows[i].label,
                      format_bytes(json_find_integer(storage, rows[i].name, 0)).text);
    }
    terminal_say(&run->terminal, "Storage is: %s. Not counted: uploads on their way %s.",
                 strbuf_text(&text),
                 format_bytes(json_find_integer(storage, "uploads_bytes", 0)).text);
}

static int get_usage(struct run *run, const struct json_value *me,
                     const struct json_value **ret_usage, struct error *err)
{
    int64_t user_id = json_find_integer(json_find(me, "user"), "id", 0);
    const char *path = arena_printf(run->arena, "/api/usage/user/%" PRId64, user_id);
    return run_get(run, path, ret_usage, err);
}

static void print_measured(struct run *run, const struct json_value *usage)
{
    const struct json_value *measured = json_find(usage, "measured");
    struct text_size memory = format_bytes(json_find_integer(measured, "memory_bytes", 0));
    struct text_size cpu = format_cores(json_find_integer(measured, "cpu_millicores", 0));
    struct text_size out = format_bytes(json_find_integer(measured, "bytes_out_24h", 0));
    terminal_say(&run->terminal,
                 "Right now: %s of memory, %s cores. Last 24 hours: %" PRId64 " requests, %s sent.",
                 memory.text, cpu.text, json_find_integer(measured, "requests_24h", 0), out.text);
}

int handle_status(struct run *run, struct error *err)
{
    const struct json_value *me;
    const struct json_value *usage;
    int result = run_me(run, &me, err);
    if (result == 0) {
        result = get_usage(run, me, &usage, err);
    }
    if (result != 0) {
        return result;
    }
    if (args_has(&run->args, "resources")) {
        print_resources(run, usage);
        print_storage(run, json_find(usage, "storage"));
        run_print_json(run, usage);
        return 0;
    }
    terminal_say(&run->terminal, "%s at %s",
                 output_text(run, json_find_text(json_find(me, "user"), "email", "")),
                 run->settings.server);
    print_measured(run, usage);
    if (run->is_json) {
        run_print_json(run, usage);
        return 0;
    }
    return handle_sites_list(run, err);
}
