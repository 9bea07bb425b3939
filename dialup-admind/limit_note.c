/*
 * Limits beside the machine's size, beside what is used and what sites need. Called by
 * api_quotas.c.
 */
#include "dialup-admind/limit_note.h"

#include "dialup-admind/level.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/site/site_type.h"

enum { AMOUNT_SIZE = 64, SENTENCE_SIZE = 512, HOURS_A_DAY = 24, WARNINGS_PER_DIMENSION = 4 };

/* Above the server's own limit nobody gets anything; that one an admin may set too high. */
const char *limit_note(const struct admind *admind, struct arena *arena, enum quota_entity entity,
                       const struct quota_limit *limits, const bool *changed)
{
    AUTO_STRBUF struct strbuf note = STRBUF_INIT;
    const struct quota_machine machine = level_machine(admind);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        int64_t has = changed[i] ? quota_machine_has(&machine, (enum quota_dimension)i) : 0;
        if (has > 0 && limits[i].hard > has) {
            char limit[AMOUNT_SIZE];
            char whole[AMOUNT_SIZE];
            quota_format(info->unit, limits[i].hard, limit, sizeof(limit));
            quota_format(info->unit, has, whole, sizeof(whole));
            strbuf_printf(&note, "%s%s is now %s, and this machine has %s", note.size ? "; " : "",
                          info->name, limit, whole);
        }
    }
    if (note.size == 0) {
        return NULL;
    }
    strbuf_puts(&note, entity == QUOTA_SYSTEM
                           ? ". More is promised than there is: when it runs short, sites give way."
                           : ". Sites get no more than the server promises.");
    return arena_strdup(arena, strbuf_text(&note));
}

/* What one site of the type needs of it by itself. */
static int64_t type_needs(const struct site_type *type, enum quota_dimension dimension)
{
    bool is_development =
        dimension == QUOTA_MEMORY_DEVELOPMENT || dimension == QUOTA_CPU_DEVELOPMENT;
    enum quota_dimension whole = quota_dimension_info(dimension)->whole;
    return is_development          ? 0
           : whole == QUOTA_MEMORY ? type->memory_mib
           : whole == QUOTA_CPU    ? type->cpu_millicores
                                   : 0;
}

/* "Node.js server (256MB), Next.js (512MB)"; "" if all types fit. */
static const char *types_above(struct arena *arena, enum quota_dimension dimension, int64_t limit)
{
    const char *names = "";
    for (int i = 0; i < SITE_TYPE_COUNT; i++) {
        const struct site_type *type = site_type_get((enum site_type_id)i);
        int64_t needs = type_needs(type, dimension);
        char amount[AMOUNT_SIZE];
        if (needs > limit) {
            quota_format(quota_dimension_info(dimension)->unit, needs, amount, sizeof(amount));
            names =
                arena_printf(arena, "%s%s%s (%s)", names, *names ? ", " : "", type->label, amount);
        }
    }
    return names;
}

/* What is in teams stays there, so that they and their owner have more together than is given. */
static const char *brought_above(struct arena *arena, const struct quota_level *level,
                                 enum quota_dimension dimension)
{
    const struct quota_dimension_info *info = quota_dimension_info(dimension);
    int64_t given =
        quota_limit_effective(&level->limits[dimension], dimension, &level->machine).hard;
    int64_t brought = level->brought.of[dimension];
    char amounts[2][AMOUNT_SIZE];
    if (level->entity != QUOTA_USER || given == QUOTA_UNLIMITED || brought <= given) {
        return NULL;
    }
    quota_format(info->unit, brought, amounts[0], AMOUNT_SIZE);
    quota_format(info->unit, brought - given, amounts[1], AMOUNT_SIZE);
    return arena_printf(arena,
                        "%s: %s are brought into teams, %s more than this limit; the teams keep "
                        "that until it is moved back (deploy team move)",
                        info->name, amounts[0], amounts[1]);
}

/* Nothing is gained by more hours than a day has. */
static const char *hours_above(struct arena *arena, enum quota_dimension dimension, int64_t limit)
{
    return dimension == QUOTA_RUNTIME_HOURS && limit > HOURS_A_DAY
               ? arena_printf(arena, "%s: a day has %d hours, so this binds nothing",
                              quota_dimension_info(dimension)->name, HOURS_A_DAY)
               : NULL;
}

/* What nothing at all means where it is not simply that. */
static const char *means_nothing(struct arena *arena, enum quota_dimension dimension, int64_t limit)
{
    static const char *const meanings[QUOTA_DIMENSION_COUNT] = {
        [QUOTA_BANDWIDTH] = "sites still answer, at 1 kbit/s",
        [QUOTA_CONNECTIONS] = "visitors are still let in, one at a time",
        [QUOTA_RUNTIME_HOURS] = "sites with a container do not run at all",
        [QUOTA_IDLE_MINUTES] = "lazy sites fall asleep as soon as nobody is there",
    };
    return limit == 0 && meanings[dimension]
               ? arena_printf(arena, "%s: %s", quota_dimension_info(dimension)->name,
                              meanings[dimension])
               : NULL;
}

const char *const *limit_warnings(struct arena *arena, const struct quota_level *level,
                                  const bool *changed, size_t *ret_count)
{
    const char **warnings = arena_calloc(
        arena, (size_t)WARNINGS_PER_DIMENSION * QUOTA_DIMENSION_COUNT, sizeof(*warnings));
    size_t count = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        int64_t limit = quota_level_limit(level, dimension).hard;
        char text[SENTENCE_SIZE];
        if (!changed[i] || limit == QUOTA_UNLIMITED) {
            continue;
        }
        if (quota_limit_consequence(dimension, limit, level->used.of[i], 0, text, sizeof(text))) {
            warnings[count++] = arena_strdup(arena, text);
        }
        const char *others[] = {brought_above(arena, level, dimension),
                                hours_above(arena, dimension, limit),
                                means_nothing(arena, dimension, limit)};
        for (size_t other = 0; other < ARRAY_COUNT(others); other++) {
            if (others[other]) {
                warnings[count++] = others[other];
            }
        }
        const char *types = types_above(arena, dimension, limit);
        if (*types) {
            quota_format(quota_dimension_info(dimension)->unit, limit, text, sizeof(text));
            warnings[count++] =
                arena_printf(arena, "%s: with %s some types of sites cannot start: %s",
                             quota_dimension_info(dimension)->name, text, types);
        }
    }
    *ret_count = count;
    return warnings;
}
