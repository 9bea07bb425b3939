/*
 * What is done to limits and teams, as admind does it: each asks the reference first, then the
 * product.
 */
#include <stdio.h>
#include <string.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/memory.h"
#include "libdialup/quota/profiles.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/teams.h"
#include "tests/model/operations.h"
#include "tests/model/world.h"

enum { NOW = 2000 };

static const struct quota_machine *machine(void)
{
    static struct quota_machine has;
    has = (struct quota_machine){world_machine.memory_mib, world_machine.cpu_millicores,
                                 world_machine.storage_mib};
    return &has;
}

static void skip(struct outcome *outcome)
{
    outcome->is_skipped = true;
}

/* Limits --------------------------------------------------------------------------------------- */

/* Dimensions that the model's sites use, and amounts that hurt now and then. */
static const struct {
    enum quota_dimension dimension;
    int64_t unit;
    int64_t most;
} limited[] = {
    {QUOTA_SITES, 1, 6},
    {QUOTA_CONTAINERS, 1, 7},
    {QUOTA_CONCURRENT_CONTAINERS, 1, 6},
    {QUOTA_MEMORY_PRODUCTION, 64, 20},
    {QUOTA_MEMORY, 64, 24},
    {QUOTA_CPU_PRODUCTION, 50, 30},
    {QUOTA_CPU, 50, 40},
    {QUOTA_STORAGE_PRODUCTION, 4, 20},
    {QUOTA_STORAGE, 4, 24},
    {QUOTA_APPLICATIONS, 1, 4},
};

static struct reference_limit draw_limit(const struct operation *operation, size_t index,
                                         bool is_system)
{
    bool is_part = reference_whole(limited[index].dimension) != limited[index].dimension ||
                   limited[index].dimension == QUOTA_MEMORY ||
                   limited[index].dimension == QUOTA_CPU ||
                   limited[index].dimension == QUOTA_STORAGE;
    struct reference_limit limit = {.is_set = true, .hard = -1};
    uint32_t kind = operation->b % 8;
    int64_t amount = limited[index].unit * (int64_t)(operation->c % (limited[index].most + 1));
    if (kind != 0) {
        limit.hard = is_system ? amount * 4 : amount;
    }
    if (is_part && (kind <= 2)) {
        limit.hard = kind == 1 ? -1 : limit.hard;
        limit.percent = operation->c / 64 % (is_system ? 100 : 40) + 1;
    }
    if (kind >= 6) {
        limit.burst = operation->c / 64 % 101;
    }
    limit.is_set = limit.hard >= 0 || limit.percent > 0;
    return limit.is_set ? limit : (struct reference_limit){0};
}

static struct quota_limit as_product(const struct reference_limit *limit)
{
    return limit->is_set ? (struct quota_limit){.hard = limit->hard,
                                                .soft_percent = QUOTA_SOFT_PERCENT,
                                                .burst_percent = limit->burst,
                                                .percent = limit->percent}
                         : QUOTA_NO_LIMIT;
}

void operation_limit(struct course *course, const struct operation *operation,
                     struct outcome *outcome)
{
    struct reference *reference = &course->reference;
    uint32_t whose = operation->a % 10;
    bool is_system = whose == 0 && operation->b / 8 % 4 == 0;
    bool is_team = !is_system && whose <= 3 && reference->team_last > 0;
    int64_t id = is_system ? 0
                 : is_team ? operation->a / 10 % (uint32_t)reference->team_last + 1
                           : operation->a / 10 % WORLD_USERS + 1;
    size_t count = ARRAY_COUNT(limited) - (is_team ? 0 : 1); /* applications are a team's */
    size_t index = operation->b / 64 % count;
    enum quota_dimension dimension = limited[index].dimension;
    const struct reference_limit limit = draw_limit(operation, index, is_system);
    const struct quota_limit wanted = as_product(&limit);
    enum quota_entity entity = is_system ? QUOTA_SYSTEM : is_team ? QUOTA_TEAM : QUOTA_USER;
    *(is_system ? &reference->system[dimension]
      : is_team ? &reference->teams[id].limits[dimension]
                : &reference->users[id][dimension]) = limit;
    outcome->answer = limits_put(world.admind, entity, id, dimension, &wanted, NOW, &outcome->err);
    if (!is_system) {
        world_kick_owner(is_team, id);
    }
}

void operation_profile(struct course *course, const struct operation *operation,
                       struct outcome *outcome)
{
    static const char *const names[] = {"basic", "standard", "power", "editor_only"};
    const struct quota_profile *profile =
        quota_profile_find(names[operation->b % ARRAY_COUNT(names)]);
    int64_t id = operation->a % WORLD_USERS + 1;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_limit *limit = &profile->limits[i];
        struct reference_limit *row = &course->reference.users[id][i];
        *row = (struct reference_limit){.is_set = limit->hard >= 0 || limit->percent > 0,
                                        .hard = limit->hard,
                                        .percent = limit->percent,
                                        .burst = limit->burst_percent};
        *row = row->is_set ? *row : (struct reference_limit){0};
    }
    outcome->answer =
        limits_put_all(world.admind, QUOTA_USER, id, profile->limits, NOW, &outcome->err);
    world_kick_owner(false, id);
}

/* Teams ---------------------------------------------------------------------------------------- */

static int64_t choose_team(const struct course *course, uint32_t which, struct outcome *outcome)
{
    int64_t last = course->reference.team_last;
    if (last == 0) {
        skip(outcome);
        return 0;
    }
    return which % (uint32_t)last + 1;
}

static int count_leads(const struct reference_team *team)
{
    int count = 0;
    for (int i = 1; i < REFERENCE_USERS; i++) {
        count += team->is_lead[i];
    }
    return count;
}

void operation_team_create(struct course *course, const struct operation *operation,
                           struct outcome *outcome)
{
    struct reference *reference = &course->reference;
    int there = 0;
    for (int i = 0; i < REFERENCE_TEAMS; i++) {
        there += reference->teams[i].is_there;
    }
    if (there >= 4 || reference->team_last >= REFERENCE_TEAMS - 1) {
        skip(outcome);
        return;
    }
    char name[32];
    int64_t id;
    int64_t lead = operation->a % WORLD_USERS + 1;
    int64_t expected = ++reference->team_last;
    struct reference_team *team = &reference->teams[expected];
    snprintf(name, sizeof(name), "Team %llu", (unsigned long long)operation->seed);
    *team = (struct reference_team){.is_there = true};
    team->is_member[lead] = true;
    team->is_lead[lead] = true;
    outcome->answer = teams_create(world.admind, name, lead, NOW, &id, &outcome->err);
}

void operation_team_delete(struct course *course, const struct operation *operation,
                           struct outcome *outcome)
{
    int64_t id = choose_team(course, operation->a, outcome);
    struct reference_team *team = &course->reference.teams[id];
    if (id == 0 || operation->b % 3) {
        skip(outcome);
        return;
    }
    outcome->expected = team->is_there ? 0 : -ERR_NOT_FOUND;
    for (size_t i = 0; team->is_there && i < REFERENCE_SITES; i++) {
        const struct reference_site *site = &course->reference.sites[i];
        if (site->id && site->is_team && site->owner == id) {
            outcome->expected = -ERR_CONFLICT;
        }
    }
    if (outcome->expected == 0) {
        struct reference_team gone = {0};
        memcpy(gone.limits, team->limits, sizeof(gone.limits));
        *team = gone;
    }
    outcome->answer = teams_delete(world.admind, id, NOW, &outcome->err);
}

void operation_team_join(struct course *course, const struct operation *operation,
                         struct outcome *outcome)
{
    int64_t id = choose_team(course, operation->a, outcome);
    int64_t user = operation->b % WORLD_USERS + 1;
    bool is_lead = operation->c % 3 == 0;
    struct reference_team *team = &course->reference.teams[id];
    if (id == 0) {
        return;
    }
    outcome->expected = !team->is_there         ? -ERR_NOT_FOUND
                        : team->is_member[user] ? -ERR_ALREADY_EXISTS
                                                : 0;
    if (outcome->expected == 0) {
        team->is_member[user] = true;
        team->is_lead[user] = is_lead;
    }
    outcome->answer = team_members_add(
        world.admind, id, user, is_lead ? TEAM_ROLE_LEAD : TEAM_ROLE_MEMBER, NOW, &outcome->err);
}

static int64_t share_of(const struct reference_team *team, int64_t user,
                        enum quota_dimension dimension)
{
    int64_t sum = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (i == (int)dimension || reference_whole((enum quota_dimension)i) == dimension) {
            sum += team->shares[user][i];
        }
    }
    return sum;
}

/* The team would use more than it has without them. */
static bool is_needed(const struct course *course, int64_t id, int64_t user)
{
    const struct reference_amounts used = reference_used(&course->reference, true, id);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        int64_t limit = reference_limit(&course->reference, true, id, dimension);
        int64_t share = share_of(&course->reference.teams[id], user, dimension);
        if (limit >= 0 && share > 0 && used.of[i] > limit - share) {
            return true;
        }
    }
    return false;
}

void operation_team_leave(struct course *course, const struct operation *operation,
                          struct outcome *outcome)
{
    int64_t id = choose_team(course, operation->a, outcome);
    int64_t user = operation->b % WORLD_USERS + 1;
    struct reference_team *team = &course->reference.teams[id];
    if (id == 0) {
        return;
    }
    bool is_last_lead = team->is_lead[user] && count_leads(team) == 1;
    outcome->expected = !team->is_member[user]                        ? -ERR_NOT_FOUND
                        : is_last_lead || is_needed(course, id, user) ? -ERR_CONFLICT
                                                                      : 0;
    if (outcome->expected == 0) {
        team->is_member[user] = false;
        team->is_lead[user] = false;
        memset(team->shares[user], 0, sizeof(team->shares[user]));
    }
    outcome->answer = team_members_remove(world.admind, id, user, machine(), &outcome->err);
}

void operation_team_role(struct course *course, const struct operation *operation,
                         struct outcome *outcome)
{
    int64_t id = choose_team(course, operation->a, outcome);
    int64_t user = operation->b % WORLD_USERS + 1;
    bool is_lead = operation->c % 2;
    struct reference_team *team = &course->reference.teams[id];
    if (id == 0) {
        return;
    }
    bool is_last_lead = team->is_lead[user] && count_leads(team) == 1;
    outcome->expected = !team->is_member[user]     ? -ERR_NOT_FOUND
                        : is_last_lead && !is_lead ? -ERR_CONFLICT
                                                   : 0;
    if (outcome->expected == 0) {
        team->is_lead[user] = is_lead;
    }
    outcome->answer = team_members_set_role(
        world.admind, id, user, is_lead ? TEAM_ROLE_LEAD : TEAM_ROLE_MEMBER, &outcome->err);
}

/* Moves of shares ------------------------------------------------------------------------------ */

static struct quota_move draw_move(const struct course *course, int64_t team_id, uint32_t from,
                                   uint32_t to, uint32_t what)
{
    static const struct {
        enum quota_dimension dimension;
        int64_t unit;
    } rows[] = {{QUOTA_SITES, 1},
                {QUOTA_CONTAINERS, 1},
                {QUOTA_CONCURRENT_CONTAINERS, 1},
                {QUOTA_MEMORY_PRODUCTION, 64},
                {QUOTA_MEMORY_PRODUCTION, 128},
                {QUOTA_CPU_PRODUCTION, 100},
                {QUOTA_STORAGE_PRODUCTION, 8},
                {QUOTA_MEMORY, 64}}; /* a sum: never */
    const size_t row = what % 64 == 63 ? 7 : what % 7;
    return (struct quota_move){
        .from = from % 2 ? QUOTA_NOBODY : from / 2 % WORLD_USERS + 1,
        .to = to % 3 == 0 ? QUOTA_NOBODY : to / 3 % WORLD_USERS + 1,
        .dimension = rows[row].dimension,
        .amount = rows[row].unit * (int64_t)(what / 64 % 4 + (what % 32 != 31)),
    };
}

static int move_one(struct reference_team *team, const struct quota_move *move)
{
    if (!reference_is_shared(move->dimension) || move->amount <= 0 || move->from == move->to ||
        (move->from && !team->is_member[move->from]) || (move->to && !team->is_member[move->to])) {
        return -ERR_INVALID_ARGUMENT;
    }
    if (move->from && team->shares[move->from][move->dimension] < move->amount) {
        return -ERR_CONFLICT;
    }
    if (move->from) {
        team->shares[move->from][move->dimension] -= move->amount;
    }
    if (move->to) {
        team->shares[move->to][move->dimension] += move->amount;
    }
    return 0;
}

/* Whether somebody would have less than they use: the member who brings in more, or the team that
 * gets less than before. */
static bool is_too_much(const struct course *before, const struct reference *after, int64_t id,
                        const struct quota_move *move, enum quota_dimension dimension)
{
    const struct reference_amounts used = reference_used(after, true, id);
    int64_t limit = reference_limit(after, true, id, dimension);
    if (limit >= 0 && used.of[dimension] > limit &&
        limit < reference_limit(&before->reference, true, id, dimension)) {
        return true;
    }
    if (!move->to) {
        return false;
    }
    const struct reference_amounts own = reference_used(after, false, move->to);
    int64_t has = reference_limit_elsewhere(after, move->to, id, dimension);
    return has >= 0 && has - share_of(&after->teams[id], move->to, dimension) < own.of[dimension];
}

void operation_team_move(struct course *course, const struct operation *operation,
                         struct outcome *outcome)
{
    static struct reference after;
    AUTO_ARENA struct arena *arena = arena_new();
    int64_t id = choose_team(course, operation->a, outcome);
    size_t count = operation->a / 64 % 2 + 1;
    struct quota_move moves[2];
    if (id == 0) {
        return;
    }
    after = course->reference;
    outcome->expected = after.teams[id].is_there ? 0 : -ERR_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        uint32_t turn = (uint32_t)i * 7;
        moves[i] = draw_move(course, id, operation->b >> turn, operation->b >> (turn + 8),
                             operation->c >> turn);
        outcome->expected =
            outcome->expected == 0 ? move_one(&after.teams[id], &moves[i]) : outcome->expected;
    }
    for (size_t i = 0; outcome->expected == 0 && i < count; i++) {
        enum quota_dimension dimension = moves[i].dimension;
        if (is_too_much(course, &after, id, &moves[i], dimension) ||
            is_too_much(course, &after, id, &moves[i], reference_whole(dimension))) {
            outcome->expected = -ERR_CONFLICT;
        }
    }
    if (outcome->expected == 0) {
        course->reference = after;
    }
    outcome->answer = teams_redistribute(world.admind, arena, id, machine(), moves, count, NOW,
                                         NULL, &outcome->err);
}
