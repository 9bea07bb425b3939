/*
 * See the header: what a site should be, from its rows. Reads the database and nothing else.
 */
#include "dialup-deployd/converge/site_work.h"

#include "dialup-deployd/admission.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/memory.h"

enum { SMALLEST_MEMORY_MIB = 16, SMALLEST_MILLICORES = 10 };

/* How much of a dimension is there for what runs: the limit, with what is lent above it while the
 * machine is calm. QUOTA_UNLIMITED: no limit. */
static int64_t room_at(const struct admission_levels *levels, size_t at,
                       enum quota_dimension dimension)
{
    const struct quota_level *level = &levels->levels[at];
    const struct quota_level *system = &levels->levels[levels->count - 1];
    enum quota_dimension whole = quota_dimension_info(dimension)->whole;
    int64_t hard = quota_level_limit(level, dimension).hard;
    bool is_calm = system->used.of[whole] * 100 <=
                   quota_machine_has(&system->machine, whole) * QUOTA_CALM_PERCENT;
    return is_calm && level != system ? quota_limit_with_burst(&level->limits[dimension], hard)
                                      : hard;
}

/*
 * The limit a container gets: what its release declares, or, where a limit of its owner or of the
 * server is below what all running sites declare together, the same part of each. So a limit that
 * an admin lowers is enforced by the kernel, and one that is raised gives the sites their own
 * again.
 */
static int64_t scale(const struct admission_levels *levels, enum quota_dimension part,
                     int64_t declared, int64_t smallest)
{
    const enum quota_dimension binding[] = {part, quota_dimension_info(part)->whole};
    int64_t least = declared;
    for (size_t i = 0; i < levels->count * ARRAY_COUNT(binding); i++) {
        size_t at = i / ARRAY_COUNT(binding);
        enum quota_dimension dimension = binding[i % ARRAY_COUNT(binding)];
        int64_t room = room_at(levels, at, dimension);
        int64_t used = levels->levels[at].used.of[dimension];
        bool binds = room != QUOTA_UNLIMITED && used > room && used > 0;
        int64_t scaled = binds ? declared * room / used : declared;
        least = scaled < least ? scaled : least;
    }
    return least > smallest || least == declared ? least : smallest;
}

static int read_effective_limits(struct site_work *work, struct error *err)
{
    const struct site *site = &work->site;
    const struct admission admission =
        admission_for(work->deployd, site->owner_kind, site->owner_id);
    struct admission_levels levels;
    int result = admission_read_levels(&admission, work->arena, &levels, err);
    /* The last site of a team that was deleted keeps what it declares until it is gone. */
    if (result == -ERR_NOT_FOUND) {
        levels.count = 0;
        result = 0;
    }
    bool is_next = site_work_is_new_release(work) && work->serve != PLAN_NO_RELEASE;
    const struct deployment_needs *next = &work->wanted.needs;
    work->effective_memory_mib =
        scale(&levels, QUOTA_MEMORY_PRODUCTION, is_next ? next->memory_mib : site->memory_mib,
              SMALLEST_MEMORY_MIB);
    work->effective_cpu_millicores =
        scale(&levels, QUOTA_CPU_PRODUCTION, is_next ? next->cpu_millicores : site->cpu_millicores,
              SMALLEST_MILLICORES);
    return result;
}

static int read_wanted(struct site_work *work, struct error *err)
{
    struct db *db = work->deployd->run->db;
    work->serve = PLAN_NO_RELEASE;
    if (!work->site.desired_deployment) {
        return 0;
    }
    int result =
        deployments_find(db, work->arena, work->site.desired_deployment, &work->wanted, err);
    if (result == 0) {
        result = release_read(work->arena, &work->wanted, &work->release, err);
    }
    if (result == 0) {
        work->serve = str_equal(work->release.serve, "files") ? PLAN_FILES : PLAN_CONTAINER;
    }
    return result;
}

int site_work_read(struct site_work *work, struct error *err)
{
    arena_reset(work->arena);
    work->observed = (struct plan_observed){0}; /* it stood in the arena */
    int result = sites_find(work->deployd->run->db, work->arena, work->site_id, &work->site, err);
    if (result == 0) {
        result = read_wanted(work, err);
    }
    return result < 0 ? result : read_effective_limits(work, err);
}

bool site_work_is_new_release(const struct site_work *work)
{
    return work->site.live_deployment != work->site.desired_deployment;
}

bool site_work_is_held(const struct site_work *work)
{
    return work->site.hold != SITE_FREE && work->site.desired == SITE_WANT_RUNNING &&
           work->serve == PLAN_CONTAINER && !site_work_is_new_release(work);
}

const char *site_work_page(const struct site_work *work)
{
    if (site_work_is_held(work)) {
        return work->site.hold == SITE_HELD_BY_RUNTIME ? "spent" : "crowded";
    }
    bool has_failed = work->site.desired == SITE_WANT_RUNNING && work->failure.code;
    return has_failed ? "failed" : "stopped";
}

static enum plan_desired desired_of(const struct site_work *work)
{
    bool stands = work->site.desired == SITE_WANT_RUNNING && !site_work_is_held(work);
    return work->site.desired == SITE_WANT_DELETED ? PLAN_DELETED
           : stands                                ? PLAN_RUNNING
                                                   : PLAN_STOPPED;
}

struct plan_site site_work_describe(const struct site_work *work)
{
    static const enum plan_depth depths[] = {
        [SITE_AWAKE] = PLAN_AWAKE, [SITE_FROZEN] = PLAN_FROZEN, [SITE_ASLEEP] = PLAN_ASLEEP};
    const struct site *site = &work->site;
    bool is_new = site_work_is_new_release(work);
    int attempts = is_new ? SITE_WORK_NEW_ATTEMPTS : SITE_WORK_LIVE_ATTEMPTS;
    return (struct plan_site){
        .desired = desired_of(work),
        .serve = work->serve,
        .wanted_deployment = site->desired_deployment,
        .live_deployment = site->live_deployment,
        .generation = site->restart_generation,
        .memory_mib = work->effective_memory_mib,
        .cpu_millicores = work->effective_cpu_millicores,
        .attempts_left = attempts - work->failures,
        .depth = is_new || work->is_woken ? PLAN_AWAKE : depths[site->sleep],
        .instances = (int)site->instances,
        .may_overlap = work->overlap_mib > 0,
    };
}

void action_end(struct site_work *work, const struct error *err)
{
    work->on_end(work, err);
}
