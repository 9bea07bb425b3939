/*
 * See the header. Called by status.c and team.c.
 *
 * The server says which dimensions there are; "x_production" and "x_development" are the parts of
 * "x" and stand below it. Where only the parts are limited, their sums are shown.
 */
#include "deploy/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deploy/format.h"
#include "deploy/output.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/quota/dimensions.h"

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
    {"sites", "Sites"},     {"memory", "Memory"}, {"dev_containers", "Dev Containers"},
    {"storage", "Storage"}, {"cpu", "CPU"},
};

enum state { STATE_OK, STATE_SOFT, STATE_HARD, STATE_OVER };

struct amount {
    int64_t used;
    int64_t limit; /* -1: none */
    int64_t burst_percent;
    enum state state;
};

static const struct json_value *find_row(const struct json_value *list, const char *name,
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

static struct amount amount_of(const struct usage *usage, const struct json_value *row)
{
    static const char *const names[] = {"ok", "soft", "hard", "over"};
    const struct json_value *limit =
        find_row(usage->limits, json_find_text(row, "dimension", ""), "");
    struct amount amount = {
        .used = json_find_integer(row, "used", 0),
        .limit = json_find_integer(row, "limit", -1),
        .burst_percent = json_find_integer(limit, "burst_percent", 0),
    };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (str_equal(json_find_text(row, "state", ""), names[i])) {
            amount.state = (enum state)i;
        }
    }
    return amount;
}

/* Rounded to the nearest for sizes, down for counts: 2 of 3 are 66 %. */
static int64_t percent_of(struct amount amount, const char *unit)
{
    int64_t half = str_equal(unit, "count") ? 0 : amount.limit / 2;
    if (amount.limit == 0) {
        return amount.used > 0 ? 100 : 0;
    }
    return (100 * amount.used + half) / amount.limit;
}

/* What people should know of it; "" if all is well. */
static const char *remark_on(struct run *run, struct amount amount, const char *unit)
{
    int64_t over = amount.used - amount.limit;
    bool is_empty = amount.limit == 0 && amount.used == 0;
    if (amount.limit < 0 || amount.state == STATE_OK || is_empty) {
        return "";
    }
    if (over <= 0) {
        return amount.state == STATE_SOFT ? " - nearly full" : " - full";
    }
    return over <= amount.limit * amount.burst_percent / 100
               ? arena_printf(run->arena, " - %s lent: the first to go when the server fills up",
                              format_whole_amount(over, unit).text)
               : arena_printf(run->arena, " - over by %s: nothing new until it is less",
                              format_whole_amount(over, unit).text);
}

static void print_line(struct run *run, const char *lead, const char *label, struct amount amount,
                       const char *unit, bool with_percent)
{
    const char *noun = format_unit(unit);
    const char *remark = remark_on(run, amount, unit);
    const char *style = *remark ? terminal_style(&run->terminal, STYLE_BAD) : "";
    const char *plain = *remark ? terminal_style(&run->terminal, STYLE_PLAIN) : "";
    char percent[32] = "";
    if (amount.limit < 0) {
        terminal_say(&run->terminal, "%s%s: %s%s (no limit)", lead, label,
                     format_amount(amount.used, unit).text, noun);
        return;
    }
    if (with_percent) {
        snprintf(percent, sizeof(percent), " (%" PRId64 "%%)", percent_of(amount, unit));
    }
    terminal_say(&run->terminal, "%s%s: %s/%s%s%s%s%s%s", lead, label,
                 format_amount(amount.used, unit).text, format_amount(amount.limit, unit).text,
                 noun, percent, style, remark, plain);
}

static bool is_hidden(const struct usage *usage, struct amount amount)
{
    return usage->hides_empty && (amount.limit < 0 || (amount.used == 0 && amount.limit == 0));
}

static struct amount sum(const struct usage *usage, const struct json_value *const *rows)
{
    struct amount total = {0};
    for (int i = 0; i < PART_COUNT; i++) {
        struct amount amount = rows[i] ? amount_of(usage, rows[i]) : (struct amount){0};
        total.used += amount.used;
        total.limit = total.limit < 0 || amount.limit < 0 ? -1 : total.limit + amount.limit;
    }
    return total;
}

static void print_parts(struct run *run, const struct usage *usage,
                        const struct json_value *const *rows)
{
    bool is_utf8 = run->terminal.is_utf8;
    for (int i = 0; i < PART_COUNT; i++) {
        if (!rows[i] || is_hidden(usage, amount_of(usage, rows[i]))) {
            continue;
        }
        bool is_last =
            i + 1 == PART_COUNT || !rows[i + 1] || is_hidden(usage, amount_of(usage, rows[i + 1]));
        const char *lead = is_last ? (is_utf8 ? "\xe2\x94\x94\xe2\x94\x80\xe2\x94\x80 " : "`-- ")
                                   : (is_utf8 ? "\xe2\x94\x9c\xe2\x94\x80\xe2\x94\x80 " : "|-- ");
        print_line(run, lead, parts[i].label, amount_of(usage, rows[i]),
                   json_find_text(rows[i], "unit", ""), false);
    }
}

/* A dimension with its parts; nothing if the server knows neither. */
static void print_dimension(struct run *run, const struct usage *usage, const char *name,
                            const char *label)
{
    const struct json_value *whole = find_row(usage->dimensions, name, "");
    const struct json_value *rows[PART_COUNT];
    const struct json_value *any = whole;
    for (int i = 0; i < PART_COUNT; i++) {
        rows[i] = find_row(usage->dimensions, name, parts[i].suffix);
        any = any ? any : rows[i];
    }
    if (!any) {
        return;
    }
    bool has_parts = rows[0] || rows[1];
    bool whole_is_limited = whole && json_find_integer(whole, "limit", -1) >= 0;
    struct amount amount =
        has_parts && !whole_is_limited ? sum(usage, rows) : amount_of(usage, whole);
    if (!is_hidden(usage, amount)) {
        print_line(run, "", label, amount, json_find_text(any, "unit", ""), true);
        print_parts(run, usage, rows);
    }
}

static bool is_shown_first(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(shown_first); i++) {
        size_t len = strlen(shown_first[i].name);
        if (str_starts_with(name, shown_first[i].name) &&
            (name[len] == '\0' || str_equal(name + len, parts[0].suffix) ||
             str_equal(name + len, parts[1].suffix))) {
            return true;
        }
    }
    return false;
}

/* What is counted and has no parts. */
static void print_others(struct run *run, const struct usage *usage)
{
    const struct json_value *list = usage->dimensions;
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->item_count; i++) {
        const struct json_value *row = list->items[i];
        const char *name = json_find_text(row, "dimension", "");
        struct amount amount = amount_of(usage, row);
        if (!is_shown_first(name) && !is_hidden(usage, amount)) {
            print_line(run, "", output_text(run, json_find_text(row, "label", name)), amount,
                       json_find_text(row, "unit", ""), true);
        }
    }
}

/* Speeds and times: they are watched where they happen, and only their limit is known here. */
static void print_limits_alone(struct run *run, const struct usage *usage)
{
    const struct json_value *list = usage->limits;
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->item_count; i++) {
        const struct json_value *row = list->items[i];
        const char *name = json_find_text(row, "dimension", "");
        int64_t limit = json_find_integer(row, "effective", json_find_integer(row, "hard", -1));
        if (limit > 0 && !find_row(usage->dimensions, name, "") && !is_shown_first(name)) {
            terminal_say(&run->terminal, "%s: up to %s",
                         output_text(run, json_find_text(row, "label", name)),
                         format_whole_amount(limit, json_find_text(row, "unit", "")).text);
        }
    }
}

static bool has_any(const struct usage *usage)
{
    const struct json_value *list = usage->dimensions;
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->item_count; i++) {
        if (!is_hidden(usage, amount_of(usage, list->items[i]))) {
            return true;
        }
    }
    return false;
}

bool usage_print(struct run *run, const struct usage *usage)
{
    for (size_t i = 0; i < ARRAY_COUNT(shown_first); i++) {
        print_dimension(run, usage, shown_first[i].name, shown_first[i].label);
    }
    print_others(run, usage);
    print_limits_alone(run, usage);
    return has_any(usage);
}

const char *usage_amounts_text(struct run *run, const struct json_value *rows, const char *member)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    for (size_t i = 0; rows && rows->type == JSON_ARRAY && i < rows->item_count; i++) {
        const struct json_value *row = rows->items[i];
        int64_t amount = json_find_integer(row, member, 0);
        enum quota_dimension dimension;
        char words[80];
        if (amount != 0 &&
            quota_dimension_parse(json_find_text(row, "dimension", ""), &dimension) &&
            !quota_dimension_is_sum(dimension)) {
            quota_format_noun(dimension, amount, words, sizeof(words));
            strbuf_printf(&text, "%s%s", text.size > 0 ? ", " : "", words);
        }
    }
    return arena_strdup(run->arena, strbuf_text(&text));
}
