/*
 * See the header. Written from the words of libdialup/quota's headers, not from its code.
 */
#include "tests/model/reference.h"

#include <string.h>

#include "tests/model/world.h"

enum { KEPT_PERCENT = 80, CALM_PERCENT = 60 };

void reference_init(struct reference *reference)
{
    memset(reference, 0, sizeof(*reference));
}

struct reference_site *reference_find(struct reference *reference, int64_t site_id)
{
    for (size_t i = 0; i < REFERENCE_SITES; i++) {
        if (reference->sites[i].id == site_id) {
            return &reference->sites[i];
        }
    }
    return NULL;
}

/* Dimensions --------------------------------------------------------------------------------- */

enum quota_dimension reference_whole(enum quota_dimension dimension)
{
    switch (dimension) {
    case QUOTA_MEMORY_PRODUCTION:
    case QUOTA_MEMORY_DEVELOPMENT:
        return QUOTA_MEMORY;
    case QUOTA_CPU_PRODUCTION:
    case QUOTA_CPU_DEVELOPMENT:
        return QUOTA_CPU;
    case QUOTA_STORAGE_PRODUCTION:
    case QUOTA_STORAGE_DEVELOPMENT:
        return QUOTA_STORAGE;
    default:
        return dimension;
    }
}

/* -1: no machine has any of it. */
static int64_t machine_has(enum quota_dimension dimension)
{
    switch (reference_whole(dimension)) {
    case QUOTA_MEMORY:
        return world_machine.memory_mib;
    case QUOTA_CPU:
        return world_machine.cpu_millicores;
    case QUOTA_STORAGE:
        return world_machine.storage_mib;
    default:
        return -1;
    }
}

bool reference_is_shared(enum quota_dimension dimension)
{
    static const enum quota_dimension shared[] = {
        QUOTA_SITES,          QUOTA_CONTAINERS,          QUOTA_CONCURRENT_CONTAINERS,
        QUOTA_DEV_CONTAINERS, QUOTA_MEMORY_PRODUCTION,   QUOTA_MEMORY_DEVELOPMENT,
        QUOTA_CPU_PRODUCTION, QUOTA_CPU_DEVELOPMENT,     QUOTA_STORAGE_PRODUCTION,
        QUOTA_TEMP_STORAGE,   QUOTA_STORAGE_DEVELOPMENT,
    };
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
        if (shared[i] == dimension) {
            return true;
        }
    }
    return false;
}

void reference_add_up(struct reference_amounts *amounts)
{
    int64_t *of = amounts->of;
    of[QUOTA_MEMORY] = of[QUOTA_MEMORY_PRODUCTION] + of[QUOTA_MEMORY_DEVELOPMENT];
    of[QUOTA_CPU] = of[QUOTA_CPU_PRODUCTION] + of[QUOTA_CPU_DEVELOPMENT];
    of[QUOTA_STORAGE] = of[QUOTA_STORAGE_PRODUCTION] + of[QUOTA_STORAGE_DEVELOPMENT];
}

/* Uses --------------------------------------------------------------------------------------- */

static void add(struct reference_amounts *sum, const struct reference_site *site)
{
    for (int purpose = 0; purpose < PURPOSE_COUNT; purpose++) {
        for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
            sum->of[i] += site->held[purpose].of[i];
        }
    }
}

struct reference_amounts reference_used(const struct reference *reference, bool is_team,
                                        int64_t owner)
{
    struct reference_amounts sum = {0};
    for (size_t i = 0; i < REFERENCE_SITES; i++) {
        const struct reference_site *site = &reference->sites[i];
        if (site->id && site->is_team == is_team && site->owner == owner) {
            add(&sum, site);
        }
    }
    return sum;
}

static struct reference_amounts used_by_all(const struct reference *reference)
{
    struct reference_amounts sum = {0};
    for (size_t i = 0; i < REFERENCE_SITES; i++) {
        if (reference->sites[i].id) {
            add(&sum, &reference->sites[i]);
        }
    }
    return sum;
}

/* Limits ------------------------------------------------------------------------------------- */

static int64_t stricter(const struct reference_limit *limit, enum quota_dimension dimension)
{
    int64_t has = machine_has(dimension);
    int64_t part = limit->percent > 0 && has >= 0 ? has * limit->percent / 100 : -1;
    if (limit->hard < 0 || part < 0) {
        return limit->hard < 0 ? part : limit->hard;
    }
    return part < limit->hard ? part : limit->hard;
}

static int64_t share_of(const struct reference_team *team, int64_t user,
                        enum quota_dimension dimension)
{
    int64_t sum = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (reference_whole((enum quota_dimension)i) == dimension || i == (int)dimension) {
            sum += team->shares[user][i];
        }
    }
    return sum;
}

int64_t reference_brought(const struct reference *reference, bool is_team, int64_t owner,
                          enum quota_dimension dimension)
{
    int64_t sum = 0;
    for (int64_t i = 1; is_team && i < REFERENCE_USERS; i++) {
        sum += share_of(&reference->teams[owner], i, dimension);
    }
    for (int64_t i = 1; !is_team && i <= reference->team_last; i++) {
        sum += share_of(&reference->teams[i], owner, dimension);
    }
    return sum;
}

static int64_t own_limit(const struct reference *reference, bool is_team, int64_t owner,
                         enum quota_dimension dimension)
{
    const struct reference_limit *limit =
        is_team ? &reference->teams[owner].limits[dimension] : &reference->users[owner][dimension];
    if (limit->is_set) {
        return stricter(limit, dimension);
    }
    return is_team && reference_is_shared(dimension) ? 0 : -1;
}

int64_t reference_limit(const struct reference *reference, bool is_team, int64_t owner,
                        enum quota_dimension dimension)
{
    int64_t limit = own_limit(reference, is_team, owner, dimension);
    if (limit < 0) {
        return limit;
    }
    int64_t brought = reference_brought(reference, is_team, owner, dimension);
    limit += is_team ? brought : -brought;
    return limit < 0 ? 0 : limit;
}

int64_t reference_limit_elsewhere(const struct reference *reference, int64_t user, int64_t team,
                                  enum quota_dimension dimension)
{
    int64_t limit = own_limit(reference, false, user, dimension);
    if (limit < 0) {
        return limit;
    }
    limit -= reference_brought(reference, false, user, dimension) -
             share_of(&reference->teams[team], user, dimension);
    return limit < 0 ? 0 : limit;
}

static int64_t system_limit(const struct reference *reference, enum quota_dimension dimension)
{
    if (reference->system[dimension].is_set) {
        return stricter(&reference->system[dimension], dimension);
    }
    bool is_whole =
        dimension == QUOTA_MEMORY || dimension == QUOTA_CPU || dimension == QUOTA_STORAGE;
    return is_whole ? machine_has(dimension) * KEPT_PERCENT / 100 : -1;
}

/* Admission ---------------------------------------------------------------------------------- */

static bool is_calm(const struct reference_asking *asking, const struct reference_amounts *all,
                    enum quota_dimension whole)
{
    int64_t committed = all->of[whole] - asking->held.of[whole] + asking->request.of[whole];
    return committed * 100 <= machine_has(whole) * CALM_PERCENT;
}

static bool is_lent(const struct reference *reference, const struct reference_asking *asking,
                    const struct reference_amounts *all, enum quota_dimension dimension,
                    int64_t limit, int64_t projected)
{
    const struct reference_limit *row = asking->is_team
                                            ? &reference->teams[asking->owner].limits[dimension]
                                            : &reference->users[asking->owner][dimension];
    int64_t burst = row->is_set ? row->burst : 0;
    if (projected > limit + limit * burst / 100) {
        return false;
    }
    return machine_has(dimension) >= 0
               ? is_calm(asking, all, reference_whole(dimension))
               : is_calm(asking, all, QUOTA_MEMORY) && is_calm(asking, all, QUOTA_CPU);
}

static bool admits(const struct reference *reference, const struct reference_asking *asking,
                   const struct reference_amounts *own, const struct reference_amounts *all,
                   int64_t refused[QUOTA_DIMENSION_COUNT])
{
    bool allowed = true;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        int64_t asked = asking->request.of[i];
        int64_t limit = reference_limit(reference, asking->is_team, asking->owner, dimension);
        int64_t top = system_limit(reference, dimension);
        int64_t projected = own->of[i] - asking->held.of[i] + asked;
        refused[i] = 0;
        if (asked == 0) {
            continue;
        }
        refused[i] += limit >= 0 && projected > limit &&
                      !is_lent(reference, asking, all, dimension, limit, projected);
        refused[i] += top >= 0 && all->of[i] - asking->held.of[i] + asked > top;
        allowed = allowed && refused[i] == 0;
    }
    return allowed;
}

bool reference_admits(const struct reference *reference, const struct reference_asking *asking,
                      int64_t refused[QUOTA_DIMENSION_COUNT])
{
    const struct reference_amounts own = reference_used(reference, asking->is_team, asking->owner);
    const struct reference_amounts all = used_by_all(reference);
    return admits(reference, asking, &own, &all, refused);
}

bool reference_admits_alone(const struct reference *reference,
                            const struct reference_asking *asking,
                            int64_t refused[QUOTA_DIMENSION_COUNT])
{
    const struct reference_amounts none = {0};
    return admits(reference, asking, &none, &none, refused);
}

/* Sites -------------------------------------------------------------------------------------- */

int64_t reference_containers(const struct reference_needs *needs, int64_t instances)
{
    return needs->memory == 0 ? 0 : instances > 1 ? instances : 1;
}

struct reference_amounts reference_run(const struct reference_needs *needs, int64_t instances)
{
    struct reference_amounts amounts = {0};
    int64_t containers = reference_containers(needs, instances);
    amounts.of[QUOTA_CONCURRENT_CONTAINERS] = containers;
    amounts.of[QUOTA_MEMORY_PRODUCTION] = containers * needs->memory;
    amounts.of[QUOTA_CPU_PRODUCTION] = containers * needs->cpu;
    reference_add_up(&amounts);
    return amounts;
}

struct reference_needs reference_room(const struct reference_site *site,
                                      const struct reference_needs *next)
{
    struct reference_needs room = *next;
    if (site->live && site->desired == WANT_RUNNING) {
        room.memory = site->has.memory > room.memory ? site->has.memory : room.memory;
        room.cpu = site->has.cpu > room.cpu ? site->has.cpu : room.cpu;
    }
    return room;
}
