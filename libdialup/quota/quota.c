/*
 * Admission and its words. Called by deployd (to admit) and admind (to show). Pure.
 */
#include "libdialup/quota/quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/log.h"

static const struct quota_dimension_info dimensions[] = {
#define DIMENSION(code, name, label, unit, whole, noun, hint)                                      \
    [QUOTA_##code] = {name, label, QUOTA_##unit, QUOTA_##whole, noun, hint},
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

const char *quota_unit_name(enum quota_unit unit)
{
    static const char *const names[] = {"count", "MiB", "millicores"};
    return names[unit];
}

const char *quota_entity_name(enum quota_entity entity)
{
    static const char *const names[] = {"system", "team", "user"};
    return names[entity];
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
    switch (unit) {
    case QUOTA_COUNT:
        snprintf(out, size, "%lld", (long long)amount);
        break;
    case QUOTA_MIB:
        format_mib(amount, out, size);
        break;
    case QUOTA_MILLICORES:
        format_cores(amount, out, size);
        break;
    }
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

void quota_level_init(struct quota_level *level, enum quota_entity entity, const char *name)
{
    *level = (struct quota_level){.entity = entity, .name = name};
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        level->limits[i] = (struct quota_limit){QUOTA_UNLIMITED, QUOTA_SOFT_PERCENT, 0};
    }
}

void quota_level_init_system(struct quota_level *level, int64_t memory_mib, int64_t millicores,
                             int64_t storage_mib, int64_t reserve_percent)
{
    ASSERT(reserve_percent >= 0 && reserve_percent <= 100);
    quota_level_init(level, QUOTA_SYSTEM, "the server");
    int64_t kept = 100 - reserve_percent;
    level->limits[QUOTA_MEMORY].hard = memory_mib * kept / 100;
    level->limits[QUOTA_CPU].hard = millicores * kept / 100;
    level->limits[QUOTA_STORAGE].hard = storage_mib * kept / 100;
}

static bool soft_is_reached(const struct quota_limit *limit, int64_t used)
{
    return limit->hard != QUOTA_UNLIMITED && used * 100 >= limit->hard * limit->soft_percent;
}

static struct quota_check check_one(const struct quota_level *level, enum quota_dimension dimension,
                                    int64_t requested)
{
    const struct quota_limit *limit = &level->limits[dimension];
    int64_t projected = level->used.of[dimension] + requested;
    return (struct quota_check){
        .level = level,
        .dimension = dimension,
        .used = level->used.of[dimension],
        .requested = requested,
        .limit = limit->hard,
        .projected = projected,
        .allowed = limit->hard == QUOTA_UNLIMITED || projected <= limit->hard,
        .soft_reached = soft_is_reached(limit, projected),
    };
}

void quota_admit(const struct quota_level *levels, size_t count,
                 const struct quota_amounts *request, struct quota_verdict *ret_verdict)
{
    ASSERT(count <= QUOTA_MAX_LEVELS);
    struct quota_amounts amounts = *request;
    quota_add_up(&amounts);
    *ret_verdict = (struct quota_verdict){.allowed = true};
    for (size_t i = 0; i < count; i++) {
        for (int dimension = 0; dimension < QUOTA_DIMENSION_COUNT; dimension++) {
            ASSERT(amounts.of[dimension] >= 0 && amounts.of[dimension] <= QUOTA_MAX_AMOUNT * 2);
            if (amounts.of[dimension] == 0) {
                continue;
            }
            struct quota_check check =
                check_one(&levels[i], (enum quota_dimension)dimension, amounts.of[dimension]);
            ret_verdict->allowed = ret_verdict->allowed && check.allowed;
            ret_verdict->checks[ret_verdict->count++] = check;
        }
    }
}

/* How a refusal speaks of the level that refused. */
static const struct {
    const char *reached; /* and then "site limit" */
    const char *place;
} refusal_words[] = {
    [QUOTA_SYSTEM] = {"The server has reached its", " on the server"},
    [QUOTA_TEAM] = {"Your team has reached its", " to your team"},
    [QUOTA_USER] = {"You've reached your", ""},
};

static void describe_refusal(const struct quota_check *check, char *out, size_t size)
{
    const struct quota_dimension_info *info = &dimensions[check->dimension];
    enum quota_entity entity = check->level->entity;
    if (info->unit == QUOTA_COUNT) {
        snprintf(out, size, "%s %s limit (%lld/%lld)", refusal_words[entity].reached, info->noun,
                 (long long)check->used, (long long)check->limit);
        return;
    }
    char need[32];
    char have[32];
    int64_t left = check->limit > check->used ? check->limit - check->used : 0;
    quota_format(info->unit, check->requested, need, sizeof(need));
    quota_format(info->unit, left, have, sizeof(have));
    snprintf(out, size, "Not enough %s available%s (need %s, have %s)", info->noun,
             refusal_words[entity].place, need, have);
}

/* A whole that is refused says nothing new if a part of it is refused at the same level. */
static bool is_said_by_part(const struct quota_verdict *verdict, const struct quota_check *check)
{
    for (size_t i = 0; i < verdict->count; i++) {
        const struct quota_check *other = &verdict->checks[i];
        if (other != check && !other->allowed && other->level == check->level &&
            dimensions[other->dimension].whole == check->dimension) {
            return true;
        }
    }
    return false;
}

static const char *hint_for(const struct quota_check *check)
{
    return check->level->entity == QUOTA_SYSTEM
               ? "Stop a site that is not needed, or ask admin: the server itself is nearly full"
               : dimensions[check->dimension].hint;
}

int quota_refuse(const struct quota_verdict *verdict, const char *action, struct error *err)
{
    char text[sizeof(err->message)];
    const char *hint = NULL;
    size_t used = 0;
    for (size_t i = 0; i < verdict->count; i++) {
        const struct quota_check *check = &verdict->checks[i];
        if (check->allowed || is_said_by_part(verdict, check)) {
            continue;
        }
        char sentence[200];
        describe_refusal(check, sentence, sizeof(sentence));
        if (used < sizeof(text)) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ". " : "",
                                     sentence);
        }
        hint = hint ? hint : hint_for(check);
    }
    ASSERT(hint);
    int result = error_set(err, ERR_QUOTA_EXCEEDED, "%s: %s", action, text);
    error_hint(err, "%s", hint);
    return result;
}

enum quota_state quota_state(const struct quota_limit *limit, int64_t used)
{
    if (limit->hard == QUOTA_UNLIMITED) {
        return QUOTA_OK;
    }
    if (used >= limit->hard) {
        return used > limit->hard ? QUOTA_OVER : limit->hard == 0 ? QUOTA_OK : QUOTA_HARD;
    }
    return soft_is_reached(limit, used) ? QUOTA_SOFT : QUOTA_OK;
}

const char *quota_state_name(enum quota_state state)
{
    static const char *const names[] = {"ok", "soft", "hard", "over"};
    return names[state];
}
