/*
 * Levels from the database, verdicts from the quota room, rows into the ledger. Called by rpc.c
 * and queue.c, always inside a transaction of theirs.
 */
#include "dialup-deployd/admission.h"

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/views.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/users.h"

enum { BYTES_PER_MIB = 1 << 20 };

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

static int read_owner_level(const struct admission *admission, struct arena *arena,
                            struct quota_level *level, struct error *err)
{
    struct user user;
    int result = users_find(admission->db, arena, admission->owner_id, &user, err);
    if (result < 0) {
        return result;
    }
    quota_level_init(level, admission->owner_kind, user.email);
    result =
        limits_read(admission->db, admission->owner_kind, admission->owner_id, level->limits, err);
    if (result < 0) {
        return result;
    }
    return reservations_sum(admission->db, admission->owner_kind, admission->owner_id, &level->used,
                            err);
}

static int read_system_level(const struct admission *admission, struct quota_level *level,
                             struct error *err)
{
    const struct machine *machine = admission->machine;
    quota_level_init_system(level, machine->memory_mib, machine->cpu_millicores,
                            machine->storage_mib, admission->reserve_percent);
    int result = limits_read(admission->db, QUOTA_SYSTEM, 0, level->limits, err);
    return result < 0 ? result : reservations_sum_system(admission->db, &level->used, err);
}

int admission_read_levels(const struct admission *admission, struct arena *arena,
                          struct admission_levels *ret_levels, struct error *err)
{
    *ret_levels = (struct admission_levels){.count = 2};
    int result = read_owner_level(admission, arena, &ret_levels->levels[0], err);
    return result < 0 ? result : read_system_level(admission, &ret_levels->levels[1], err);
}

void admission_take_off(struct admission_levels *levels, const struct quota_amounts *amounts)
{
    for (size_t i = 0; i < levels->count; i++) {
        for (int dimension = 0; dimension < QUOTA_DIMENSION_COUNT; dimension++) {
            levels->levels[i].used.of[dimension] -= amounts->of[dimension];
        }
    }
}

struct quota_amounts admission_for_new_site(void)
{
    return (struct quota_amounts){.of = {[QUOTA_SITES] = 1}};
}

struct quota_amounts admission_for_running(const struct site *site)
{
    struct quota_amounts amounts = {0};
    int64_t instances = site->instances > 1 ? site->instances : 1;
    if (site->memory_mib > 0) {
        amounts.of[QUOTA_CONTAINERS] = instances;
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

/* What one purpose of a site has in the ledger now. */
static int read_held(struct db *db, struct arena *arena, int64_t site_id,
                     enum reservation_purpose purpose, struct quota_amounts *ret_held,
                     struct error *err)
{
    struct reservations_list list;
    int result = reservations_list_by_site(db, arena, site_id, &list, err);
    if (result < 0) {
        return result;
    }
    *ret_held = (struct quota_amounts){0};
    for (size_t i = 0; i < list.count; i++) {
        enum quota_dimension dimension;
        if (list.rows[i].holder.purpose == purpose &&
            quota_dimension_parse(list.rows[i].dimension, &dimension)) {
            ret_held->of[dimension] += list.rows[i].amount;
        }
    }
    quota_add_up(ret_held);
    return 0;
}

/* Admits amounts for one purpose of a site, in place of what that purpose had, and notes them. */
static int replace(const struct admission *admission, struct arena *arena, const struct site *site,
                   enum reservation_purpose purpose, const struct quota_amounts *amounts,
                   const char *action, int64_t now, struct error *err)
{
    struct admission_levels levels;
    struct quota_amounts held;
    struct quota_verdict verdict;
    int result = admission_read_levels(admission, arena, &levels, err);
    if (result == 0) {
        result = read_held(admission->db, arena, site->id, purpose, &held, err);
    }
    if (result != 0) {
        return result;
    }
    admission_take_off(&levels, &held);
    quota_admit(levels.levels, levels.count, amounts, &verdict);
    if (!verdict.allowed) {
        return view_refusal(&verdict, action, arena, err);
    }
    struct reservation_holder holder = holder_of(site, purpose);
    return reservations_put(admission->db, &holder, amounts, RESERVATION_COMMITTED, now, 0, err);
}

int admission_reserve_run(const struct admission *admission, struct arena *arena,
                          const struct site *site, const char *action, int64_t now,
                          struct error *err)
{
    struct quota_amounts amounts = admission_for_running(site);
    return replace(admission, arena, site, RESERVATION_RUN, &amounts, action, now, err);
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
    struct admission_levels levels;
    struct quota_amounts held;
    struct quota_verdict verdict;
    const struct quota_amounts amounts = admission_for_running(site);
    int result = admission_read_levels(admission, arena, &levels, err);
    if (result == 0) {
        result = read_held(admission->db, arena, site->id, RESERVATION_RUN, &held, err);
    }
    if (result < 0) {
        return result;
    }
    const struct quota_amounts asked = growing(&amounts, &held);
    admission_take_off(&levels, &held);
    quota_admit(levels.levels, levels.count, &asked, &verdict);
    if (!verdict.allowed) {
        return view_refusal(&verdict, action, arena, err);
    }
    struct reservation_holder holder = holder_of(site, RESERVATION_RUN);
    return reservations_put(admission->db, &holder, &amounts, RESERVATION_COMMITTED, now, 0, err);
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
    return verdict.allowed ? 0 : view_refusal(&verdict, action, arena, err);
}

int admission_release_run(struct db *db, int64_t site_id, struct error *err)
{
    const struct reservation_holder holder = {.site_id = site_id, .purpose = RESERVATION_RUN};
    return reservations_release(db, &holder, err);
}

int admission_account_storage(const struct admission *admission, struct arena *arena,
                              const struct site *site, int64_t size_bytes, const char *action,
                              int64_t now, struct error *err)
{
    struct quota_amounts amounts = {0};
    amounts.of[QUOTA_STORAGE_PRODUCTION] = (size_bytes + BYTES_PER_MIB - 1) / BYTES_PER_MIB;
    quota_add_up(&amounts);
    return replace(admission, arena, site, RESERVATION_STORAGE, &amounts, action, now, err);
}

int admission_note_storage(struct db *db, const struct site *site, int64_t size_bytes, int64_t now,
                           struct error *err)
{
    struct quota_amounts amounts = {0};
    amounts.of[QUOTA_STORAGE_PRODUCTION] = (size_bytes + BYTES_PER_MIB - 1) / BYTES_PER_MIB;
    quota_add_up(&amounts);
    const struct reservation_holder holder = holder_of(site, RESERVATION_STORAGE);
    return reservations_put(db, &holder, &amounts, RESERVATION_COMMITTED, now, 0, err);
}

int admission_storage_left(const struct admission *admission, struct arena *arena,
                           int64_t *ret_bytes, struct error *err)
{
    struct admission_levels levels;
    int result = admission_read_levels(admission, arena, &levels, err);
    if (result < 0) {
        return result;
    }
    *ret_bytes = INT64_MAX;
    for (size_t i = 0; i < levels.count; i++) {
        static const enum quota_dimension binding[] = {QUOTA_STORAGE_PRODUCTION, QUOTA_STORAGE};
        for (size_t j = 0; j < sizeof(binding) / sizeof(binding[0]); j++) {
            int64_t hard = levels.levels[i].limits[binding[j]].hard;
            int64_t left = hard - levels.levels[i].used.of[binding[j]];
            if (hard != QUOTA_UNLIMITED && left < *ret_bytes / BYTES_PER_MIB) {
                *ret_bytes = left > 0 ? left * BYTES_PER_MIB : 0;
            }
        }
    }
    return 0;
}
