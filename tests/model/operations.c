/*
 * See the header: drawn, printed, and carried out one by one.
 */
#include "tests/model/operations.h"

#include <inttypes.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "tests/model/dying_disk.h"
#include "tests/model/observe.h"
#include "tests/model/world.h"

/* Answers ------------------------------------------------------------------------------------ */

static const char *complain(const char *text, const struct outcome *outcome)
{
    static char line[640];
    snprintf(line, sizeof(line), "%s: answered %d, expected %d%s%s", text, outcome->answer,
             outcome->expected, outcome->answer < 0 ? ": " : "",
             outcome->answer < 0 ? outcome->err.message : "");
    return line;
}

static void count(struct tally *tally, const struct outcome *outcome)
{
    if (outcome->expected == -ERR_QUOTA_EXCEEDED) {
        tally->refused++;
        for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
            tally->refused_by[i] += outcome->refused[i] > 0;
        }
    } else if (outcome->expected < 0) {
        tally->conflicts++;
    } else {
        tally->admitted += outcome->is_admission;
    }
}

static const char *check_answer(const struct outcome *outcome)
{
    if (outcome->answer != outcome->expected) {
        return complain(outcome->answer == 0                     ? "it was admitted"
                        : outcome->answer == -ERR_QUOTA_EXCEEDED ? "it was refused"
                                                                 : "it was answered otherwise",
                        outcome);
    }
    if (outcome->expected == -ERR_QUOTA_EXCEEDED && outcome->is_admission &&
        memcmp(outcome->refused, world.refused, sizeof(world.refused)) != 0) {
        return complain("it was refused for other reasons", outcome);
    }
    return NULL;
}

/* Crashes ------------------------------------------------------------------------------------ */

static void crash(struct course *course)
{
    observe_close();
    world_crash();
    observe_open();
    course->tally.crashes++;
}

static const char *observe_as(struct course *course, const struct reference *assumed)
{
    struct reference *before = xmalloc(sizeof(*before));
    *before = course->reference;
    course->reference = *assumed;
    const char *wrong = observe_people(&course->reference);
    wrong = wrong ? wrong : observe_sites(&course->reference);
    if (wrong) {
        course->reference = *before;
    }
    free(before);
    return wrong;
}

/* It has happened, or it has not; what was confirmed has. */
static const char *check_torn(struct course *course, const struct reference *before,
                              const struct outcome *outcome)
{
    bool was_confirmed = !outcome->is_skipped && !outcome->is_silent && outcome->answer == 0;
    const struct reference after = course->reference;
    const char *wrong = observe_as(course, &after);
    if (wrong && was_confirmed) {
        static char line[640];
        snprintf(line, sizeof(line), "it was confirmed, and is lost: %s", wrong);
        return line;
    }
    return wrong ? observe_as(course, before) : NULL;
}

/* Accidents ---------------------------------------------------------------------------------- */

static const char *die(struct course *course, const struct operation *operation)
{
    const struct reference_site *site = &course->reference.sites[operation->a % REFERENCE_SITES];
    if (site->id) {
        world_die(site->id, operation->b % 2);
    }
    return NULL;
}

static const char *fault(struct course *course, const struct operation *operation)
{
    world.faults = (int)(operation->b % 4) + 1;
    return NULL;
}

static const char *crash_now(struct course *course, const struct operation *operation)
{
    crash(course);
    return NULL;
}

static const char *crash_within(struct course *course, const struct operation *operation)
{
    course->armed = (int)(operation->b % 24);
    return NULL;
}

const char *operation_rest(struct course *course, const struct operation *operation)
{
    course->tally.rests++;
    if (!world_settle()) {
        return "it never comes to rest";
    }
    const char *wrong = observe_sites(&course->reference);
    return wrong ? wrong : observe_rest(&course->reference);
}

/* A request is held against the reference; an accident happens to the world. */
static const struct {
    const char *name;
    int weight;
    operation_fn *request;
    const char *(*accident)(struct course *course, const struct operation *operation);
} rows[] = {
    {"create", 10, operation_create, NULL},
    {"deploy", 16, operation_deploy, NULL},
    {"start", 7, operation_start, NULL},
    {"stop", 6, operation_stop, NULL},
    {"restart", 3, operation_restart, NULL},
    {"update", 10, operation_update, NULL},
    {"delete", 4, operation_delete, NULL},
    {"sleep", 12, operation_sleep, NULL},
    {"wake", 10, operation_wake, NULL},
    {"scale", 6, operation_scale, NULL},
    {"measure", 3, operation_measure, NULL},
    {"limit", 14, operation_limit, NULL},
    {"profile", 3, operation_profile, NULL},
    {"team-create", 2, operation_team_create, NULL},
    {"team-delete", 1, operation_team_delete, NULL},
    {"team-join", 3, operation_team_join, NULL},
    {"team-leave", 2, operation_team_leave, NULL},
    {"team-role", 1, operation_team_role, NULL},
    {"team-move", 8, operation_team_move, NULL},
    {"die", 3, NULL, die},
    {"fault", 3, NULL, fault},
    {"crash", 2, NULL, crash_now},
    {"crash-within", 3, NULL, crash_within},
    {"rest", 2, NULL, operation_rest},
};

/* Drawn, printed ----------------------------------------------------------------------------- */

static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717U;
}

struct operation operation_draw(uint64_t *state)
{
    int sum = 0;
    struct operation operation = {.a = (uint32_t)(next(state) >> 32),
                                  .b = (uint32_t)(next(state) >> 32),
                                  .c = (uint32_t)(next(state) >> 32),
                                  .seed = next(state) | 1};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        sum += rows[i].weight;
    }
    int drawn = (int)((next(state) >> 32) % (uint64_t)sum);
    while (drawn >= rows[operation.kind].weight) {
        drawn -= rows[operation.kind++].weight;
    }
    return operation;
}

void operation_print(FILE *out, const struct operation *operation)
{
    fprintf(out, "%s %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 "\n", rows[operation->kind].name,
            operation->a, operation->b, operation->c, operation->seed);
}

bool operation_parse(const char *line, struct operation *ret_operation)
{
    char name[32];
    if (sscanf(line, "%31s %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu64, name, &ret_operation->a,
               &ret_operation->b, &ret_operation->c, &ret_operation->seed) != 5) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            ret_operation->kind = (uint8_t)i;
            return true;
        }
    }
    return false;
}

/* One operation ------------------------------------------------------------------------------ */

static const char *request(struct course *course, const struct operation *operation)
{
    static struct reference before;
    struct outcome outcome = {0};
    bool is_armed = course->armed >= 0;
    before = course->reference;
    if (is_armed) {
        dying_disk_set_writes(course->armed);
        course->armed = -1;
    }
    rows[operation->kind].request(course, operation, &outcome);
    if (!is_armed) {
        if (outcome.is_skipped) {
            return NULL;
        }
        count(&course->tally, &outcome);
        return outcome.is_silent ? NULL : check_answer(&outcome);
    }
    /* Some of what deployd does by itself may be torn, too. */
    world_deliver(operation->c % 4 == 0 ? operation->c / 4 % 8 : 0);
    course->tally.torn += dying_disk_is_dead();
    crash(course);
    return check_torn(course, &before, &outcome);
}

const char *operation_run(struct course *course, const struct operation *operation)
{
    world.random = operation->seed;
    world.now_us += 1000000;
    course->tally.operations++;
    if (course->is_verbose) {
        operation_print(stderr, operation);
    }
    const char *wrong = rows[operation->kind].accident
                            ? rows[operation->kind].accident(course, operation)
                            : request(course, operation);
    if (wrong) {
        return wrong;
    }
    uint64_t share = operation->seed >> 40 & 7;
    world_deliver(share == 0 ? 0 : share < 4 ? operation->seed >> 43 & 15 : 4000);
    return observe_sites(&course->reference);
}
