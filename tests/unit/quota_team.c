/*
 * Teams: what a team may have, moves between its members, suggestions, and who may leave.
 */
#include "libdialup/quota/team.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"
#include "tests/harness/random.h"

enum { ANN = 1, BOB, CLEO, MEMBERS = 3, ROUNDS = 20000 };

/* Each may have 512 MiB and 3 sites; ann brings in 200 MiB, bob 100; the pool has 100. */
struct rig {
    struct quota_member members[MEMBERS];
    struct quota_team team;
    struct error err;
};

static void rig_init(struct rig *rig)
{
    static const char *const names[] = {"ann", "bob", "cleo"};
    *rig = (struct rig){.team = {.members = rig->members, .count = MEMBERS}};
    for (size_t i = 0; i < MEMBERS; i++) {
        struct quota_member *member = &rig->members[i];
        *member = (struct quota_member){.user_id = (int64_t)i + 1, .name = names[i]};
        for (int d = 0; d < QUOTA_DIMENSION_COUNT; d++) {
            member->limit.of[d] = QUOTA_UNLIMITED;
        }
        member->limit.of[QUOTA_MEMORY_PRODUCTION] = 512;
        member->limit.of[QUOTA_SITES] = 3;
    }
    rig->members[0].is_lead = true;
    rig->members[0].share.of[QUOTA_MEMORY_PRODUCTION] = 200;
    rig->members[1].share.of[QUOTA_MEMORY_PRODUCTION] = 100;
    rig->members[1].used.of[QUOTA_MEMORY_PRODUCTION] = 256;
    quota_level_init(&rig->team.level, QUOTA_TEAM, "The blog team");
    rig->team.level.limits[QUOTA_MEMORY_PRODUCTION].hard = 100;
    quota_team_add_up(&rig->team);
}

static int64_t share(const struct rig *rig, int64_t user_id)
{
    return quota_team_find(&rig->team, user_id)->share.of[QUOTA_MEMORY_PRODUCTION];
}

static void case_limit(void)
{
    struct rig rig;
    rig_init(&rig);
    const struct quota_level *level = &rig.team.level;
    CHECK_INT(quota_level_limit(level, QUOTA_MEMORY_PRODUCTION).hard, 400);
    CHECK_INT(quota_level_limit(level, QUOTA_MEMORY).hard, QUOTA_UNLIMITED);
    CHECK_INT(quota_level_limit(level, QUOTA_SITES).hard, 0); /* who founds a team gains nothing */
    CHECK_INT(quota_level_limit(level, QUOTA_SERVERS).hard, QUOTA_UNLIMITED);
    CHECK_INT(quota_level_limit(level, QUOTA_BANDWIDTH).hard, QUOTA_UNLIMITED);
    rig.team.level.machine.memory_mib = 1000;
    rig.team.level.limits[QUOTA_MEMORY_PRODUCTION].percent = 5;
    CHECK_INT(quota_level_limit(level, QUOTA_MEMORY_PRODUCTION).hard, 350);
    CHECK_INT(quota_member_left(&rig.members[0], QUOTA_MEMORY_PRODUCTION), 312);
    CHECK_INT(quota_member_left(&rig.members[1], QUOTA_MEMORY_PRODUCTION), 156);
    rig.members[1].limit.of[QUOTA_MEMORY] = 100;
    CHECK_INT(quota_member_left(&rig.members[1], QUOTA_MEMORY_PRODUCTION), 0);
}

static void case_moves(void)
{
    struct rig rig;
    rig_init(&rig);
    const struct quota_move moves[] = {
        {ANN, CLEO, QUOTA_MEMORY_PRODUCTION, 150},
        {QUOTA_NOBODY, BOB, QUOTA_MEMORY_PRODUCTION, 50},
        {CLEO, QUOTA_NOBODY, QUOTA_MEMORY_PRODUCTION, 10},
        {QUOTA_NOBODY, ANN, QUOTA_SITES, 1},
    };
    CHECK_INT(quota_team_redistribute(&rig.team, moves, ARRAY_COUNT(moves), &rig.err), 0);
    CHECK_INT(share(&rig, ANN), 50);
    CHECK_INT(share(&rig, BOB), 150);
    CHECK_INT(share(&rig, CLEO), 140);
    CHECK_INT(rig.team.level.brought.of[QUOTA_MEMORY_PRODUCTION], 340);
    CHECK_INT(rig.team.level.brought.of[QUOTA_MEMORY], 340);
    CHECK_INT(quota_level_limit(&rig.team.level, QUOTA_SITES).hard, 1);
}

static const struct {
    const char *name;
    struct quota_move moves[2];
    size_t count;
    enum error_code code;
    const char *field, *message;
} refused_moves[] = {
    {"an unknown giver",
     {{9, ANN, QUOTA_MEMORY_PRODUCTION, 1}},
     1,
     ERR_INVALID_ARGUMENT,
     "moves[0].from",
     "Nobody with the number 9"},
    {"an unknown taker",
     {{ANN, 9, QUOTA_MEMORY_PRODUCTION, 1}},
     1,
     ERR_INVALID_ARGUMENT,
     "moves[0].to",
     "Nobody with the number 9"},
    {"the second is wrong",
     {{ANN, CLEO, QUOTA_MEMORY_PRODUCTION, 1}, {ANN, CLEO, QUOTA_MEMORY_PRODUCTION, 0}},
     2,
     ERR_INVALID_ARGUMENT,
     "moves[1].amount",
     "Nothing or less"},
    {"negative",
     {{ANN, CLEO, QUOTA_MEMORY_PRODUCTION, -5}},
     1,
     ERR_INVALID_ARGUMENT,
     "moves[0].amount",
     "Nothing or less"},
    {"overflow",
     {{ANN, CLEO, QUOTA_MEMORY_PRODUCTION, INT64_MAX}},
     1,
     ERR_INVALID_ARGUMENT,
     "moves[0].amount",
     "too large"},
    {"to oneself",
     {{ANN, ANN, QUOTA_MEMORY_PRODUCTION, 5}},
     1,
     ERR_INVALID_ARGUMENT,
     "moves[0].to",
     "to themselves"},
    {"a sum",
     {{ANN, CLEO, QUOTA_MEMORY, 5}},
     1,
     ERR_INVALID_ARGUMENT,
     "moves[0].dimension",
     "cannot be brought"},
    {"a timer",
     {{ANN, CLEO, QUOTA_IDLE_MINUTES, 5}},
     1,
     ERR_INVALID_ARGUMENT,
     "moves[0].dimension",
     "cannot be brought"},
    {"more than they bring in",
     {{BOB, CLEO, QUOTA_MEMORY_PRODUCTION, 101}},
     1,
     ERR_CONFLICT,
     "moves[0].amount",
     "bob brings in 100MB of this, not more"},
    {"below what they use",
     {{ANN, BOB, QUOTA_MEMORY_PRODUCTION, 157}},
     1,
     ERR_CONFLICT,
     "moves[0].amount",
     "bob would have 1MB of memory less than they use"},
    {"below what the team uses",
     {{ANN, QUOTA_NOBODY, QUOTA_MEMORY_PRODUCTION, 200}},
     1,
     ERR_CONFLICT,
     "moves[0].amount",
     "The team would have 100MB of memory less than it uses"},
    {"far too much, in two",
     {{QUOTA_NOBODY, CLEO, QUOTA_CPU_PRODUCTION, QUOTA_MAX_AMOUNT},
      {QUOTA_NOBODY, CLEO, QUOTA_CPU_PRODUCTION, 1}},
     2,
     ERR_INVALID_ARGUMENT,
     "moves[1].amount",
     "too large"},
};

static void case_refused_moves(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused_moves); i++) {
        struct rig rig;
        rig_init(&rig);
        rig.team.level.used.of[QUOTA_MEMORY_PRODUCTION] = 300;
        int result = quota_team_redistribute(&rig.team, refused_moves[i].moves,
                                             refused_moves[i].count, &rig.err);
        bool good = CHECK_INT(result, -(int)refused_moves[i].code);
        good = CHECK_STR(rig.err.field, refused_moves[i].field) && good;
        good = CHECK_CONTAINS(rig.err.message, refused_moves[i].message) && good;
        CHECK(rig.err.hint[0] != '\0');
        CHECK_INT(share(&rig, ANN), 200); /* all or nothing */
        CHECK_INT(share(&rig, CLEO), 0);
        if (!good) {
            printf("# %s\n", refused_moves[i].name);
        }
    }
}

/* An intermediate want is no want: bob takes over and gives back in one go. */
static void case_swaps(void)
{
    struct rig rig;
    rig_init(&rig);
    const struct quota_move moves[] = {
        {ANN, BOB, QUOTA_MEMORY_PRODUCTION, 200},
        {BOB, CLEO, QUOTA_MEMORY_PRODUCTION, 200},
    };
    CHECK_INT(quota_team_redistribute(&rig.team, moves, 2, &rig.err), 0);
    CHECK_INT(share(&rig, CLEO), 200);
    /* A team that is over already may be helped. */
    rig.team.level.used.of[QUOTA_MEMORY_PRODUCTION] = 900;
    const struct quota_move help = {QUOTA_NOBODY, ANN, QUOTA_MEMORY_PRODUCTION, 10};
    CHECK_INT(quota_team_redistribute(&rig.team, &help, 1, &rig.err), 0);
}

static void case_suggestions(void)
{
    struct rig rig;
    struct quota_move moves[QUOTA_MOVES_MAX];
    struct quota_amounts request = {.of[QUOTA_MEMORY_PRODUCTION] = 256};
    char text[200];
    rig_init(&rig);
    rig.team.level.used.of[QUOTA_MEMORY_PRODUCTION] = 300;
    rig.team.level.used.of[QUOTA_MEMORY] = 300;
    CHECK_INT(quota_team_suggest(&rig.team, QUOTA_NOBODY, &request, moves), 1);
    CHECK_INT(moves[0].to, CLEO); /* has most left */
    CHECK_INT(moves[0].amount, 156);
    quota_move_describe(&rig.team, &moves[0], text, sizeof(text));
    CHECK_STR(text, "cleo could bring in 156MB of memory");
    request.of[QUOTA_MEMORY_PRODUCTION] = 700;
    CHECK_INT(quota_team_suggest(&rig.team, QUOTA_NOBODY, &request, moves), 2);
    CHECK_INT(moves[1].to, ANN);
    request.of[QUOTA_MEMORY_PRODUCTION] = 5000;
    CHECK_INT(quota_team_suggest(&rig.team, QUOTA_NOBODY, &request, moves), 0);
    request.of[QUOTA_MEMORY_PRODUCTION] = 50;
    CHECK_INT(quota_team_suggest(&rig.team, QUOTA_NOBODY, &request, moves), 0); /* fits already */
    request.of[QUOTA_SERVERS] = 1;
    rig.team.level.limits[QUOTA_SERVERS].hard = 0;
    CHECK_INT(quota_team_suggest(&rig.team, QUOTA_NOBODY, &request, moves), 0);

    /* A member's own site. */
    struct quota_amounts own = {.of[QUOTA_MEMORY_PRODUCTION] = 400};
    CHECK_INT(quota_team_suggest(&rig.team, ANN, &own, moves), 1);
    quota_move_describe(&rig.team, &moves[0], text, sizeof(text));
    CHECK_STR(text, "cleo could bring in 88MB of memory instead of ann");
    own.of[QUOTA_MEMORY_PRODUCTION] = 513; /* more than ann brings in */
    CHECK_INT(quota_team_suggest(&rig.team, ANN, &own, moves), 0);
    CHECK_INT(quota_team_suggest(&rig.team, 9, &own, moves), 0);
    const struct quota_move back = {ANN, QUOTA_NOBODY, QUOTA_SITES, 2};
    quota_move_describe(&rig.team, &back, text, sizeof(text));
    CHECK_STR(text, "ann could take back 2 sites");
}

static void case_warnings(void)
{
    struct rig rig;
    char text[300];
    rig_init(&rig);
    quota_team_warn(&rig.team, text, sizeof(text));
    CHECK_STR(text, "");
    rig.team.level.used.of[QUOTA_MEMORY_PRODUCTION] = 350;
    quota_team_warn(&rig.team, text, sizeof(text));
    CHECK_STR(text,
              "The blog team uses 350MB of 400MB of memory: cleo could bring in 40MB of memory");
    rig.team.level.limits[QUOTA_SERVERS].hard = 2;
    rig.team.level.used.of[QUOTA_SERVERS] = 2;
    rig.team.level.used.of[QUOTA_MEMORY_PRODUCTION] = 0;
    quota_team_warn(&rig.team, text, sizeof(text));
    CHECK_STR(text, "The blog team uses 2 of 2 servers");
    char tiny[9];
    quota_team_warn(&rig.team, tiny, sizeof(tiny));
    CHECK_STR(tiny, "The blog");
}

static void case_leaving(void)
{
    struct rig rig;
    rig_init(&rig);
    rig.team.level.used.of[QUOTA_MEMORY_PRODUCTION] = 300;
    CHECK_INT(quota_team_check_leave(&rig.team, ANN, &rig.err), -ERR_CONFLICT);
    CHECK_STR(rig.err.message, "ann is the last lead of this team");
    CHECK_INT(quota_team_check_step_down(&rig.team, ANN, &rig.err), -ERR_CONFLICT);
    CHECK_INT(quota_team_check_step_down(&rig.team, BOB, &rig.err), 0);
    CHECK_INT(quota_team_check_leave(&rig.team, BOB, &rig.err), 0); /* just enough is left */
    rig.members[1].is_lead = true;
    CHECK_INT(quota_team_check_leave(&rig.team, ANN, &rig.err), -ERR_CONFLICT);
    CHECK_STR(rig.err.message, "The team uses 100MB of memory that only ann brings in");
    CHECK_CONTAINS(rig.err.hint, "another member");
    CHECK_INT(quota_team_check_leave(&rig.team, 9, &rig.err), -ERR_NOT_FOUND);
}

/* Properties --------------------------------------------------------------------------------- */

static void random_team(struct random *random, struct rig *rig)
{
    rig_init(rig);
    for (int d = 0; d < QUOTA_DIMENSION_COUNT; d++) {
        enum quota_dimension dimension = (enum quota_dimension)d;
        bool is_open = quota_dimension_is_sum(dimension) && random_below(random, 2);
        for (size_t i = 0; i < MEMBERS; i++) {
            struct quota_member *member = &rig->members[i];
            int64_t limit = random_below(random, 500);
            member->limit.of[d] = is_open ? QUOTA_UNLIMITED : limit;
            member->share.of[d] =
                quota_dimension_is_shared(dimension) ? random_below(random, limit + 1) / 2 : 0;
            member->used.of[d] = random_below(random, limit + 1) / 2;
        }
        rig->team.level.limits[d].hard = is_open ? QUOTA_UNLIMITED : random_below(random, 300);
        rig->team.level.used.of[d] = random_below(random, 300);
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        quota_add_up(&rig->members[i].used);
    }
    quota_add_up(&rig->team.level.used);
    quota_team_add_up(&rig->team);
}

static void case_shares_are_conserved(void)
{
    struct random random = random_start();
    int done = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct rig rig;
        struct quota_move moves[3];
        struct quota_amounts net = {0};
        size_t count = 1 + (size_t)random_below(&random, 3);
        random_team(&random, &rig);
        struct rig before = rig;
        for (size_t i = 0; i < count; i++) {
            moves[i] = (struct quota_move){
                random_below(&random, 4), random_below(&random, 4),
                (enum quota_dimension)random_below(&random, QUOTA_DIMENSION_COUNT),
                random_below(&random, 60)};
            net.of[moves[i].dimension] += moves[i].from == QUOTA_NOBODY ? moves[i].amount : 0;
            net.of[moves[i].dimension] -= moves[i].to == QUOTA_NOBODY ? moves[i].amount : 0;
        }
        bool is_done = quota_team_redistribute(&rig.team, moves, count, &rig.err) == 0;
        done += is_done;
        quota_add_up(&net);
        for (int d = 0; d < QUOTA_DIMENSION_COUNT; d++) {
            CHECK_INT(rig.team.level.brought.of[d] - before.team.level.brought.of[d],
                      is_done ? net.of[d] : 0);
            for (size_t i = 0; i < MEMBERS; i++) {
                CHECK(rig.members[i].share.of[d] >= 0);
            }
        }
        if (check_case_failed) {
            return;
        }
    }
    printf("# %d of %d carried out\n", done, ROUNDS);
    CHECK(done > ROUNDS / 20);
}

static bool fits(const struct rig *rig, int64_t for_user, const struct quota_amounts *request)
{
    struct quota_level level = rig->team.level;
    struct quota_verdict verdict;
    if (for_user != QUOTA_NOBODY) {
        const struct quota_member *member = quota_team_find(&rig->team, for_user);
        quota_level_init(&level, QUOTA_USER, member->name);
        for (int d = 0; d < QUOTA_DIMENSION_COUNT; d++) {
            level.limits[d].hard = member->limit.of[d];
        }
        level.used = member->used;
        level.brought = member->share;
    }
    quota_admit(&level, 1, request, &verdict);
    return verdict.allowed;
}

static void case_suggestions_help(void)
{
    struct random random = random_start();
    int helped = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct rig rig;
        struct quota_move moves[QUOTA_MOVES_MAX];
        struct quota_amounts request = {0};
        int64_t for_user = random_below(&random, 4);
        random_team(&random, &rig);
        for (int i = 0; i < 2; i++) {
            int dimension = (int)random_below(&random, QUOTA_DIMENSION_COUNT);
            request.of[dimension] = random_below(&random, 200);
        }
        request.of[QUOTA_SERVERS] = request.of[QUOTA_APPLICATIONS] = 0;
        request.of[QUOTA_RUNTIME_HOURS] = request.of[QUOTA_IDLE_MINUTES] = 0;
        size_t count = quota_team_suggest(&rig.team, for_user, &request, moves);
        if (count > 0) {
            helped++;
            CHECK(!fits(&rig, for_user, &request));
            CHECK_INT(quota_team_redistribute(&rig.team, moves, count, &rig.err), 0);
            CHECK(fits(&rig, for_user, &request));
        }
        if (check_case_failed) {
            printf("# round %d: %s\n", round, rig.err.message);
            return;
        }
    }
    printf("# %d of %d helped\n", helped, ROUNDS);
    CHECK(helped > ROUNDS / 20);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"pool and shares", case_limit},
        {"moves", case_moves},
        {"moves that are refused", case_refused_moves},
        {"many moves are one", case_swaps},
        {"suggestions", case_suggestions},
        {"warnings for leads", case_warnings},
        {"who may leave", case_leaving},
        {"moves conserve what is shared", case_shares_are_conserved},
        {"a suggestion makes the request fit", case_suggestions_help},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
