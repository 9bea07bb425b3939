/*
 * See the header. Called by deployd (to admit) and admind (to show); the words are in refusal.c.
 */
#include "libdialup/quota/admission.h"

#include "libdialup/base/log.h"

/* A team without a row gets only what its members bring in: who founds one gains nothing by it. */
static int64_t first_limit(enum quota_entity entity, enum quota_dimension dimension)
{
    bool is_given = entity == QUOTA_TEAM && quota_dimension_is_shared(dimension) &&
                    quota_dimension_is_counted(dimension);
    return is_given ? 0 : QUOTA_UNLIMITED;
}

void quota_level_init(struct quota_level *level, enum quota_entity entity, const char *name)
{
    *level = (struct quota_level){.entity = entity, .name = name};
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        level->limits[i] = QUOTA_NO_LIMIT;
        level->limits[i].hard = first_limit(entity, (enum quota_dimension)i);
    }
}

void quota_level_init_system(struct quota_level *level, int64_t memory_mib, int64_t millicores,
                             int64_t storage_mib, int64_t reserve_percent)
{
    ASSERT(reserve_percent >= 0 && reserve_percent <= 100);
    quota_level_init(level, QUOTA_SYSTEM, "the server");
    level->machine = (struct quota_machine){memory_mib, millicores, storage_mib};
    int64_t kept = 100 - reserve_percent;
    level->limits[QUOTA_MEMORY].hard = memory_mib * kept / 100;
    level->limits[QUOTA_CPU].hard = millicores * kept / 100;
    level->limits[QUOTA_STORAGE].hard = storage_mib * kept / 100;
}

struct quota_effective quota_level_limit(const struct quota_level *level,
                                         enum quota_dimension dimension)
{
    struct quota_effective effective =
        quota_limit_effective(&level->limits[dimension], dimension, &level->machine);
    int64_t brought = level->brought.of[dimension];
    if (effective.hard == QUOTA_UNLIMITED) {
        return effective;
    }
    if (level->entity == QUOTA_TEAM) {
        effective.hard += brought;
    } else {
        effective.hard = effective.hard > brought ? effective.hard - brought : 0;
    }
    return effective;
}

enum quota_state quota_level_state(const struct quota_level *level, enum quota_dimension dimension)
{
    struct quota_limit limit = level->limits[dimension];
    limit.hard = quota_level_limit(level, dimension).hard;
    return quota_state(&limit, level->used.of[dimension]);
}

/* Lending --------------------------------------------------------------------------------------*/

static bool is_calm_in(const struct quota_level *system, const struct quota_amounts *amounts,
                       enum quota_dimension dimension)
{
    int64_t committed = system->used.of[dimension] + amounts->of[dimension];
    return committed * 100 <= quota_machine_has(&system->machine, dimension) * QUOTA_CALM_PERCENT;
}

/* Whether the machine has so much left, with the request, that it lends. What is no part of a
 * machine, such as a container, needs memory and CPU. */
static bool lends(const struct quota_level *levels, size_t count,
                  const struct quota_amounts *amounts, enum quota_dimension dimension)
{
    const struct quota_level *system = NULL;
    for (size_t i = 0; i < count; i++) {
        system = levels[i].entity == QUOTA_SYSTEM ? &levels[i] : system;
    }
    if (!system) {
        return false;
    }
    if (quota_machine_has(&system->machine, dimension) != QUOTA_UNLIMITED) {
        return is_calm_in(system, amounts, quota_dimension_info(dimension)->whole);
    }
    return is_calm_in(system, amounts, QUOTA_MEMORY) && is_calm_in(system, amounts, QUOTA_CPU);
}

/* Admission ----------------------------------------------------------------------------------- */

static struct quota_check check_one(const struct quota_level *level, enum quota_dimension dimension,
                                    int64_t requested)
{
    struct quota_effective effective = quota_level_limit(level, dimension);
    int64_t used = level->used.of[dimension];
    struct quota_limit limit = level->limits[dimension];
    limit.hard = effective.hard;
    return (struct quota_check){
        .level = level,
        .dimension = dimension,
        .used = used,
        .requested = requested,
        .limit = effective.hard,
        .projected = used + requested,
        .by = effective.by,
        .allowed = effective.hard == QUOTA_UNLIMITED || used + requested <= effective.hard,
        .soft_reached = effective.hard != QUOTA_UNLIMITED &&
                        (used + requested) * 100 >= effective.hard * limit.soft_percent,
    };
}

static void try_to_lend(const struct quota_level *levels, size_t count,
                        const struct quota_amounts *amounts, struct quota_check *check)
{
    const struct quota_limit *limit = &check->level->limits[check->dimension];
    if (!check->allowed && check->level->entity != QUOTA_SYSTEM &&
        check->projected <= quota_limit_with_burst(limit, check->limit) &&
        lends(levels, count, amounts, check->dimension)) {
        check->allowed = true;
        check->lent = true;
    }
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
            try_to_lend(levels, count, &amounts, &check);
            ret_verdict->allowed = ret_verdict->allowed && check.allowed;
            ret_verdict->lent = ret_verdict->lent || check.lent;
            ret_verdict->checks[ret_verdict->count++] = check;
        }
    }
}

int quota_request_check(const struct quota_amounts *request, struct error *err)
{
    int result = 0;
    for (int i = 0; result == 0 && i < QUOTA_DIMENSION_COUNT; i++) {
        result = quota_amount_check((enum quota_dimension)i, request->of[i], err);
    }
    return result;
}

/* What would fit ------------------------------------------------------------------------------ */

/* What a level has left; QUOTA_UNLIMITED if it does not bind. */
static int64_t left_at(const struct quota_level *level, enum quota_dimension dimension)
{
    int64_t hard = quota_level_limit(level, dimension).hard;
    int64_t used = level->used.of[dimension];
    return hard == QUOTA_UNLIMITED ? QUOTA_UNLIMITED : hard > used ? hard - used : 0;
}

static int64_t stricter(int64_t a, int64_t b)
{
    return a == QUOTA_UNLIMITED ? b : b == QUOTA_UNLIMITED || a < b ? a : b;
}

/* A whole may have what all its parts have, if they all are bound, and no more than its own. */
static int64_t sum_of_parts(const struct quota_amounts *left, enum quota_dimension whole)
{
    int64_t sum = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (i == (int)whole || quota_dimension_info((enum quota_dimension)i)->whole != whole) {
            continue;
        }
        if (left->of[i] == QUOTA_UNLIMITED) {
            return QUOTA_UNLIMITED;
        }
        sum += left->of[i];
    }
    return sum;
}

void quota_fit(const struct quota_level *levels, size_t count, struct quota_amounts *ret_largest)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        ret_largest->of[i] = QUOTA_UNLIMITED;
        for (size_t j = 0; quota_dimension_is_counted(dimension) && j < count; j++) {
            enum quota_dimension whole = quota_dimension_info(dimension)->whole;
            int64_t left = stricter(left_at(&levels[j], dimension), left_at(&levels[j], whole));
            ret_largest->of[i] = stricter(ret_largest->of[i], left);
        }
    }
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (quota_dimension_is_sum((enum quota_dimension)i)) {
            ret_largest->of[i] =
                stricter(ret_largest->of[i], sum_of_parts(ret_largest, (enum quota_dimension)i));
        }
    }
}
