/*
 * Teams, their members and shares; profiles; violations: rows, rules at the store's edge, owners.
 */
#include "libdialup/store/teams.h"

#include "libdialup/store/levels.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/profiles.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/violations.h"
#include "tests/harness/check.h"
#include "tests/unit/store_fixture.h"

static const struct quota_machine machine = {4096, 2000, 40960};

/* ann leads, bob is in it; each may have 512 MiB. */
struct rig {
    struct store_fixture s;
    int64_t ann, bob, team;
};

static void limit_memory(struct rig *rig, enum quota_entity entity, int64_t id, int64_t hard)
{
    const struct quota_limit limit = {.hard = hard, .soft_percent = 80};
    CHECK_INT(
        limits_put(rig->s.admind, entity, id, QUOTA_MEMORY_PRODUCTION, &limit, 1, &rig->s.f.err),
        0);
}

static void rig_init(struct rig *rig)
{
    *rig = (struct rig){0};
    store_fixture_init(&rig->s);
    rig->ann = add_user(&rig->s, "ann@example.org");
    rig->bob = add_user(&rig->s, "bob@example.org");
    struct error *err = &rig->s.f.err;
    CHECK_INT(teams_create(rig->s.admind, "The blog", rig->ann, 5, &rig->team, err), 0);
    CHECK_INT(team_members_add(rig->s.admind, rig->team, rig->bob, TEAM_ROLE_MEMBER, 6, err), 0);
    limit_memory(rig, QUOTA_USER, rig->ann, 512);
    limit_memory(rig, QUOTA_USER, rig->bob, 512);
}

static void rig_fini(struct rig *rig)
{
    store_fixture_fini(&rig->s);
}

#define AUTO_RIG __attribute__((cleanup(rig_fini)))

static int bring(struct rig *rig, int64_t team, int64_t from, int64_t to, int64_t amount)
{
    const struct quota_move move = {from, to, QUOTA_MEMORY_PRODUCTION, amount};
    return teams_redistribute(rig->s.admind, rig->s.arena, team, &machine, &move, 1, 7, NULL,
                              &rig->s.f.err);
}

static int64_t limit_of(struct rig *rig, enum quota_entity entity, int64_t id)
{
    struct quota_level level;
    CHECK_INT(levels_read_owner(rig->s.deployd, rig->s.arena, entity, id, &machine, &level,
                                &rig->s.f.err),
              0);
    return quota_level_limit(&level, QUOTA_MEMORY_PRODUCTION).hard;
}

static void use_memory(struct rig *rig, enum quota_entity entity, int64_t id, const char *domain,
                       int64_t memory_mib)
{
    const struct site site = {
        .owner_kind = entity, .owner_id = id, .domain = domain, .type = "node", .strategy = "lazy"};
    const struct quota_amounts amounts = {.of[QUOTA_MEMORY_PRODUCTION] = memory_mib};
    struct reservation_holder holder = {.entity = entity, .entity_id = id};
    CHECK_INT(sites_create(rig->s.deployd, &site, 1, &holder.site_id, &rig->s.f.err), 0);
    CHECK_INT(reservations_put(rig->s.deployd, &holder, &amounts, 1, &rig->s.f.err), 0);
}

static void case_teams(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct store_fixture *s = &rig.s;
    struct team team;
    struct teams_list list;
    int64_t id;
    CHECK_INT(teams_find(s->deployd, s->arena, rig.team, &team, &s->f.err), 0);
    CHECK_STR(team.name, "The blog");
    CHECK_INT(teams_create(s->admind, "the BLOG", rig.bob, 5, &id, &s->f.err), -ERR_ALREADY_EXISTS);
    CHECK_STR(s->f.err.field, "name");
    CHECK_STR(s->f.err.message, "There is a team \"the BLOG\" already");
    static const char *const bad[] = {
        "", "  ", "a\nb", "42",
        "a2345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        CHECK_INT(teams_create(s->admind, bad[i], rig.bob, 5, &id, &s->f.err),
                  -ERR_INVALID_ARGUMENT);
        CHECK_INT(teams_rename(s->admind, rig.team, bad[i], 5, &s->f.err), -ERR_INVALID_ARGUMENT);
    }
    CHECK_INT(teams_create(s->admind, "Nobody's", 99, 5, &id, &s->f.err), -ERR_NOT_FOUND);
    CHECK_INT(teams_create(s->admind, "Choir", rig.bob, 5, &id, &s->f.err), 0);
    CHECK_INT(teams_rename(s->admind, id, "The Blog", 5, &s->f.err), -ERR_ALREADY_EXISTS);
    CHECK_INT(teams_rename(s->admind, id, "CHOIR", 9, &s->f.err), 0);
    CHECK_INT(teams_list(s->admind, s->arena, 0, 10, &list, &s->f.err), 0);
    CHECK_INT(list.count, 2); /* what failed left nothing */
    CHECK_INT(teams_list(s->admind, s->arena, rig.team, 10, &list, &s->f.err), 0);
    CHECK_INT(list.count, 1);
    CHECK_STR(list.rows[0].name, "CHOIR");
    CHECK_INT(teams_list_of_user(s->admind, s->arena, rig.bob, &list, &s->f.err), 0);
    CHECK_INT(list.count, 2);
    CHECK_INT(teams_list_of_user(s->admind, s->arena, rig.ann, &list, &s->f.err), 0);
    CHECK_INT(list.count, 1);
    CHECK_INT(teams_create(s->deployd, "x", rig.ann, 5, &id, &s->f.err), -ERR_INTERNAL);
    CHECK_CONTAINS(s->f.err.message, "\"teams\" belongs to admind");
}

static void case_deleted_teams(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct store_fixture *s = &rig.s;
    struct team team;
    struct quota_amounts brought;
    CHECK_INT(bring(&rig, rig.team, QUOTA_NOBODY, rig.ann, 100), 0);
    use_memory(&rig, QUOTA_TEAM, rig.team, "team.example.org", 10);
    CHECK_INT(teams_delete(s->admind, rig.team, 8, &s->f.err), -ERR_CONFLICT);
    CHECK_STR(s->f.err.message, "This team still has 1 site");
    CHECK_STR(s->f.err.hint, "Delete the team's sites first");
    CHECK_INT(teams_find(s->admind, s->arena, rig.team, &team, &s->f.err), 0);
    struct site site;
    CHECK_INT(sites_find_by_domain(s->admind, s->arena, "team.example.org", &site, &s->f.err), 0);
    CHECK_INT(sites_set_deleted(s->deployd, site.id, 9, &s->f.err), 0);
    CHECK_INT(teams_delete(s->admind, rig.team, 8, &s->f.err), 0);
    CHECK_INT(teams_delete(s->admind, rig.team, 8, &s->f.err), -ERR_NOT_FOUND);
    CHECK_INT(teams_find(s->admind, s->arena, rig.team, &team, &s->f.err), -ERR_NOT_FOUND);
    CHECK_INT(team_shares_sum_of_user(s->admind, rig.ann, &brought, &s->f.err), 0);
    CHECK_INT(brought.of[QUOTA_MEMORY], 0);
    int64_t id;
    CHECK_INT(teams_create(s->admind, "The blog", rig.ann, 9, &id, &s->f.err), 0);
}

static void case_members(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct store_fixture *s = &rig.s;
    struct team_members_list list;
    enum team_role role;
    bool is_member;
    struct error *err = &s->f.err;
    CHECK_INT(team_members_add(s->admind, rig.team, rig.bob, TEAM_ROLE_LEAD, 7, err),
              -ERR_ALREADY_EXISTS);
    CHECK_STR(err->field, "user_id");
    CHECK_STR(err->message, "They are in this team already");
    CHECK_INT(team_members_add(s->admind, 99, rig.bob, TEAM_ROLE_LEAD, 7, err), -ERR_NOT_FOUND);
    CHECK_INT(team_members_add(s->admind, rig.team, 99, TEAM_ROLE_LEAD, 7, err), -ERR_NOT_FOUND);
    int64_t gone = add_user(s, "gone@example.org");
    CHECK_INT(users_deactivate(s->admind, gone, 7, err), 0);
    CHECK_INT(team_members_add(s->admind, rig.team, gone, TEAM_ROLE_LEAD, 7, err), -ERR_CONFLICT);
    CHECK_CONTAINS(err->message, "gone@example.org is not active");

    CHECK_INT(team_members_list(s->admind, s->arena, rig.team, &list, err), 0);
    CHECK_INT(list.count, 2);
    CHECK_INT(list.rows[0].user_id, rig.ann);
    CHECK_INT(list.rows[1].joined_at, 6);
    CHECK_INT(team_members_find(s->admind, rig.team, rig.ann, &is_member, &role, err), 0);
    CHECK(is_member && role == TEAM_ROLE_LEAD);
    CHECK_INT(team_members_find(s->admind, rig.team, 99, &is_member, &role, err), 0);
    CHECK(!is_member && role == TEAM_ROLE_MEMBER);

    CHECK_INT(team_members_set_role(s->admind, rig.team, rig.ann, TEAM_ROLE_MEMBER, err),
              -ERR_CONFLICT);
    CHECK_STR(err->message, "They are the last lead of this team");
    CHECK_INT(team_members_remove(s->admind, rig.team, rig.ann, &machine, err), -ERR_CONFLICT);
    CHECK_STR(err->message, "ann@example.org is the last lead of this team");
    CHECK_INT(team_members_set_role(s->admind, rig.team, 99, TEAM_ROLE_LEAD, err), -ERR_NOT_FOUND);
    CHECK_INT(team_members_remove(s->admind, rig.team, 99, &machine, err), -ERR_NOT_FOUND);
    CHECK_INT(team_members_set_role(s->admind, rig.team, rig.bob, TEAM_ROLE_LEAD, err), 0);
    CHECK_INT(team_members_remove(s->admind, rig.team, rig.ann, &machine, err), 0);
    CHECK_INT(team_members_list(s->admind, s->arena, rig.team, &list, err), 0);
    CHECK_INT(list.count, 1);
    CHECK(team_role_parse("lead", &role) && role == TEAM_ROLE_LEAD);
    CHECK(!team_role_parse("king", &role));
}

/* Who has no account any more leads nothing. */
static void case_inactive_leads(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct store_fixture *s = &rig.s;
    struct error *err = &s->f.err;
    struct team_members_list members;
    struct team_counts counts;
    struct teams_list teams;
    CHECK_INT(teams_list_led_alone(s->admind, s->arena, rig.ann, &teams, err), 0);
    CHECK_INT(teams.count, 1);
    CHECK_STR(teams.rows[0].name, "The blog");
    CHECK_INT(team_members_set_role(s->admind, rig.team, rig.bob, TEAM_ROLE_LEAD, err), 0);
    CHECK_INT(teams_list_led_alone(s->admind, s->arena, rig.ann, &teams, err), 0);
    CHECK_INT(teams.count, 0);
    CHECK_INT(users_deactivate(s->admind, rig.ann, 7, err), 0);
    CHECK_INT(teams_list_led_alone(s->admind, s->arena, rig.bob, &teams, err), 0);
    CHECK_INT(teams.count, 1);
    CHECK_INT(teams_count(s->admind, rig.team, &counts, err), 0);
    CHECK_INT(counts.members, 2);
    CHECK_INT(counts.leads, 1);
    CHECK_INT(team_members_list(s->admind, s->arena, rig.team, &members, err), 0);
    CHECK_STR(members.rows[0].email, "ann@example.org");
    CHECK(!members.rows[0].is_active && members.rows[1].is_active);
    CHECK_INT(team_members_remove(s->admind, rig.team, rig.bob, &machine, err), -ERR_CONFLICT);
    CHECK_INT(team_members_set_role(s->admind, rig.team, rig.bob, TEAM_ROLE_MEMBER, err),
              -ERR_CONFLICT);
    CHECK_INT(team_members_remove(s->admind, rig.team, rig.ann, &machine, err), 0);
    CHECK_INT(teams_delete(s->admind, rig.team, 9, err), 0);
    CHECK_INT(teams_list_led_alone(s->admind, s->arena, rig.bob, &teams, err), 0);
    CHECK_INT(teams.count, 0);
}

/* A team that is full. */
static void case_full_team(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    char email[48];
    int result = 0;
    int added = 2;
    while (result == 0 && added <= QUOTA_TEAM_MEMBERS_MAX) {
        snprintf(email, sizeof(email), "user%d@example.org", added);
        int64_t user = add_user(&rig.s, email);
        result = team_members_add(rig.s.admind, rig.team, user, TEAM_ROLE_MEMBER, 1, &rig.s.f.err);
        added += result == 0;
    }
    CHECK_INT(result, -ERR_CONFLICT);
    CHECK_INT(added, QUOTA_TEAM_MEMBERS_MAX);
    CHECK_CONTAINS(rig.s.f.err.message, "that is full");
}

static void case_shares(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct store_fixture *s = &rig.s;
    CHECK_INT(limit_of(&rig, QUOTA_TEAM, rig.team), 0);
    limit_memory(&rig, QUOTA_TEAM, rig.team, 50);
    CHECK_INT(limit_of(&rig, QUOTA_TEAM, rig.team), 50);
    CHECK_INT(bring(&rig, rig.team, QUOTA_NOBODY, rig.ann, 200), 0);
    CHECK_INT(limit_of(&rig, QUOTA_TEAM, rig.team), 250);
    CHECK_INT(limit_of(&rig, QUOTA_USER, rig.ann), 312);
    CHECK_INT(bring(&rig, rig.team, rig.ann, rig.bob, 120), 0);
    CHECK_INT(limit_of(&rig, QUOTA_TEAM, rig.team), 250);
    CHECK_INT(limit_of(&rig, QUOTA_USER, rig.ann), 432);
    CHECK_INT(limit_of(&rig, QUOTA_USER, rig.bob), 392);
    CHECK_INT(bring(&rig, rig.team, rig.ann, rig.bob, 80), 0); /* all of it: the row goes */
    CHECK_INT(limit_of(&rig, QUOTA_USER, rig.ann), 512);
    CHECK_INT(bring(&rig, rig.team, rig.ann, rig.bob, 1), -ERR_CONFLICT);
    CHECK_INT(bring(&rig, 99, rig.ann, rig.bob, 1), -ERR_NOT_FOUND);

    /* What is in one team is not there for another. */
    int64_t choir;
    CHECK_INT(teams_create(s->admind, "Choir", rig.bob, 5, &choir, &s->f.err), 0);
    CHECK_INT(bring(&rig, choir, QUOTA_NOBODY, rig.bob, 313), -ERR_CONFLICT);
    CHECK_INT(bring(&rig, choir, QUOTA_NOBODY, rig.bob, 312), 0);
    CHECK_INT(limit_of(&rig, QUOTA_USER, rig.bob), 0);

    /* Who leaves takes it along, unless it is in use. */
    use_memory(&rig, QUOTA_TEAM, rig.team, "team.example.org", 60);
    CHECK_INT(team_members_remove(s->admind, rig.team, rig.bob, &machine, &s->f.err),
              -ERR_CONFLICT);
    CHECK_STR(s->f.err.message, "The team uses 10MB of memory that only bob@example.org brings in");
    limit_memory(&rig, QUOTA_TEAM, rig.team, 60);
    CHECK_INT(team_members_remove(s->admind, rig.team, rig.bob, &machine, &s->f.err), 0);
    CHECK_INT(limit_of(&rig, QUOTA_TEAM, rig.team), 60);
    CHECK_INT(limit_of(&rig, QUOTA_USER, rig.bob), 200);
}

static void case_many_moves(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct store_fixture *s = &rig.s;
    struct quota_team team;
    const struct quota_move moves[] = {
        {QUOTA_NOBODY, rig.ann, QUOTA_MEMORY_PRODUCTION, 100},
        {QUOTA_NOBODY, rig.bob, QUOTA_MEMORY_PRODUCTION, 513},
    };
    use_memory(&rig, QUOTA_USER, rig.bob, "bob.example.org", 256);
    CHECK_INT(
        teams_redistribute(s->admind, s->arena, rig.team, &machine, moves, 2, 7, &team, &s->f.err),
        -ERR_CONFLICT);
    CHECK_STR(s->f.err.field, "moves[1].amount");
    CHECK_INT(limit_of(&rig, QUOTA_TEAM, rig.team), 0); /* all or nothing */
    CHECK_INT(
        teams_redistribute(s->admind, s->arena, rig.team, &machine, moves, 1, 7, &team, &s->f.err),
        0);
    CHECK_INT(team.count, 2);
    CHECK(team.members[0].is_lead);
    CHECK_INT(team.members[0].share.of[QUOTA_MEMORY_PRODUCTION], 100);
    CHECK_INT(team.members[1].used.of[QUOTA_MEMORY_PRODUCTION], 256);
    CHECK_INT(teams_read_quota(s->deployd, s->arena, rig.team, &machine, &team, &s->f.err), 0);
    CHECK_INT(team.level.brought.of[QUOTA_MEMORY], 100);
    CHECK_INT(team.members[0].limit.of[QUOTA_MEMORY_PRODUCTION], 512);
}

static void case_percent(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct store_fixture *s = &rig.s;
    struct quota_level level;
    const struct quota_limit tenth = {.hard = QUOTA_UNLIMITED, .soft_percent = 70, .percent = 10};
    CHECK_INT(
        limits_put(s->admind, QUOTA_USER, rig.ann, QUOTA_MEMORY_PRODUCTION, &tenth, 2, &s->f.err),
        0);
    CHECK_INT(limit_of(&rig, QUOTA_USER, rig.ann), 409);
    CHECK_INT(limits_put(s->admind, QUOTA_SYSTEM, 0, QUOTA_MEMORY, &tenth, 2, &s->f.err), 0);
    CHECK_INT(levels_read_system(s->deployd, &machine, 20, &level, &s->f.err), 0);
    CHECK_INT(quota_level_limit(&level, QUOTA_MEMORY).hard, 409);
    CHECK_INT(quota_level_limit(&level, QUOTA_CPU).hard, 1600);
    CHECK_INT(level.limits[QUOTA_MEMORY].soft_percent, 70);
    struct quota_limit bad = tenth;
    bad.percent = 101;
    CHECK_INT(limits_put(s->admind, QUOTA_SYSTEM, 0, QUOTA_MEMORY, &bad, 2, &s->f.err),
              -ERR_INVALID_ARGUMENT);
    CHECK_INT(limits_put(s->admind, QUOTA_SYSTEM, 0, QUOTA_MEMORY, &QUOTA_NO_LIMIT, 2, &s->f.err),
              0);
    CHECK_INT(levels_read_system(s->deployd, &machine, 20, &level, &s->f.err), 0);
    CHECK_INT(quota_level_limit(&level, QUOTA_MEMORY).hard, 3276);
    CHECK_INT(levels_read_owner(s->deployd, s->arena, QUOTA_USER, 99, &machine, &level, &s->f.err),
              -ERR_NOT_FOUND);
}

static void case_profiles(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct store_fixture *s = &rig.s;
    struct quota_profile profile;
    struct profiles_list list;
    CHECK_INT(profiles_find(s->admind, s->arena, "power", &profile, &s->f.err), 0);
    CHECK_INT(profile.limits[QUOTA_SITES].hard, 5);
    profile.name = "band";
    profile.can_use_editor = false;
    profile.limits[QUOTA_SITES].hard = 7;
    profile.limits[QUOTA_MEMORY_PRODUCTION].percent = 25;
    CHECK_INT(profiles_put(s->admind, &profile, 5, &s->f.err), 0);
    profile.limits[QUOTA_SITES].hard = 8;
    CHECK_INT(profiles_put(s->admind, &profile, 6, &s->f.err), 0); /* replaces */
    struct quota_profile found;
    CHECK_INT(profiles_find(s->deployd, s->arena, "band", &found, &s->f.err), 0);
    CHECK_STR(found.name, "band");
    CHECK(found.can_create_sites && !found.can_use_editor);
    CHECK(memcmp(found.limits, profile.limits, sizeof(found.limits)) == 0);
    CHECK_INT(profiles_list(s->admind, s->arena, &list, &s->f.err), 0);
    CHECK_INT(list.count, 5);
    CHECK_STR(list.rows[0].name, "basic");
    CHECK_STR(list.rows[4].name, "band");
    CHECK_INT(list.rows[4].limits[QUOTA_SITES].hard, 8);

    CHECK_INT(profiles_find(s->admind, s->arena, "king", &found, &s->f.err), -ERR_INVALID_ARGUMENT);
    CHECK_STR(s->f.err.field, "profile");
    profile.limits[QUOTA_SITES].soft_percent = 0;
    CHECK_INT(profiles_put(s->admind, &profile, 6, &s->f.err), -ERR_INVALID_ARGUMENT);
    CHECK_STR(s->f.err.field, "sites.soft_percent");
    profile.name = "standard";
    CHECK_INT(profiles_put(s->admind, &profile, 6, &s->f.err), -ERR_ALREADY_EXISTS);
    CHECK_INT(profiles_delete(s->admind, "standard", &s->f.err), -ERR_CONFLICT);
    CHECK_INT(profiles_delete(s->admind, "king", &s->f.err), -ERR_NOT_FOUND);
    CHECK_INT(profiles_delete(s->admind, "band", &s->f.err), 0);
    CHECK_INT(profiles_delete(s->deployd, "band", &s->f.err), -ERR_INTERNAL);
}

static void case_violations(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct store_fixture *s = &rig.s;
    struct violation row = {.entity = QUOTA_USER,
                            .entity_id = rig.ann,
                            .dimension = "memory",
                            .kind = VIOLATION_SOFT,
                            .began_at = 100,
                            .limit = 512,
                            .peak = 420};
    struct violations_list list;
    int64_t first;
    int64_t other;
    int64_t removed;
    struct error *err = &s->f.err;
    CHECK_INT(violations_begin(s->monitord, &row, &first, err), 0);
    CHECK_INT(violations_begin(s->monitord, &row, &other, err), -ERR_ALREADY_EXISTS);
    row.kind = VIOLATION_IN_FORCE; /* goes on beside it */
    CHECK_INT(violations_begin(s->monitord, &row, &other, err), 0);
    CHECK_INT(violations_update(s->monitord, first, VIOLATION_OVER, 500, 600, err), 0);
    CHECK_INT(violations_set_action(s->monitord, first, "put to sleep: a.example.org", err), 0);
    CHECK_INT(violations_list_open(s->monitord, s->arena, &list, err), 0);
    CHECK_INT(list.count, 2);
    CHECK_STR(violation_kind_name(list.rows[0].kind), "over");
    CHECK_INT(list.rows[0].peak, 600);
    CHECK_INT(list.rows[0].limit, 500);
    CHECK_STR(list.rows[0].action, "put to sleep: a.example.org");
    CHECK_INT(violations_end(s->monitord, first, 200, err), 0);
    CHECK_INT(violations_end(s->monitord, first, 200, err), -ERR_NOT_FOUND);
    CHECK_INT(violations_update(s->monitord, first, VIOLATION_OVER, 1, 1, err), -ERR_NOT_FOUND);
    row.kind = VIOLATION_HARD;
    row.entity_id = rig.bob;
    row.dimension = "sites";
    CHECK_INT(violations_begin(s->monitord, &row, &other, err), 0);

    const struct {
        struct violations_filter filter;
        size_t count;
    } rows[] = {
        {{.limit = 10}, 3},
        {{.limit = 2}, 2},
        {{.limit = 10, .before_id = other}, 2},
        {{.limit = 10, .open_only = true}, 2},
        {{.limit = 10, .since = 200}, 3},
        {{.limit = 10, .since = 201}, 2},
        {{.limit = 10, .dimension = "memory"}, 2},
        {{.limit = 10, .has_kind = true, .kind = VIOLATION_HARD}, 1},
        {{.limit = 10, .has_entity = true, .entity = QUOTA_USER, .entity_id = rig.ann}, 2},
        {{.limit = 10, .has_entity = true, .entity = QUOTA_TEAM, .entity_id = rig.ann}, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        CHECK_INT(violations_list(s->admind, s->arena, &rows[i].filter, &list, err), 0);
        CHECK_INT(list.count, rows[i].count);
    }
    CHECK_INT(violations_list(s->admind, s->arena, &rows[0].filter, &list, err), 0);
    CHECK_INT(list.rows[0].id, other);
    CHECK_INT(violations_expire(s->monitord, 201, &removed, err), 0);
    CHECK_INT(removed, 1);
    CHECK_INT(violations_begin(s->admind, &row, &other, err), -ERR_INTERNAL);
    CHECK_CONTAINS(err->message, "\"violations\" belongs to monitord");
    enum violation_kind kind;
    CHECK(violation_kind_parse("in_force", &kind) && kind == VIOLATION_IN_FORCE);
    CHECK(!violation_kind_parse("ok", &kind));
    CHECK_INT(violation_kind_of(QUOTA_SOFT), VIOLATION_SOFT);
    CHECK_INT(violation_kind_of(QUOTA_HARD), VIOLATION_HARD);
    CHECK_INT(violation_kind_of(QUOTA_OVER), VIOLATION_OVER);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"teams", case_teams},
        {"a team with sites is not deleted", case_deleted_teams},
        {"members", case_members},
        {"leads without an account", case_inactive_leads},
        {"a team that is full", case_full_team},
        {"what members bring in", case_shares},
        {"all moves or none", case_many_moves},
        {"parts of the machine", case_percent},
        {"profiles of an admin", case_profiles},
        {"violations", case_violations},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
