/*
 * Levels from the database, verdicts from the quota room, rows into the ledger. Called by whoever
 * lets sites be, run, grow or stop. What is reserved is in the caller's transaction; who only asks
 * needs none.
 */
#include "dialup-deployd/admission.h"

#include <string.h>

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/views.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/levels.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/teams.h"

enum { BYTES_PER_MIB = 1 << 20, LEADS_NAMED = 2 };

struct admission admission_for(const struct deployd *deployd, enum quota_entity owner_kind,
                               int64_t owner_id)
{
    return (struct admission){
        .db = deployd->run->db,
        .machine = &deployd->machine,
        .reserve_percent = config_integer(deployd->run->config, CONFIG_deployd_reserve_percent),
        .owner_kind = owner_kind,
        .owner_id = owner_id,
    };
}

static int read_system(const struct admission *admission, struct quota_level *ret_level,
                       struct error *err)
{
    return levels_read_system(admission->db, admission->machine, admission->reserve_percent,
                              ret_level, err);
}

int admission_read_level(const struct admission *admission, struct arena *arena,
                         struct quota_level *ret_level, struct error *err)
{
    return admission->owner_kind == QUOTA_SYSTEM
               ? read_system(admission, ret_level, err)
               : levels_read_owner(admission->db, arena, admission->owner_kind, admission->owner_id,
                                   admission->machine, ret_level, err);
}

int admission_read_levels(const struct admission *admission, struct arena *arena,
                          struct admission_levels *ret_levels, struct error *err)
{
    *ret_levels = (struct admission_levels){.count = 2};
    int result = admission_read_level(admission, arena, &ret_levels->levels[0], err);
    return result < 0 ? result : read_system(admission, &ret_levels->levels[1], err);
}

void admission_name_leads(const struct admission *admission, struct arena *arena,
                          struct admission_levels *levels)
{
    struct team_members_list list;
    const char *names = NULL;
    if (admission->owner_kind != QUOTA_TEAM ||
        team_members_list(admission->db, arena, admission->owner_id, &list, NULL) < 0) {
        return;
    }
    for (size_t i = 0, count = 0; i < list.count && count < LEADS_NAMED; i++) {
        const struct team_member *row = &list.rows[i];
        if (row->role == TEAM_ROLE_LEAD && row->is_active) {
            names = names ? arena_printf(arena, "%s or %s", names, row->email) : row->email;
            count++;
        }
    }
    levels->levels[0].leads = names;
}

void admission_take_off(struct admission_levels *levels, const struct quota_amounts *amounts)
{
    for (size_t i = 0; i < levels->count; i++) {
        quota_amounts_take(&levels->levels[i].used, amounts);
    }
}

static int64_t containers_of(const struct site *site)
{
    return site->memory_mib <= 0 ? 0 : site->instances > 1 ? site->instances : 1;
}

struct quota_amounts admission_for_existing(const struct site *site)
{
    return (struct quota_amounts){
        .of = {[QUOTA_SITES] = 1,
               [QUOTA_APPLICATIONS] = site->owner_kind == QUOTA_TEAM,
               [QUOTA_CONTAINERS] = containers_of(site)},
    };
}

struct quota_amounts admission_for_running(const struct site *site)
{
    struct quota_amounts amounts = {0};
    int64_t instances = containers_of(site);
    if (instances > 0) {
        amounts.of[QUOTA_CONCURRENT_CONTAINERS] = instances;
        amounts.of[QUOTA_MEMORY_PRODUCTION] = site->memory_mib * instances;
        amounts.of[QUOTA_CPU_PRODUCTION] = site->cpu_millicores * instances;
    }
    quota_add_up(&amounts);
    return amounts;
}

static struct reservation_holder holder_of(const struct site *site,
                                           enum reservation_purpose purpose)
{
    return (struct reservation_holder){
        .entity = site->owner_kind,
        .entity_id = site->owner_id,
        .site_id = site->id,
        .purpose = purpose,
    };
}

/* Whether request fits in place of what is held; ERR_QUOTA_EXCEEDED with the words for action. */
static int admit(const struct admission *admission, struct arena *arena,
                 const struct quota_amounts *held, const struct quota_amounts *request,
                 const char *action, struct error *err)
{
    struct admission_levels *levels = arena_alloc(arena, sizeof(*levels));
    struct quota_verdict verdict;
    int result = admission_read_levels(admission, arena, levels, err);
    if (result < 0) {
        return result;
    }
    admission_take_off(levels, held);
    quota_admit(levels->levels, levels->count, request, &verdict);
    if (verdict.allowed) {
        return 0;
    }
    admission_name_leads(admission, arena, levels);
    return view_refusal(&verdict, action, arena, err);
}

static int put(struct db *db, const struct site *site, enum reservation_purpose purpose,
               const struct quota_amounts *amounts, int64_t now, struct error *err)
{
    struct reservation_holder holder = holder_of(site, purpose);
    return reservations_put(db, &holder, amounts, now, err);
}

int admission_note_site(struct db *db, const struct site *site, int64_t now, struct error *err)
{
    struct quota_amounts existing = admission_for_existing(site);
    existing.of[QUOTA_CONTAINERS] = 0;
    return put(db, site, RESERVATION_SITE, &existing, now, err);
}

int admission_check_new(const struct admission *admission, struct arena *arena,
                        const struct site *site, const char *action, struct error *err)
{
    const struct quota_amounts nothing = {0};
    const struct quota_amounts existing = admission_for_existing(site);
    struct quota_amounts amounts = admission_for_running(site);
    quota_amounts_add(&amounts, &existing);
    return admit(admission, arena, &nothing, &amounts, action, err);
}

/* A site that is to run: what it holds, and what it asks for in place of it. */
struct run {
    struct quota_amounts held;     /* while it ran until now */
    struct quota_amounts existing; /* as long as it exists */
    struct quota_amounts request;
};

/* Of its containers only those count that do not exist yet: a site that wakes finds its own. */
static int read_run(struct db *db, const struct site *site, struct run *run, struct error *err)
{
    int result = reservations_sum_purpose(db, site->id, RESERVATION_RUN, &run->held, err);
    if (result == 0) {
        result = reservations_sum_purpose(db, site->id, RESERVATION_SITE, &run->existing, err);
    }
    if (result == 0) {
        int64_t more = containers_of(site) - run->existing.of[QUOTA_CONTAINERS];
        run->request = admission_for_running(site);
        run->request.of[QUOTA_CONTAINERS] = more > 0 ? more : 0;
    }
    return result;
}

static int put_run(struct db *db, const struct site *site, const struct run *run, int64_t now,
                   struct error *err)
{
    const struct quota_amounts running = admission_for_running(site);
    const struct quota_amounts existing = admission_for_existing(site);
    int result = put(db, site, RESERVATION_RUN, &running, now, err);
    if (result == 0 && memcmp(&existing, &run->existing, sizeof(existing)) != 0) {
        result = put(db, site, RESERVATION_SITE, &existing, now, err);
    }
    return result;
}

static int admit_run(const struct admission *admission, struct arena *arena,
                     const struct site *site, const char *action, struct run *run,
                     struct error *err)
{
    int result = read_run(admission->db, site, run, err);
    return result < 0 ? result : admit(admission, arena, &run->held, &run->request, action, err);
}

int admission_check_run(const struct admission *admission, struct arena *arena,
                        const struct site *site, const char *action, struct error *err)
{
    struct run run;
    return admit_run(admission, arena, site, action, &run, err);
}

int admission_reserve_run(const struct admission *admission, struct arena *arena,
                          const struct site *site, const char *action, int64_t now,
                          struct error *err)
{
    struct run run;
    int result = admit_run(admission, arena, site, action, &run, err);
    return result < 0 ? result : put_run(admission->db, site, &run, now, err);
}

/* What is asked for in each dimension in which it is more than what is held; 0 in the others. */
static struct quota_amounts growing(const struct quota_amounts *amounts,
                                    const struct quota_amounts *held)
{
    struct quota_amounts asked = {0};
    for (int dimension = 0; dimension < QUOTA_DIMENSION_COUNT; dimension++) {
        bool grows = amounts->of[dimension] > held->of[dimension];
        asked.of[dimension] = grows ? amounts->of[dimension] : 0;
    }
    return asked;
}

int admission_keep_run(const struct admission *admission, struct arena *arena,
                       const struct site *site, const char *action, int64_t now, struct error *err)
{
    struct run run;
    int result = read_run(admission->db, site, &run, err);
    if (result == 0) {
        const struct quota_amounts asked = growing(&run.request, &run.held);
        result = admit(admission, arena, &run.held, &asked, action, err);
    }
    return result < 0 ? result : put_run(admission->db, site, &run, now, err);
}

int admission_check_alone(const struct admission *admission, struct arena *arena,
                          const struct site *site, const char *action, struct error *err)
{
    struct admission_levels levels;
    const struct quota_amounts amounts = admission_for_running(site);
    struct quota_verdict verdict;
    int result = admission_read_levels(admission, arena, &levels, err);
    if (result < 0) {
        return result;
    }
    for (size_t i = 0; i < levels.count; i++) {
        levels.levels[i].used = (struct quota_amounts){0};
    }
    quota_admit(levels.levels, levels.count, &amounts, &verdict);
    if (verdict.allowed) {
        return 0;
    }
    admission_name_leads(admission, arena, &levels);
    return view_refusal(&verdict, action, arena, err);
}

int admission_holds_run(struct db *db, int64_t site_id, bool *ret_holds, struct error *err)
{
    struct quota_amounts held;
    int result = reservations_sum_purpose(db, site_id, RESERVATION_RUN, &held, err);
    if (result == 0) {
        *ret_holds = held.of[QUOTA_CONCURRENT_CONTAINERS] > 0;
    }
    return result;
}

int admission_release_run(struct db *db, int64_t site_id, struct error *err)
{
    return reservations_release(db, site_id, RESERVATION_RUN, err);
}

int admission_release_stopped(struct db *db, const struct site *site, int64_t now,
                              struct error *err)
{
    struct quota_amounts held = {0};
    struct quota_amounts existing = admission_for_existing(site);
    if (!site->live_deployment) {
        existing.of[QUOTA_CONTAINERS] = 0;
    }
    int result = admission_release_run(db, site->id, err);
    if (result == 0) {
        result = reservations_sum_purpose(db, site->id, RESERVATION_SITE, &held, err);
    }
    bool is_right = result < 0 || memcmp(&existing, &held, sizeof(existing)) == 0;
    return is_right ? result : put(db, site, RESERVATION_SITE, &existing, now, err);
}

static struct quota_amounts storage_of(int64_t size_bytes)
{
    struct quota_amounts amounts = {0};
    amounts.of[QUOTA_STORAGE_PRODUCTION] = (size_bytes + BYTES_PER_MIB - 1) / BYTES_PER_MIB;
    quota_add_up(&amounts);
    return amounts;
}

int admission_account_storage(const struct admission *admission, struct arena *arena,
                              const struct site *site, int64_t size_bytes, const char *action,
                              int64_t now, struct error *err)
{
    const struct quota_amounts amounts = storage_of(size_bytes);
    struct quota_amounts held;
    int result = reservations_sum_purpose(admission->db, site->id, RESERVATION_STORAGE, &held, err);
    if (result == 0) {
        result = admit(admission, arena, &held, &amounts, action, err);
    }
    return result < 0 ? result : put(admission->db, site, RESERVATION_STORAGE, &amounts, now, err);
}

int admission_note_storage(struct db *db, const struct site *site, int64_t size_bytes, int64_t now,
                           struct error *err)
{
    const struct quota_amounts amounts = storage_of(size_bytes);
    return put(db, site, RESERVATION_STORAGE, &amounts, now, err);
}

/* How much is left of a dimension and its whole at all levels; QUOTA_UNLIMITED if nothing binds. */
static int64_t left_of(const struct admission_levels *levels, enum quota_dimension dimension)
{
    const enum quota_dimension binding[] = {dimension, quota_dimension_info(dimension)->whole};
    int64_t least = QUOTA_UNLIMITED;
    for (size_t i = 0; i < levels->count * ARRAY_COUNT(binding); i++) {
        const struct quota_level *level = &levels->levels[i / ARRAY_COUNT(binding)];
        enum quota_dimension bound = binding[i % ARRAY_COUNT(binding)];
        int64_t hard = quota_level_limit(level, bound).hard;
        int64_t left = hard > level->used.of[bound] ? hard - level->used.of[bound] : 0;
        if (hard != QUOTA_UNLIMITED && (least == QUOTA_UNLIMITED || left < least)) {
            least = left;
        }
    }
    return least;
}

static int bytes_left(const struct admission *admission, struct arena *arena,
                      enum quota_dimension dimension, int64_t *ret_bytes, struct error *err)
{
    struct admission_levels levels;
    int result = admission_read_levels(admission, arena, &levels, err);
    if (result < 0) {
        return result;
    }
    int64_t left_mib = left_of(&levels, dimension);
    *ret_bytes = left_mib == QUOTA_UNLIMITED ? INT64_MAX : left_mib * BYTES_PER_MIB;
    return 0;
}

int admission_storage_left(const struct admission *admission, struct arena *arena,
                           int64_t *ret_bytes, struct error *err)
{
    return bytes_left(admission, arena, QUOTA_STORAGE_PRODUCTION, ret_bytes, err);
}

int admission_temp_left(const struct admission *admission, struct arena *arena, int64_t *ret_bytes,
                        struct error *err)
{
    return bytes_left(admission, arena, QUOTA_TEMP_STORAGE, ret_bytes, err);
}

int admission_check_may_write(const struct admission *admission, struct arena *arena,
                              const char *action, struct error *err)
{
    const struct quota_amounts nothing = {0};
    const struct quota_amounts least = storage_of(1);
    return admit(admission, arena, &nothing, &least, action, err);
}
