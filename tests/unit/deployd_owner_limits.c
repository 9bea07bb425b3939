/*
 * What the gate is told of an owner: the strictest of all levels, in its units.
 */
#include "dialup-deployd/owner_limits.h"

#include "tests/harness/check.h"

enum { NONE = QUOTA_UNLIMITED };

static const struct {
    const char *name;
    enum quota_entity entity;
    int64_t own_mbit, own_connections, brought_connections;
    int64_t system_mbit, system_connections;
    int64_t kbit, connections; /* what is told; NONE: the gate's own setting counts */
} rows[] = {
    {"without limits", QUOTA_USER, NONE, NONE, 0, NONE, NONE, NONE, NONE},
    {"one's own", QUOTA_USER, 100, 50, 0, NONE, NONE, 100000, 50},
    {"the server's is stricter", QUOTA_USER, 100, 50, 0, 20, 30, 20000, 30},
    {"each dimension by itself", QUOTA_USER, 100, NONE, 0, NONE, 30, 100000, 30},
    {"less what was brought into a team", QUOTA_USER, NONE, 50, 20, NONE, NONE, NONE, 30},
    {"a team's, with what was brought", QUOTA_TEAM, NONE, 50, 20, NONE, NONE, NONE, 70},
    {"a limit of nothing is not none", QUOTA_USER, 0, 50, 50, NONE, NONE, 1, 1},
    {"more than the gate can count", QUOTA_USER, 1 << 30, 1 << 30, 0, NONE, NONE, 100000000,
     1000000},
};

static void case_describe(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct quota_level levels[2];
        quota_level_init(&levels[0], rows[i].entity, "ann");
        quota_level_init_system(&levels[1], 4096, 2000, 50000, 20);
        levels[0].limits[QUOTA_BANDWIDTH].hard = rows[i].own_mbit;
        levels[0].limits[QUOTA_CONNECTIONS].hard = rows[i].own_connections;
        levels[0].brought.of[QUOTA_CONNECTIONS] = rows[i].brought_connections;
        levels[1].limits[QUOTA_BANDWIDTH].hard = rows[i].system_mbit;
        levels[1].limits[QUOTA_CONNECTIONS].hard = rows[i].system_connections;
        const struct gate_owner_limit_set_params told = owner_limits_describe("user:1", levels, 2);
        bool is_right = CHECK_STR(told.owner, "user:1");
        is_right &= CHECK_INT(told.has_kbit_per_s ? told.kbit_per_s : NONE, rows[i].kbit);
        is_right &= CHECK_INT(told.has_connections ? told.connections : NONE, rows[i].connections);
        if (!is_right) {
            printf("# in: %s\n", rows[i].name);
        }
    }
}

int main(void)
{
    static const struct check_case cases[] = {{"what the gate is told", case_describe}};
    return check_run(cases, sizeof(cases) / sizeof(cases[0]));
}
