/*
 * See the header. The table of dimensions as an array, and the words and numbers of amounts.
 */
#include "libdialup/quota/dimensions.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum {
    LEVELS_TEAMS = 1 << QUOTA_TEAM,
    LEVELS_OWNERS = 1 << QUOTA_TEAM | 1 << QUOTA_USER,
    LEVELS_ALL = 1 << QUOTA_SYSTEM | LEVELS_OWNERS,
};

static const struct quota_dimension_info dimensions[] = {
#define DIMENSION(code, name, label, kind, unit, whole, levels, noun, hint)                        \
    [QUOTA_##code] = {name,          label,           QUOTA_##kind, QUOTA_##unit,                  \
                      QUOTA_##whole, LEVELS_##levels, noun,         hint},
#include "libdialup/quota/dimensions.def"
#undef DIMENSION
};

const struct quota_dimension_info *quota_dimension_info(enum quota_dimension dimension)
{
    ASSERT(dimension < QUOTA_DIMENSION_COUNT);
    return &dimensions[dimension];
}

bool quota_dimension_parse(const char *name, enum quota_dimension *ret_dimension)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (strcmp(dimensions[i].name, name) == 0) {
            *ret_dimension = (enum quota_dimension)i;
            return true;
        }
    }
    return false;
}

int quota_dimension_find(const char *name, enum quota_dimension *ret_dimension, struct error *err)
{
    if (quota_dimension_parse(name, ret_dimension)) {
        return 0;
    }
    int result = error_set_field(err, ERR_INVALID_ARGUMENT, "dimension",
                                 "There is no dimension \"%.64s\"", name);
    error_hint(err, "GET /api/profiles shows them all");
    return result;
}

bool quota_dimension_is_sum(enum quota_dimension dimension)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (i != (int)dimension && dimensions[i].whole == dimension) {
            return true;
        }
    }
    return false;
}

bool quota_dimension_is_counted(enum quota_dimension dimension)
{
    enum quota_kind kind = dimensions[dimension].kind;
    return kind == QUOTA_STOCK || kind == QUOTA_RESERVED || kind == QUOTA_MEASURED;
}

bool quota_dimension_binds(enum quota_dimension dimension, enum quota_entity entity)
{
    return dimensions[dimension].levels & 1U << entity;
}

bool quota_dimension_is_shared(enum quota_dimension dimension)
{
    enum quota_kind kind = dimensions[dimension].kind;
    return kind != QUOTA_INTEGRAL && kind != QUOTA_TIMER && !quota_dimension_is_sum(dimension) &&
           quota_dimension_binds(dimension, QUOTA_USER);
}

/* Words -------------------------------------------------------------------------------------- */

static const char *const entity_names[] = {"system", "team", "user"};

const char *quota_entity_name(enum quota_entity entity)
{
    return entity_names[entity];
}

bool quota_entity_parse(const char *name, enum quota_entity *ret_entity)
{
    for (size_t i = 0; i < ARRAY_COUNT(entity_names); i++) {
        if (strcmp(entity_names[i], name) == 0) {
            *ret_entity = (enum quota_entity)i;
            return true;
        }
    }
    return false;
}

const char *quota_kind_name(enum quota_kind kind)
{
    static const char *const names[] = {"stock", "reserved", "measured", "rate",
                                        "gauge", "integral", "timer"};
    return names[kind];
}

/* In thousandths of a unit. */
enum { ONE = 1000, THOUSAND = 1000 * ONE, GIB = 1024 * ONE, HOUR = 60 * ONE };

/* How people write units, in any case: what one of a word is in the unit, in thousandths. */
static const struct {
    enum quota_unit unit;
    const char *word;
    int64_t thousandths;
} words[] = {
    {QUOTA_MIB, "MB", ONE},
    {QUOTA_MIB, "MiB", ONE},
    {QUOTA_MIB, "M", ONE},
    {QUOTA_MIB, "GB", GIB},
    {QUOTA_MIB, "GiB", GIB},
    {QUOTA_MIB, "G", GIB},
    {QUOTA_MILLICORES, "millicores", ONE},
    {QUOTA_MILLICORES, "m", ONE},
    {QUOTA_MILLICORES, "cores", THOUSAND},
    {QUOTA_MILLICORES, "core", THOUSAND},
    {QUOTA_MBIT_PER_S, "Mbit/s", ONE},
    {QUOTA_MBIT_PER_S, "Mbit", ONE},
    {QUOTA_MBIT_PER_S, "Gbit/s", THOUSAND},
    {QUOTA_HOURS, "h", ONE},
    {QUOTA_HOURS, "hours", ONE},
    {QUOTA_MINUTES, "min", ONE},
    {QUOTA_MINUTES, "minutes", ONE},
    {QUOTA_MINUTES, "h", HOUR},
};

const char *quota_unit_name(enum quota_unit unit)
{
    static const char *const names[] = {"count", "MiB", "millicores", "Mbit/s", "hours", "minutes"};
    return names[unit];
}

static void format_cores(int64_t millicores, char *out, size_t size)
{
    const char *sign = millicores < 0 ? "-" : "";
    int64_t whole = llabs(millicores) / 1000;
    int64_t rest = llabs(millicores) % 1000;
    int digits = 3;
    while (digits > 0 && rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    if (digits == 0) {
        snprintf(out, size, "%s%lld %s", sign, (long long)whole, whole == 1 ? "core" : "cores");
    } else {
        snprintf(out, size, "%s%lld.%0*lld cores", sign, (long long)whole, digits, (long long)rest);
    }
}

static void format_mib(int64_t mib, char *out, size_t size)
{
    if (mib != 0 && mib % 1024 == 0) {
        snprintf(out, size, "%lldGB", (long long)(mib / 1024));
    } else {
        snprintf(out, size, "%lldMB", (long long)mib);
    }
}

void quota_format(enum quota_unit unit, int64_t amount, char *out, size_t size)
{
    static const char *const suffixes[] = {
        [QUOTA_COUNT] = "",
        [QUOTA_MBIT_PER_S] = " Mbit/s",
        [QUOTA_HOURS] = " h",
        [QUOTA_MINUTES] = " min",
    };
    switch (unit) {
    case QUOTA_MIB:
        format_mib(amount, out, size);
        break;
    case QUOTA_MILLICORES:
        format_cores(amount, out, size);
        break;
    case QUOTA_COUNT:
    case QUOTA_MBIT_PER_S:
    case QUOTA_HOURS:
    case QUOTA_MINUTES:
        snprintf(out, size, "%lld%s", (long long)amount, suffixes[unit]);
        break;
    }
}

void quota_format_noun(enum quota_dimension dimension, int64_t amount, char *out, size_t size)
{
    const struct quota_dimension_info *info = &dimensions[dimension];
    char text[32];
    quota_format(info->unit, amount, text, sizeof(text));
    if (info->unit == QUOTA_COUNT) {
        snprintf(out, size, "%s %s%s", text, info->noun, amount == 1 ? "" : "s");
    } else {
        snprintf(out, size, "%s of %s", text, info->noun);
    }
}

/* Amounts ------------------------------------------------------------------------------------ */

static int refuse_amount(enum quota_dimension dimension, const char *what, struct error *err)
{
    const struct quota_dimension_info *info = &dimensions[dimension];
    char most[32];
    quota_format(info->unit, QUOTA_MAX_AMOUNT, most, sizeof(most));
    int result = error_set_field(err, ERR_INVALID_ARGUMENT, info->name, "%s %s", info->label, what);
    error_hint(err, "Give a whole number of %s, from 0 to %s",
               info->unit == QUOTA_COUNT ? "them" : quota_unit_name(info->unit), most);
    return result;
}

int quota_amount_check(enum quota_dimension dimension, int64_t amount, struct error *err)
{
    if (amount < 0) {
        return refuse_amount(dimension, "cannot be negative", err);
    }
    return amount > QUOTA_MAX_AMOUNT ? refuse_amount(dimension, "is too large", err) : 0;
}

/* What one of the word is, in thousandths of the unit; 0: it is no word of this unit. */
static int64_t thousandths_of(enum quota_unit unit, const char *word)
{
    while (*word == ' ') {
        word++;
    }
    if (*word == '\0') {
        return ONE;
    }
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (words[i].unit == unit && strcasecmp(words[i].word, word) == 0) {
            return words[i].thousandths;
        }
    }
    return 0;
}

/* "12.5GB": thousandths of the number, where it ends. Negative: no number. */
static int64_t parse_thousandths(const char *text, const char **ret_end)
{
    int64_t value = 0;
    int decimals = -1;
    const char *c = text;
    for (; isdigit((unsigned char)*c) || (*c == '.' && decimals < 0); c++) {
        if (*c == '.') {
            decimals = 0;
        } else if (decimals >= 3) {
            return -1;
        } else {
            /* Too large stays too large. */
            value = value > QUOTA_MAX_AMOUNT ? value : value * 10 + (*c - '0');
            decimals += decimals >= 0;
        }
    }
    *ret_end = c;
    for (int i = decimals < 0 ? 0 : decimals; i < 3; i++) {
        value *= 10;
    }
    return c == text || c[-1] == '.' ? -1 : value;
}

int quota_amount_parse(enum quota_dimension dimension, const char *text, int64_t *ret_amount,
                       struct error *err)
{
    const char *word;
    if (text[0] == '-') {
        return refuse_amount(dimension, "cannot be negative", err);
    }
    int64_t number = parse_thousandths(text, &word);
    int64_t each = number < 0 ? 0 : thousandths_of(dimensions[dimension].unit, word);
    if (each == 0) {
        return refuse_amount(dimension, "is not an amount that can be read", err);
    }
    int64_t amount = 0;
    if (__builtin_mul_overflow(number, each, &amount) || amount / THOUSAND > QUOTA_MAX_AMOUNT) {
        return refuse_amount(dimension, "is too large", err);
    }
    if (amount % THOUSAND != 0) {
        return refuse_amount(dimension, "is not whole", err);
    }
    *ret_amount = amount / THOUSAND;
    return 0;
}

void quota_add_up(struct quota_amounts *amounts)
{
    bool has_parts[QUOTA_DIMENSION_COUNT] = {0};
    int64_t sums[QUOTA_DIMENSION_COUNT] = {0};
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (dimensions[i].whole != (enum quota_dimension)i) {
            has_parts[dimensions[i].whole] = true;
            sums[dimensions[i].whole] += amounts->of[i];
        }
    }
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (has_parts[i]) {
            amounts->of[i] = sums[i];
        }
    }
}

void quota_amounts_add(struct quota_amounts *amounts, const struct quota_amounts *more)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        amounts->of[i] += more->of[i];
    }
}

void quota_amounts_take(struct quota_amounts *amounts, const struct quota_amounts *less)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        amounts->of[i] -= less->of[i];
    }
}
