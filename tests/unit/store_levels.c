/*
 * Levels of many owners at once are those that each has by itself: 50 teams of ten, who are in more
 * than one.
 */
#include "libdialup/store/levels.h"

#include "libdialup/db/transaction.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/teams.h"
#include "tests/harness/check.h"
#include "tests/harness/random.h"
#include "tests/unit/store_fixture.h"

enum { TEAMS = 50, MEMBERS = 10, USERS = 400 };

static const struct quota_machine machine = {16384, 8000, 163840};

struct rig {
    struct store_fixture s;
    struct random random;
};

static void must(struct rig *rig, int result)
{
    if (result < 0) {
        log_panic("rig: %s", rig->s.f.err.message);
    }
}

static void add_limits(struct rig *rig, enum quota_entity entity, int64_t id)
{
    static const enum quota_dimension dimensions[] = {QUOTA_SITES, QUOTA_MEMORY_PRODUCTION,
                                                      QUOTA_CPU, QUOTA_STORAGE_PRODUCTION};
    for (size_t i = 0; i < ARRAY_COUNT(dimensions); i++) {
        struct quota_limit limit = QUOTA_NO_LIMIT;
        limit.hard = 10 + random_below(&rig->random, 1000);
        limit.burst_percent = random_below(&rig->random, 50);
        if (random_below(&rig->random, 3) > 0) {
            must(rig,
                 limits_put(rig->s.admind, entity, id, dimensions[i], &limit, 1, &rig->s.f.err));
        }
    }
}

static void add_use(struct rig *rig, enum quota_entity entity, int64_t id)
{
    AUTO_FREE char *domain =
        xasprintf("%s%lld.example.org", quota_entity_name(entity), (long long)id);
    const struct site site = {
        .owner_kind = entity, .owner_id = id, .domain = domain, .type = "node", .strategy = "lazy"};
    struct reservation_holder holder = {.entity = entity, .entity_id = id};
    struct quota_amounts amounts = {0};
    amounts.of[QUOTA_SITES] = 1;
    amounts.of[QUOTA_MEMORY_PRODUCTION] = random_below(&rig->random, 10);
    amounts.of[QUOTA_MEMORY_DEVELOPMENT] = random_below(&rig->random, 10);
    must(rig, sites_create(rig->s.deployd, &site, 1, &holder.site_id, &rig->s.f.err));
    must(rig, reservations_put(rig->s.deployd, &holder, &amounts, 1, &rig->s.f.err));
}

static void add_team(struct rig *rig, int64_t id)
{
    AUTO_FREE char *name = xasprintf("Team %lld", (long long)id);
    int64_t lead = 1 + (id * 7) % USERS;
    int64_t team = 0;
    must(rig, teams_create(rig->s.admind, name, lead, 1, &team, &rig->s.f.err));
    ASSERT(team == id);
    for (int64_t i = 1; i < MEMBERS; i++) {
        must(rig, team_members_add(rig->s.admind, id, 1 + (lead + i * 13) % USERS, TEAM_ROLE_MEMBER,
                                   1, &rig->s.f.err));
    }
    for (int64_t i = 0; i < MEMBERS; i++) {
        const struct quota_move move = {QUOTA_NOBODY, 1 + (lead + i * 13 - (i == 0)) % USERS,
                                        QUOTA_MEMORY_PRODUCTION,
                                        1 + random_below(&rig->random, 20)};
        /* Who has too little left brings nothing. */
        teams_redistribute(rig->s.admind, rig->s.arena, id, &machine, &move, 1, 1, NULL,
                           &rig->s.f.err);
    }
}

static void rig_init(struct rig *rig)
{
    *rig = (struct rig){.random = random_start()};
    store_fixture_init(&rig->s);
    AUTO_TRANSACTION struct db_transaction admind = {0};
    must(rig, db_transaction_begin(&admind, rig->s.admind, &rig->s.f.err));
    for (int64_t id = 1; id <= USERS; id++) {
        AUTO_FREE char *email = xasprintf("u%lld@example.org", (long long)id);
        ASSERT(add_user(&rig->s, email) == id);
        add_limits(rig, QUOTA_USER, id);
    }
    for (int64_t id = 1; id <= TEAMS; id++) {
        add_team(rig, id);
        add_limits(rig, QUOTA_TEAM, id);
    }
    must(rig, db_transaction_commit(&admind, &rig->s.f.err));
    AUTO_TRANSACTION struct db_transaction deployd = {0};
    must(rig, db_transaction_begin(&deployd, rig->s.deployd, &rig->s.f.err));
    for (int64_t id = 1; id <= USERS; id += 2) {
        add_use(rig, QUOTA_USER, id);
    }
    for (int64_t id = 1; id <= TEAMS; id += 3) {
        add_use(rig, QUOTA_TEAM, id);
    }
    must(rig, db_transaction_commit(&deployd, &rig->s.f.err));
}

static void rig_fini(struct rig *rig)
{
    store_fixture_fini(&rig->s);
}

#define AUTO_RIG __attribute__((cleanup(rig_fini)))

static bool is_same(const struct quota_level *a, const struct quota_level *b)
{
    bool same = strcmp(a->name, b->name) == 0 && a->entity == b->entity;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        same = same && a->limits[i].hard == b->limits[i].hard &&
               a->limits[i].burst_percent == b->limits[i].burst_percent &&
               a->used.of[i] == b->used.of[i] && a->brought.of[i] == b->brought.of[i] &&
               quota_level_limit(a, (enum quota_dimension)i).hard ==
                   quota_level_limit(b, (enum quota_dimension)i).hard;
    }
    return same;
}

static void check_level(struct rig *rig, enum quota_entity entity, int64_t id,
                        const struct quota_level *level)
{
    struct quota_level alone;
    CHECK_INT(levels_read_owner(rig->s.deployd, rig->s.arena, entity, id, &machine, &alone,
                                &rig->s.f.err),
              0);
    if (!CHECK(level && is_same(level, &alone))) {
        printf("# %s %d\n", quota_entity_name(entity), (int)id);
    }
}

static void check_all(struct rig *rig)
{
    struct owner_levels levels;
    CHECK_INT(levels_list(rig->s.deployd, rig->s.arena, LEVELS_OF_USERS, 0, &machine, &levels,
                          &rig->s.f.err),
              0);
    CHECK_INT(levels.count, USERS);
    for (int64_t id = 1; id <= USERS; id++) {
        check_level(rig, QUOTA_USER, id, levels_find(&levels, id));
    }
    CHECK(!levels_find(&levels, USERS + 1));
    CHECK_INT(levels_list(rig->s.deployd, rig->s.arena, LEVELS_OF_TEAMS, 0, &machine, &levels,
                          &rig->s.f.err),
              0);
    CHECK_INT(levels.count, TEAMS);
    for (int64_t id = 1; id <= TEAMS; id++) {
        check_level(rig, QUOTA_TEAM, id, levels_find(&levels, id));
    }
}

/* What a member has without the team is what they would have if their share went back. */
static void check_member(struct rig *rig, const struct quota_member *member)
{
    struct quota_level alone;
    CHECK_INT(levels_read_owner(rig->s.deployd, rig->s.arena, QUOTA_USER, member->user_id, &machine,
                                &alone, &rig->s.f.err),
              0);
    quota_amounts_take(&alone.brought, &member->share);
    CHECK_STR(member->name, alone.name);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        CHECK_INT(member->limit.of[i], quota_level_limit(&alone, (enum quota_dimension)i).hard);
        CHECK_INT(member->used.of[i], alone.used.of[i]);
    }
}

static void check_teams(struct rig *rig)
{
    int64_t shares = 0;
    for (int64_t id = 1; id <= TEAMS; id++) {
        struct quota_team team;
        struct quota_amounts sum;
        CHECK_INT(
            teams_read_quota(rig->s.deployd, rig->s.arena, id, &machine, &team, &rig->s.f.err), 0);
        CHECK_INT(team.count, MEMBERS);
        CHECK(team.members[0].is_lead && !team.members[1].is_lead);
        for (size_t i = 0; i < team.count; i++) {
            check_member(rig, &team.members[i]);
        }
        struct quota_amounts brought = team.level.brought;
        quota_team_add_up(&team);
        CHECK_INT(team.level.brought.of[QUOTA_MEMORY], brought.of[QUOTA_MEMORY]);
        CHECK_INT(team_shares_sum(rig->s.deployd, id, &sum, &rig->s.f.err), 0);
        CHECK_INT(brought.of[QUOTA_MEMORY], sum.of[QUOTA_MEMORY]);
        shares += sum.of[QUOTA_MEMORY];
    }
    CHECK(shares > TEAMS);
}

static void case_many(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    check_all(&rig);
    check_teams(&rig);
}

static void case_none(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct owner_levels levels;
    for (enum levels_of of = LEVELS_OF_USERS; of < LEVELS_OF_COUNT; of++) {
        CHECK_INT(levels_list(s.monitord, s.arena, of, 0, &machine, &levels, &s.f.err), 0);
        CHECK_INT(levels.count, 0);
        CHECK(!levels_find(&levels, 1));
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"50 teams of ten", case_many},
        {"nobody", case_none},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
