/*
 * How a container's memory limit comes down: never below what is used, never back up by itself.
 */
#include "dialup-deployd/converge/limiter.h"

#include "tests/harness/check.h"

static const struct {
    const char *name;
    int64_t wanted_mib, in_force_mib, used_mib, next_mib;
} rows[] = {
    {"more is given at once", 512, 256, 250, 512},
    {"the same", 256, 256, 300, 256},
    {"less, with room for what is used", 128, 512, 100, 128},
    {"as far as what is used allows", 128, 512, 200, 225},
    {"of little use, some room all the same", 16, 512, 16, 20},
    {"nothing to gain now", 128, 210, 200, 210},
    {"no limit before", 128, 0, 200, 225},
    {"no limit before, and room", 128, 0, 20, 128},
    {"an idle container", 16, 512, 0, 16},
};

static void case_next(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!CHECK_INT(limiter_next_mib(rows[i].wanted_mib, rows[i].in_force_mib, rows[i].used_mib),
                       rows[i].next_mib)) {
            printf("# in: %s\n", rows[i].name);
        }
    }
}

/* It ends: a working set that shrinks bit by bit leads to the goal, and each step is allowed. */
static void case_walk(void)
{
    int64_t in_force = 1024;
    for (int64_t used = 1000; used >= 0; used -= 50) {
        int64_t next = limiter_next_mib(64, in_force, used);
        CHECK(next >= 64 && next <= in_force && (next > used || next == in_force));
        in_force = next;
    }
    CHECK_INT(in_force, 64);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the next limit on the way", case_next},
        {"all the way", case_walk},
    };
    return check_run(cases, sizeof(cases) / sizeof(cases[0]));
}
