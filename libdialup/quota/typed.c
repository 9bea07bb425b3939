/*
 * See the header. Called by deploy and dialupctl for their words and options.
 */
#include "libdialup/quota/typed.h"

#include <stdio.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/nearest.h"
#include "libdialup/base/str.h"
#include "libdialup/quota/limits.h"

enum { VALUE_SIZE = 48, PER_CORE = 1000 };

/* How an amount is written, by unit. */
static const char *const examples[] = {
    [QUOTA_COUNT] = "a whole number, such as 5",
    [QUOTA_MIB] = "a size, such as 512MB or 2GB",
    [QUOTA_MILLICORES] = "cores, such as 0.5 or 2",
    [QUOTA_MBIT_PER_S] = "a speed, such as 100Mbit",
    [QUOTA_HOURS] = "hours, such as 12h",
    [QUOTA_MINUTES] = "minutes, such as 30min or 2h",
};

static void list_dimensions(const char *const names[QUOTA_DIMENSION_COUNT], char *out, size_t size)
{
    size_t used = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT && used < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", names[i]);
    }
}

int quota_typed_dimension(const char *name, enum quota_dimension *ret_dimension, struct error *err)
{
    const char *names[QUOTA_DIMENSION_COUNT];
    if (quota_dimension_parse(name, ret_dimension)) {
        return 0;
    }
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        names[i] = quota_dimension_info((enum quota_dimension)i)->name;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "dimension", "There is no dimension \"%.64s\"",
                    name);
    const char *meant = nearest_word(name, names, ARRAY_COUNT(names), sizeof(names[0]));
    char all[sizeof(err->hint) - 16];
    list_dimensions(names, all, sizeof(all));
    if (meant) {
        error_hint(err, "Did you mean %s?", meant);
    } else {
        error_hint(err, "There are %s", all);
    }
    return -ERR_INVALID_ARGUMENT;
}

static int refuse_amount(enum quota_dimension dimension, const char *text, struct error *err)
{
    const struct quota_dimension_info *info = quota_dimension_info(dimension);
    error_set_field(err, ERR_INVALID_ARGUMENT, info->name, "\"%.40s\" is no amount of %s", text,
                    info->name);
    error_hint(err, "It takes %s", examples[info->unit]);
    return -ERR_INVALID_ARGUMENT;
}

int quota_typed_amount(enum quota_dimension dimension, const char *text, int64_t *ret_amount,
                       struct error *err)
{
    char with_unit[VALUE_SIZE + 8];
    bool is_bare = text[0] != '\0' && text[strspn(text, "0123456789.")] == '\0';
    bool is_cpu = quota_dimension_info(dimension)->unit == QUOTA_MILLICORES;
    int64_t amount;
    snprintf(with_unit, sizeof(with_unit), "%.*s%s", VALUE_SIZE, text,
             is_bare && is_cpu ? " cores" : "");
    if (strlen(text) > VALUE_SIZE || quota_amount_parse(dimension, with_unit, &amount, NULL) < 0 ||
        (is_cpu && amount > (int64_t)QUOTA_TYPED_CORES_MAX * PER_CORE)) {
        return refuse_amount(dimension, text, err);
    }
    *ret_amount = amount;
    return 0;
}

bool quota_typed_percent(const char *text, int64_t *ret_percent)
{
    char digits[8];
    size_t len = strlen(text);
    if (len < 2 || len > sizeof(digits) || text[len - 1] != '%') {
        return false;
    }
    memcpy(digits, text, len - 1);
    digits[len - 1] = '\0';
    return str_parse_i64(digits, 0, 100, ret_percent);
}

static int refuse_percent(const char *text, struct error *err)
{
    error_set_field(err, ERR_INVALID_ARGUMENT, "percent", "\"%.40s\" is no part of a whole", text);
    error_hint(err, "%s", "A part is 0% to 100%, whole: memory=25%,soft=90%,burst=10%");
    return -ERR_INVALID_ARGUMENT;
}

/* "soft=90%", "burst=20%". */
static int take_named(const char *text, struct quota_typed *typed, struct error *err)
{
    static const char soft[] = "soft=";
    bool is_soft = str_starts_with(text, soft);
    const char *value = strchr(text, '=') + 1;
    int64_t percent;
    if (!quota_typed_percent(value, &percent)) {
        return refuse_percent(text, err);
    }
    if (is_soft) {
        typed->has_soft_percent = true;
        typed->soft_percent = percent;
    } else {
        typed->has_burst_percent = true;
        typed->burst_percent = percent;
    }
    return 0;
}

static int take_value(const char *text, struct quota_typed *typed, struct error *err)
{
    if (str_starts_with(text, "soft=") || str_starts_with(text, "burst=")) {
        return take_named(text, typed, err);
    }
    if (str_equal(text, "none")) {
        typed->has_hard = typed->has_percent = true;
        typed->hard = QUOTA_UNLIMITED;
        typed->percent = 0;
        return 0;
    }
    if (strchr(text, '%')) {
        typed->has_percent = true;
        return quota_typed_percent(text, &typed->percent) ? 0 : refuse_percent(text, err);
    }
    typed->has_hard = true;
    return quota_typed_amount(typed->dimension, text, &typed->hard, err);
}

/* What stands before the "=" names a dimension; *ret_value is what follows. */
static int take_dimension(const char *text, enum quota_dimension *ret_dimension,
                          const char **ret_value, struct error *err)
{
    const char *equals = strchr(text, '=');
    char name[VALUE_SIZE];
    if (!equals || equals == text || equals[1] == '\0' || (size_t)(equals - text) >= sizeof(name)) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "dimension",
                        "\"%.60s\" is not of the form DIMENSION=VALUE", text);
        error_hint(err, "For example sites=5, memory_production=1GB, cpu_production=0.5");
        return -ERR_INVALID_ARGUMENT;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
    *ret_value = equals + 1;
    return quota_typed_dimension(name, ret_dimension, err);
}

int quota_typed_limit(const char *text, struct quota_typed *ret_typed, struct error *err)
{
    struct quota_typed typed = {0};
    const char *value;
    int result = take_dimension(text, &typed.dimension, &value, err);
    while (result == 0) {
        char one[VALUE_SIZE + 1];
        size_t len = strcspn(value, ",");
        snprintf(one, sizeof(one), "%.*s", (int)(len < VALUE_SIZE ? len : VALUE_SIZE), value);
        result = take_value(one, &typed, err);
        if (value[len] == '\0') {
            break;
        }
        value += len + 1;
    }
    if (result == 0) {
        *ret_typed = typed;
    }
    return result;
}

int quota_typed_share(const char *text, enum quota_dimension *ret_dimension, int64_t *ret_amount,
                      struct error *err)
{
    const char *value;
    enum quota_dimension dimension;
    int result = take_dimension(text, &dimension, &value, err);
    if (result == 0) {
        result = quota_typed_amount(dimension, value, ret_amount, err);
    }
    if (result == 0) {
        *ret_dimension = dimension;
    }
    return result;
}
