/*
 * Looking at everybody's limits; see the header. Called by the cycle.
 */
#include "dialup-monitord/watch.h"

#include <stdio.h>

#include "dialup-monitord/figures.h"
#include "dialup-monitord/violation_book.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/daemon/machine.h"
#include "libdialup/db/db.h"
#include "libdialup/store/enforcements.h"
#include "libdialup/store/levels.h"
#include "libdialup/store/runtime.h"
#include "libdialup/store/sites.h"
#include "libdialup/store/uploads.h"

enum { BYTES_PER_MIB = 1024 * 1024, S_PER_HOUR = 3600, AMOUNT_SIZE = 64 };

/* What the database says, as of read_at. */
struct known {
    struct arena *arena; /* owned; NULL: nothing was read yet */
    int64_t read_at;
    struct owner_levels users;
    struct owner_levels teams;
    struct quota_level system;
    struct runtime_list today;
    struct uploads_by_user_list uploads;
};

struct watch {
    struct daemon_run *run;
    int64_t after_s;
    struct violation_book *book;
    struct known known;
    char failure[256];
};

struct watch *watch_new(struct daemon_run *run)
{
    struct watch *watch = xcalloc(1, sizeof(*watch));
    watch->run = run;
    watch->after_s = config_integer(run->config, CONFIG_monitord_violation_s);
    watch->book = violation_book_new();
    return watch;
}

void watch_free(struct watch *watch)
{
    if (watch) {
        violation_book_free(watch->book);
        arena_free(watch->known.arena);
        free(watch);
    }
}

/* Reading ---------------------------------------------------------------------------------- */

static int read_known(const struct watch *watch, int64_t at, struct known *known, struct error *err)
{
    struct db *db = watch->run->db;
    const struct quota_machine machine = machine_of_settings(watch->run->config);
    int64_t reserve = config_integer(watch->run->config, CONFIG_deployd_reserve_percent);
    int result;
    if ((result = levels_list(db, known->arena, LEVELS_OF_USERS, 0, &machine, &known->users, err)) <
            0 ||
        (result = levels_list(db, known->arena, LEVELS_OF_TEAMS, 0, &machine, &known->teams, err)) <
            0 ||
        (result = levels_read_system(db, &machine, reserve, &known->system, err)) < 0 ||
        (result = runtime_list(db, known->arena, runtime_day(at), &known->today, err)) < 0) {
        return result;
    }
    return uploads_sum_by_user(db, known->arena, &known->uploads, err);
}

/* A clock that was set back reads anew, too. */
static int refresh(struct watch *watch, int64_t at, struct error *err)
{
    int64_t age_s = at - watch->known.read_at;
    if (watch->known.arena && age_s >= 0 && age_s < watch->after_s) {
        return 0;
    }
    struct known known = {.arena = arena_new(), .read_at = at};
    int result = read_known(watch, at, &known, err);
    if (result < 0) {
        arena_free(known.arena);
        return result;
    }
    arena_free(watch->known.arena);
    watch->known = known;
    return 0;
}

/* As deployd counts and enforces them; what was measured has frozen containers in it, too. */
static int64_t runtime_hours(const struct known *known, enum quota_entity entity, int64_t id)
{
    for (size_t i = 0; i < known->today.count; i++) {
        const struct runtime *row = &known->today.rows[i];
        if (row->owner_kind == entity && row->owner_id == id) {
            return row->awake_s / S_PER_HOUR;
        }
    }
    return 0;
}

static int64_t temp_storage_mib(const struct known *known, enum quota_entity entity, int64_t id)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < known->uploads.count; i++) {
        bool is_theirs = entity == QUOTA_SYSTEM ||
                         (entity == QUOTA_USER && known->uploads.rows[i].user_id == id);
        bytes += is_theirs ? known->uploads.rows[i].bytes : 0;
    }
    return (bytes + BYTES_PER_MIB - 1) / BYTES_PER_MIB;
}

/* Limits ----------------------------------------------------------------------------------- */

static void look_at(struct watch *watch, const struct uses *uses, enum quota_entity entity,
                    int64_t id, const struct quota_level *level)
{
    const struct owner_use use = uses_of(uses, entity, id);
    const struct figures figures = {
        .level = level,
        .use = &use,
        .runtime_hours = runtime_hours(&watch->known, entity, id),
        .temp_storage_mib = temp_storage_mib(&watch->known, entity, id),
    };
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        struct quota_limit limit = figures_limit(&figures, dimension);
        if (!figures_is_watched(dimension) || limit.hard == QUOTA_UNLIMITED) {
            continue;
        }
        const struct quota_episode_rules rules = figures_rules(dimension, watch->after_s);
        int64_t used = figures_used(&figures, dimension, &limit);
        violation_book_look(watch->book, entity, id, dimension, &rules, &limit, used,
                            figures_action(&figures, dimension, quota_state(&limit, used)));
    }
}

static void look_at_limits(struct watch *watch, const struct uses *uses)
{
    const struct known *known = &watch->known;
    for (size_t i = 0; i < known->users.count; i++) {
        look_at(watch, uses, QUOTA_USER, known->users.rows[i].id, &known->users.rows[i].level);
    }
    for (size_t i = 0; i < known->teams.count; i++) {
        look_at(watch, uses, QUOTA_TEAM, known->teams.rows[i].id, &known->teams.rows[i].level);
    }
    look_at(watch, uses, QUOTA_SYSTEM, 0, &known->system);
}

/* In force --------------------------------------------------------------------------------- */

/* An owner's largest difference. */
struct difference {
    const struct usage_sample *row; /* NULL: there is none */
    int64_t declared;
    int64_t in_force;
};

static int64_t distance(const struct difference *difference)
{
    int64_t distance = difference->declared - difference->in_force;
    return distance < 0 ? -distance : distance;
}

/* Of one container, in the dimension's unit. */
static struct difference compare(const struct usage_sample *row, const struct sample_limits *limits,
                                 enum quota_dimension dimension)
{
    bool is_memory = dimension == QUOTA_MEMORY;
    int64_t declared = is_memory ? limits->memory_declared_bytes : limits->cpu_declared_millicores;
    int64_t in_force = is_memory ? limits->memory_in_force_bytes : limits->cpu_in_force_millicores;
    if (declared == 0 || in_force == LIMIT_UNKNOWN || declared == in_force) {
        return (struct difference){0};
    }
    int64_t unit = is_memory ? BYTES_PER_MIB : 1;
    return (struct difference){row, declared / unit, in_force / unit};
}

static void tell_difference(struct watch *watch, const struct difference *difference,
                            enum quota_dimension dimension)
{
    AUTO_ARENA struct arena *arena = arena_new();
    enum quota_unit unit = quota_dimension_info(dimension)->unit;
    char declared[AMOUNT_SIZE];
    char in_force[AMOUNT_SIZE] = "no limit";
    char action[512];
    struct site site;
    bool is_found = sites_find(watch->run->db, arena, difference->row->site_id, &site, NULL) == 0;
    quota_format(unit, difference->declared, declared, sizeof(declared));
    if (difference->in_force > 0) {
        quota_format(unit, difference->in_force, in_force, sizeof(in_force));
    }
    snprintf(action, sizeof(action), "%s: %s in force, %s declared",
             is_found ? site.domain : "a site", in_force, declared);
    violation_book_differs(watch->book, difference->row->owner_kind, difference->row->owner_id,
                           dimension, difference->declared, difference->in_force, watch->after_s,
                           action);
}

/* Differences are few; where there are none this is one pass over the containers. */
static void look_at_differences(struct watch *watch, const struct sample_rows *samples,
                                enum quota_dimension dimension)
{
    struct difference *found = xcalloc(samples->count + 1, sizeof(*found));
    size_t count = 0;
    for (size_t i = 0; i < samples->count; i++) {
        struct difference difference = compare(&samples->rows[i], &samples->limits[i], dimension);
        size_t at = 0;
        while (difference.row && at < count &&
               (found[at].row->owner_id != difference.row->owner_id ||
                found[at].row->owner_kind != difference.row->owner_kind)) {
            at++;
        }
        if (difference.row && (at == count || distance(&difference) > distance(&found[at]))) {
            found[at] = difference;
            count += at == count;
        }
    }
    for (size_t i = 0; i < count; i++) {
        tell_difference(watch, &found[i], dimension);
    }
    free(found);
}

/* Actions ---------------------------------------------------------------------------------- */

/* What deployd may have done for a limit in this dimension. */
static bool is_about(const struct enforcement *enforcement, enum quota_dimension dimension)
{
    enum quota_dimension whole = quota_dimension_info(dimension)->whole;
    switch (enforcement->cause) {
    case ENFORCED_BY_RUNTIME:
        return dimension == QUOTA_RUNTIME_HOURS;
    case ENFORCED_BY_MEMORY:
        return whole == QUOTA_MEMORY;
    case ENFORCED_BY_LIMITS:
        if (str_equal(enforcement->step, ENFORCEMENT_REMOVE_CONTAINER)) {
            return whole == QUOTA_STORAGE;
        }
        return whole == QUOTA_MEMORY || whole == QUOTA_CPU || whole == QUOTA_CONCURRENT_CONTAINERS;
    }
    return false;
}

/* The newest since the violation began; a failure is no reason not to write the violation. */
static void find_action(struct watch *watch, size_t number, const struct violation_ongoing *ongoing)
{
    enum { ENFORCEMENTS_MAX = 1000 };
    AUTO_ARENA struct arena *arena = arena_new();
    struct enforcements_list list = {0};
    const char *action = NULL;
    struct error err;
    if (enforcements_list_by_owner(watch->run->db, arena, ongoing->entity, ongoing->entity_id, 0,
                                   ENFORCEMENTS_MAX, &list, &err) < 0) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (list.rows[i].at >= ongoing->began_at && is_about(&list.rows[i], ongoing->dimension)) {
            action = list.rows[i].reason;
        }
    }
    if (action) {
        violation_book_act(watch->book, number, action);
    }
}

static void look_at_actions(struct watch *watch)
{
    struct violation_ongoing ongoing;
    for (size_t i = 0; violation_book_get(watch->book, i, &ongoing); i++) {
        if (ongoing.entity != QUOTA_SYSTEM) {
            find_action(watch, i, &ongoing);
        }
    }
}

/* A cycle ---------------------------------------------------------------------------------- */

static int look_at_all(struct watch *watch, int64_t at, const struct uses *uses,
                       const struct sample_rows *samples, struct error *err)
{
    int result = violation_book_is_loaded(watch->book)
                     ? 0
                     : violation_book_load(watch->book, watch->run->db, err);
    if (result == 0) {
        result = refresh(watch, at, err);
    }
    if (result < 0) {
        return result;
    }
    violation_book_begin(watch->book, at);
    look_at_limits(watch, uses);
    look_at_differences(watch, samples, QUOTA_MEMORY);
    look_at_differences(watch, samples, QUOTA_CPU);
    look_at_actions(watch);
    violation_book_end(watch->book, watch->after_s);
    return violation_book_flush(watch->book, watch->run->db, err);
}

void watch_cycle(struct watch *watch, int64_t at, const struct uses *uses,
                 const struct sample_rows *samples)
{
    struct error err = {0};
    int result = look_at_all(watch, at, uses, samples, &err);
    bool failed_before = watch->failure[0] != '\0';
    if (result == -ERR_BUSY) {
        return; /* another program writes; the next cycle tries again */
    }
    snprintf(watch->failure, sizeof(watch->failure), "%s", result < 0 ? err.message : "");
    if (result < 0 && !failed_before) {
        log_error("limits are not watched: %s (%s)", err.message, db_detail(watch->run->db));
    } else if (result == 0 && failed_before) {
        log_info("limits are watched again");
    }
}

struct health_finding watch_check(const struct watch *watch)
{
    if (watch->failure[0]) {
        return health_problem(HEALTH_DEGRADED, "Look at the log of dialup-monitord.",
                              "Limits are not watched: %s.", watch->failure);
    }
    size_t count = violation_book_count(watch->book);
    return health_ok("%zu %s", count, count == 1 ? "violation goes on" : "violations go on");
}
