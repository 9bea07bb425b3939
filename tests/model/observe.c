/*
 * See the header. SQL of its own, on a connection of its own.
 */
#include "tests/model/observe.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "tests/model/world.h"

static sqlite3 *handle;

enum {
    ROWS,
    LEDGER,
    SUMS,
    LIMITS,
    MEMBERS,
    SHARES,
    TEAMS,
    NEXT_SITE,
    NEXT_DEPLOYMENT,
    STATEMENT_COUNT
};

static const char *const sql[STATEMENT_COUNT] = {
    [ROWS] = "SELECT id, desired, sleep, ifnull(live_deployment, 0), "
             "ifnull(desired_deployment, 0), type, memory_mib, cpu_millicores, instances, state "
             "FROM sites WHERE deleted_at IS NULL",
    [LEDGER] = "SELECT site_id, entity_kind, entity_id, purpose, dimension, amount, state, "
               "ifnull(deployment_id, 0) FROM reservations",
    [SUMS] = "SELECT dimension, amount, (SELECT ifnull(sum(amount), 0) FROM reservations r "
             "WHERE r.dimension = s.dimension) FROM reservation_sums s",
    [LIMITS] = "SELECT entity_kind, entity_id, dimension, ifnull(hard, -1), percent, "
               "burst_percent FROM limits",
    [MEMBERS] = "SELECT team_id, user_id, role FROM team_members",
    [SHARES] = "SELECT team_id, user_id, dimension, amount FROM team_shares",
    [TEAMS] = "SELECT id FROM teams WHERE deleted_at IS NULL",
    [NEXT_SITE] = "SELECT ifnull(max(id), 0) + 1 FROM sites",
    [NEXT_DEPLOYMENT] = "SELECT ifnull(max(id), 0) + 1 FROM deployments",
};

static sqlite3_stmt *statements[STATEMENT_COUNT];

void observe_open(void)
{
    ASSERT(sqlite3_open_v2(world.db_path, &handle, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        ASSERT(sqlite3_prepare_v2(handle, sql[i], -1, &statements[i], NULL) == SQLITE_OK);
    }
}

void observe_close(void)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(statements[i]);
    }
    sqlite3_close(handle);
    handle = NULL;
}

static bool step(size_t statement)
{
    int code = sqlite3_step(statements[statement]);
    ASSERT(code == SQLITE_ROW || code == SQLITE_DONE);
    if (code == SQLITE_DONE) {
        sqlite3_reset(statements[statement]);
    }
    return code == SQLITE_ROW;
}

static int64_t number(size_t statement, int column)
{
    return sqlite3_column_int64(statements[statement], column);
}

static const char *word(size_t statement, int column)
{
    return (const char *)sqlite3_column_text(statements[statement], column);
}

static bool is_word(size_t statement, int column, const char *expected)
{
    return strcmp(word(statement, column), expected) == 0;
}

static const char *complain(const char *format, ...)
{
    static char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_reset(statements[i]);
    }
    return text;
}

static int64_t read_one(size_t statement)
{
    ASSERT(step(statement));
    int64_t value = number(statement, 0);
    sqlite3_reset(statements[statement]);
    return value;
}

int64_t observe_next_site(void)
{
    return read_one(NEXT_SITE);
}

int64_t observe_next_deployment(void)
{
    return read_one(NEXT_DEPLOYMENT);
}

/* The names stand in the database: they are part of the contract. */
static enum quota_dimension dimension_of(const char *name)
{
    static const char *const names[QUOTA_DIMENSION_COUNT] = {
#define DIMENSION(code, text, label, kind, unit, whole, levels, noun, hint) [QUOTA_##code] = text,
#include "libdialup/quota/dimensions.def"
#undef DIMENSION
    };
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum quota_dimension)i;
        }
    }
    log_panic("no dimension %s", name);
}

/* What the ledger says --------------------------------------------------------------------- */

struct ledger {
    struct reference_amounts held[REFERENCE_SITES][PURPOSE_COUNT];
};

static const char *read_ledger(struct reference *reference, struct ledger *ledger)
{
    static const char *const purposes[PURPOSE_COUNT] = {"site", "run", "storage"};
    memset(ledger, 0, sizeof(*ledger));
    while (step(LEDGER)) {
        const struct reference_site *site = reference_find(reference, number(LEDGER, 0));
        size_t purpose = 0;
        while (purpose < PURPOSE_COUNT && !is_word(LEDGER, 3, purposes[purpose])) {
            purpose++;
        }
        if (!site || purpose == PURPOSE_COUNT || number(LEDGER, 7) != 0) {
            return complain("the ledger holds %lld %s (%s) for site %lld, which is not there",
                            (long long)number(LEDGER, 5), word(LEDGER, 4), word(LEDGER, 3),
                            (long long)number(LEDGER, 0));
        }
        if (is_word(LEDGER, 1, "team") != site->is_team || number(LEDGER, 2) != site->owner) {
            return complain("the ledger says that site %lld is of %s %lld", (long long)site->id,
                            word(LEDGER, 1), (long long)number(LEDGER, 2));
        }
        ledger->held[site - reference->sites][purpose].of[dimension_of(word(LEDGER, 4))] +=
            number(LEDGER, 5);
    }
    for (size_t i = 0; i < REFERENCE_SITES; i++) {
        for (size_t j = 0; j < PURPOSE_COUNT; j++) {
            reference_add_up(&ledger->held[i][j]);
        }
    }
    return NULL;
}

static const char *check_sums(void)
{
    while (step(SUMS)) {
        if (number(SUMS, 1) != number(SUMS, 2)) {
            return complain("reservation_sums has %lld %s, the reservations have %lld",
                            (long long)number(SUMS, 1), word(SUMS, 0), (long long)number(SUMS, 2));
        }
    }
    return NULL;
}

/* What deployd did by itself ----------------------------------------------------------------- */

/* A site's row, as it is now. */
struct row {
    enum reference_desired desired;
    enum reference_depth depth;
    int64_t live;
    int64_t wanted;
    struct reference_needs has;
    int64_t instances;
};

static struct row read_row(void)
{
    struct row row = {
        .desired = is_word(ROWS, 1, "running")   ? WANT_RUNNING
                   : is_word(ROWS, 1, "stopped") ? WANT_STOPPED
                                                 : WANT_DELETED,
        .depth = is_word(ROWS, 2, "awake")    ? DEPTH_AWAKE
                 : is_word(ROWS, 2, "frozen") ? DEPTH_FROZEN
                                              : DEPTH_ASLEEP,
        .live = number(ROWS, 3),
        .wanted = number(ROWS, 4),
        .has = {.memory = number(ROWS, 6), .cpu = number(ROWS, 7)},
        .instances = number(ROWS, 8),
    };
    snprintf(row.has.type, sizeof(row.has.type), "%s", word(ROWS, 5));
    return row;
}

static bool same_needs(const struct reference_needs *a, const struct reference_needs *b)
{
    return strcmp(a->type, b->type) == 0 && a->memory == b->memory && a->cpu == b->cpu;
}

static bool same_amounts(const struct reference_amounts *a, const struct reference_amounts *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* A release may become live, or be given up; nothing else may change by itself. */
static const char *check_row(const struct reference *reference, const struct reference_site *site,
                             const struct row *row)
{
    bool has_become_live = row->live != site->live;
    bool was_given_up = row->wanted != site->wanted;
    if (has_become_live && row->live != site->wanted) {
        return complain("site %lld: deployment %lld is live, nobody wanted it", (long long)site->id,
                        (long long)row->live);
    }
    if (was_given_up && row->wanted != row->live) {
        return complain("site %lld: deployment %lld is wanted, nobody asked for it",
                        (long long)site->id, (long long)row->wanted);
    }
    if (row->desired != site->desired && !(was_given_up && row->desired == WANT_STOPPED)) {
        return complain("site %lld: its desired state changed by itself", (long long)site->id);
    }
    const struct reference_needs *expected =
        has_become_live ? &reference->releases[row->live] : &site->has;
    if (!same_needs(&row->has, expected)) {
        return complain("site %lld: its row says %s %lld MiB %lld, not %s %lld MiB %lld",
                        (long long)site->id, row->has.type, (long long)row->has.memory,
                        (long long)row->has.cpu, expected->type, (long long)expected->memory,
                        (long long)expected->cpu);
    }
    if (row->instances != site->instances) {
        return complain("site %lld: it has %lld instances, not %lld", (long long)site->id,
                        (long long)row->instances, (long long)site->instances);
    }
    return NULL;
}

static bool is_up(const struct row *row)
{
    return row->desired == WANT_RUNNING && row->wanted &&
           (row->wanted != row->live || row->depth != DEPTH_ASLEEP);
}

/* Whether the ledger may hold this for it to run. */
static bool may_hold_run(const struct reference_site *site, const struct row *row,
                         const struct reference_amounts *held)
{
    const struct reference_amounts own = reference_run(&row->has, row->instances);
    const struct reference_amounts none = {0};
    bool has_moved = row->live != site->live || row->wanted != site->wanted;
    if (row->desired == WANT_DELETED) {
        return same_amounts(held, &none);
    }
    if (!is_up(row) && same_amounts(held, &none)) {
        return true;
    }
    return same_amounts(held, has_moved && row->wanted == row->live ? &own : &site->held[OF_RUN]);
}

static bool may_hold_site(const struct reference_site *site, const struct row *row,
                          const struct reference_amounts *held)
{
    struct reference_amounts expected = site->held[OF_SITE];
    bool has_moved = row->live != site->live || row->wanted != site->wanted;
    if (same_amounts(held, &expected)) {
        return !has_moved || row->wanted || held->of[QUOTA_CONTAINERS] == 0;
    }
    expected.of[QUOTA_CONTAINERS] = row->live ? reference_containers(&row->has, row->instances) : 0;
    return (has_moved || row->desired == WANT_STOPPED) && row->desired != WANT_DELETED &&
           same_amounts(held, &expected);
}

static const char *describe_held(const struct reference_site *site, const char *purpose,
                                 const struct reference_amounts *held,
                                 const struct reference_amounts *expected)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (held->of[i] != expected->of[i]) {
            return complain("site %lld (%s): the ledger holds %lld of dimension %d, not %lld",
                            (long long)site->id, purpose, (long long)held->of[i], i,
                            (long long)expected->of[i]);
        }
    }
    return complain("site %lld (%s): what the ledger holds is for what it no longer wants",
                    (long long)site->id, purpose);
}

static const char *check_held(const struct reference_site *site, const struct row *row,
                              const struct reference_amounts held[PURPOSE_COUNT])
{
    if (!may_hold_run(site, row, &held[OF_RUN])) {
        return describe_held(site, "run", &held[OF_RUN], &site->held[OF_RUN]);
    }
    if (!may_hold_site(site, row, &held[OF_SITE])) {
        return describe_held(site, "site", &held[OF_SITE], &site->held[OF_SITE]);
    }
    if (!same_amounts(&held[OF_STORAGE], &site->held[OF_STORAGE])) {
        return describe_held(site, "storage", &held[OF_STORAGE], &site->held[OF_STORAGE]);
    }
    return NULL;
}

static void take_over(struct reference_site *site, const struct row *row,
                      const struct reference_amounts held[PURPOSE_COUNT])
{
    site->desired = row->desired;
    site->depth = row->depth;
    site->live = row->live;
    site->wanted = row->wanted;
    site->has = row->has;
    memcpy(site->held, held, sizeof(site->held));
}

const char *observe_sites(struct reference *reference)
{
    static struct ledger ledger;
    bool is_seen[REFERENCE_SITES] = {false};
    const char *wrong = read_ledger(reference, &ledger);
    if (!wrong) {
        wrong = check_sums();
    }
    while (!wrong && step(ROWS)) {
        struct reference_site *site = reference_find(reference, number(ROWS, 0));
        if (!site) {
            return complain("site %lld is there, nobody made it", (long long)number(ROWS, 0));
        }
        size_t index = (size_t)(site - reference->sites);
        const struct row row = read_row();
        is_seen[index] = true;
        wrong = check_row(reference, site, &row);
        if (!wrong) {
            wrong = check_held(site, &row, ledger.held[index]);
        }
        if (!wrong) {
            take_over(site, &row, ledger.held[index]);
        }
    }
    for (size_t i = 0; !wrong && i < REFERENCE_SITES; i++) {
        struct reference_site *site = &reference->sites[i];
        if (site->id && !is_seen[i]) {
            if (site->desired != WANT_DELETED) {
                return complain("site %lld is gone", (long long)site->id);
            }
            *site = (struct reference_site){0};
        }
    }
    return wrong;
}

/* People ------------------------------------------------------------------------------------- */

static const struct reference_limit *find_limit(const struct reference *reference)
{
    enum quota_dimension dimension = dimension_of(word(LIMITS, 2));
    int64_t id = number(LIMITS, 1);
    return is_word(LIMITS, 0, "system") ? &reference->system[dimension]
           : is_word(LIMITS, 0, "team") ? &reference->teams[id].limits[dimension]
                                        : &reference->users[id][dimension];
}

static int64_t count_limits(const struct reference *reference)
{
    int64_t count = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        count += reference->system[i].is_set;
        for (int j = 0; j < REFERENCE_USERS; j++) {
            count += reference->users[j][i].is_set;
        }
        for (int j = 0; j < REFERENCE_TEAMS; j++) {
            count += reference->teams[j].limits[i].is_set;
        }
    }
    return count;
}

static const char *check_limits(const struct reference *reference)
{
    int64_t count = 0;
    for (; step(LIMITS); count++) {
        const struct reference_limit *limit = find_limit(reference);
        if (!limit->is_set || limit->hard != number(LIMITS, 3) ||
            limit->percent != number(LIMITS, 4) || limit->burst != number(LIMITS, 5)) {
            return complain("the limit of %s %lld in %s is another one", word(LIMITS, 0),
                            (long long)number(LIMITS, 1), word(LIMITS, 2));
        }
    }
    return count == count_limits(reference) ? NULL : complain("a limit is gone");
}

static const char *check_members(const struct reference *reference)
{
    int64_t count = 0;
    int64_t expected = 0;
    for (; step(MEMBERS); count++) {
        const struct reference_team *team = &reference->teams[number(MEMBERS, 0)];
        int64_t user = number(MEMBERS, 1);
        if (!team->is_member[user] || team->is_lead[user] != is_word(MEMBERS, 2, "lead")) {
            return complain("user %lld is in team %lld otherwise", (long long)user,
                            (long long)number(MEMBERS, 0));
        }
    }
    for (int i = 0; i < REFERENCE_TEAMS; i++) {
        for (int j = 0; j < REFERENCE_USERS; j++) {
            expected += reference->teams[i].is_member[j];
        }
    }
    return count == expected ? NULL : complain("a member is gone");
}

static const char *check_shares(const struct reference *reference)
{
    int64_t count = 0;
    int64_t expected = 0;
    for (; step(SHARES); count++) {
        const struct reference_team *team = &reference->teams[number(SHARES, 0)];
        int64_t has = team->shares[number(SHARES, 1)][dimension_of(word(SHARES, 2))];
        if (has != number(SHARES, 3)) {
            return complain("user %lld brings %lld %s into team %lld, not %lld",
                            (long long)number(SHARES, 1), (long long)number(SHARES, 3),
                            word(SHARES, 2), (long long)number(SHARES, 0), (long long)has);
        }
    }
    for (int i = 0; i < REFERENCE_TEAMS; i++) {
        for (int j = 0; j < REFERENCE_USERS; j++) {
            for (int k = 0; k < QUOTA_DIMENSION_COUNT; k++) {
                expected += reference->teams[i].shares[j][k] > 0;
            }
        }
    }
    return count == expected ? NULL : complain("a share is gone");
}

static const char *check_teams(const struct reference *reference)
{
    int64_t count = 0;
    int64_t expected = 0;
    for (; step(TEAMS); count++) {
        if (!reference->teams[number(TEAMS, 0)].is_there) {
            return complain("team %lld is there", (long long)number(TEAMS, 0));
        }
    }
    for (int i = 0; i < REFERENCE_TEAMS; i++) {
        expected += reference->teams[i].is_there;
    }
    return count == expected ? NULL : complain("a team is gone");
}

const char *observe_people(const struct reference *reference)
{
    const char *wrong = check_limits(reference);
    wrong = wrong ? wrong : check_teams(reference);
    wrong = wrong ? wrong : check_members(reference);
    return wrong ? wrong : check_shares(reference);
}

/* At rest ------------------------------------------------------------------------------------ */

/* What the engine has of one site. */
struct engine_site {
    int64_t containers;
    int64_t running;
    int64_t going;
    int64_t memory;
    int64_t cpu;
    bool is_other_release;
};

static struct engine_site count_engine(const struct reference_site *site)
{
    struct engine_site has = {0};
    for (size_t i = 0; i < WORLD_CONTAINERS; i++) {
        const struct world_container *container = &world.containers[i];
        if (!*container->id || container->site_id != site->id) {
            continue;
        }
        has.containers++;
        has.running += container->is_running;
        has.going += container->is_running && !container->is_frozen;
        has.memory += container->is_running ? container->memory_mib : 0;
        has.cpu += container->is_running ? container->cpu_millicores : 0;
        has.is_other_release |= container->deployment_id != site->wanted;
    }
    return has;
}

static const char *check_engine(const struct reference_site *site)
{
    const struct engine_site has = count_engine(site);
    const struct reference_amounts *run = &site->held[OF_RUN];
    bool is_served = site->desired == WANT_RUNNING && site->live && site->live == site->wanted &&
                     site->has.memory > 0;
    int64_t wanted = !is_served || site->depth == DEPTH_ASLEEP ? 0
                     : site->depth == DEPTH_FROZEN             ? 1
                                                               : site->instances;
    if (has.running != wanted) {
        return complain("site %lld: %lld containers run, %lld should", (long long)site->id,
                        (long long)has.running, (long long)wanted);
    }
    if (has.going != (site->depth == DEPTH_AWAKE ? wanted : 0)) {
        return complain("site %lld: %lld containers are not frozen", (long long)site->id,
                        (long long)has.going);
    }
    if (has.memory > run->of[QUOTA_MEMORY] || has.cpu > run->of[QUOTA_CPU]) {
        return complain("site %lld: it runs with %lld MiB and %lld, and has reserved %lld and %lld",
                        (long long)site->id, (long long)has.memory, (long long)has.cpu,
                        (long long)run->of[QUOTA_MEMORY], (long long)run->of[QUOTA_CPU]);
    }
    if (has.containers > site->held[OF_SITE].of[QUOTA_CONTAINERS]) {
        return complain("site %lld: %lld containers exist, the ledger knows of %lld",
                        (long long)site->id, (long long)has.containers,
                        (long long)site->held[OF_SITE].of[QUOTA_CONTAINERS]);
    }
    return has.is_other_release
               ? complain("site %lld: a container of another release is left", (long long)site->id)
               : NULL;
}

/* By now everything that was on its way has arrived: exactly what the row says. */
static const char *check_rest(const struct reference_site *site)
{
    const struct row row = {
        .desired = site->desired, .depth = site->depth, .live = site->live, .wanted = site->wanted};
    struct reference_amounts run = {0};
    if (site->desired == WANT_DELETED) {
        return complain("site %lld: it is still being deleted", (long long)site->id);
    }
    if (site->wanted != site->live) {
        return complain("site %lld: deployment %lld never came to an end", (long long)site->id,
                        (long long)site->wanted);
    }
    if (is_up(&row)) {
        run = reference_run(&site->has, site->instances);
    }
    if (!same_amounts(&run, &site->held[OF_RUN])) {
        return describe_held(site, "run, at rest", &site->held[OF_RUN], &run);
    }
    int64_t containers = site->live ? reference_containers(&site->has, site->instances) : 0;
    if (site->held[OF_SITE].of[QUOTA_CONTAINERS] != containers) {
        return complain("site %lld: the ledger knows of %lld containers at rest, not %lld",
                        (long long)site->id, (long long)site->held[OF_SITE].of[QUOTA_CONTAINERS],
                        (long long)containers);
    }
    return check_engine(site);
}

static const char *check_strangers(struct reference *reference)
{
    for (size_t i = 0; i < WORLD_CONTAINERS; i++) {
        const struct world_container *container = &world.containers[i];
        if (*container->id && !reference_find(reference, container->site_id)) {
            return complain("a container of site %lld is left, which is gone",
                            (long long)container->site_id);
        }
    }
    return NULL;
}

const char *observe_rest(struct reference *reference)
{
    const char *wrong = observe_people(reference);
    for (size_t i = 0; !wrong && i < REFERENCE_SITES; i++) {
        if (reference->sites[i].id) {
            wrong = check_rest(&reference->sites[i]);
        }
    }
    return wrong ? wrong : check_strangers(reference);
}
