/*
 * Which containers must go because of what they wrote; and what the disk says.
 */
#include "dialup-deployd/pressure/writers.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

#define MIB ((int64_t)1 << 20)
#define GIB ((int64_t)1 << 30)

static const struct disk_reading calm = {100 * GIB, 50 * GIB, 1000000, 500000};

/* Ann may store 100 MiB of production, bob 1000 of everything; nobody limits eve. */
static void make_owners(struct quota_level owners[3], int64_t ann_mib, int64_t bob_mib)
{
    static const char *const names[] = {"ann", "bob", "eve"};
    for (size_t i = 0; i < 3; i++) {
        quota_level_init(&owners[i], QUOTA_USER, names[i]);
    }
    owners[0].limits[QUOTA_STORAGE_PRODUCTION].hard = 100;
    owners[0].used.of[QUOTA_STORAGE_PRODUCTION] = ann_mib;
    owners[0].used.of[QUOTA_STORAGE] = ann_mib;
    owners[1].limits[QUOTA_STORAGE].hard = 1000;
    owners[1].used.of[QUOTA_STORAGE_PRODUCTION] = bob_mib;
    owners[1].used.of[QUOTA_STORAGE] = bob_mib;
    owners[2].used.of[QUOTA_STORAGE] = 70000;
}

#define GREW(who, mib, files)                                                                      \
    {                                                                                              \
        .owner = (who), .size_bytes = (mib)*MIB, .inodes = (files), .has_grown = true              \
    }
#define STOOD(who, mib, files)                                                                     \
    {                                                                                              \
        .owner = (who), .size_bytes = (mib)*MIB, .inodes = (files)                                 \
    }
#define HIDES(who, mib, kernel_mib)                                                                \
    {                                                                                              \
        .owner = (who), .size_bytes = (mib)*MIB, .kernel_bytes = (kernel_mib)*MIB                  \
    }
#define FULL(free_gib)                                                                             \
    {                                                                                              \
        100 * GIB, (free_gib)*GIB, 1000000, 500000                                                 \
    }
#define OUT_OF_INODES                                                                              \
    {                                                                                              \
        100 * GIB, 50 * GIB, 1000000, 40000                                                        \
    }
#define NO_INODES                                                                                  \
    {                                                                                              \
        100 * GIB, 50 * GIB, 0, 0                                                                  \
    }

enum { ANN, BOB, EVE, NONE = 99 };

static const struct row {
    const char *name;
    int64_t ann_mib, bob_mib;
    struct disk_reading disk; /* total 0: calm */
    struct writers_container containers[4];
    size_t count;
    size_t gone[5]; /* indices, NONE ends them */
} rows[] = {
    {"nobody wrote", 0, 0, {0}, {{0}}, 0, {NONE}},
    {"within the limit", 100, 0, {0}, {GREW(ANN, 90, 5)}, 1, {NONE}},
    {"above it", 101, 0, {0}, {GREW(ANN, 90, 5)}, 1, {0, NONE}},
    {"by files that are empty", 300, 0, {0}, {GREW(ANN, 0, 60000)}, 1, {0, NONE}},
    {"above it, and wrote a little", 500, 0, {0}, {GREW(ANN, 15, 5)}, 1, {NONE}},
    {"a lowered limit ends nobody who stands still", 500, 0, {0}, {STOOD(ANN, 90, 5)}, 1, {NONE}},
    {"the largest, and then it fits",
     400,
     0,
     {0},
     {GREW(ANN, 50, 1), GREW(ANN, 310, 1), GREW(ANN, 30, 1)},
     3,
     {1, NONE}},
    {"the next one, too",
     411,
     0,
     {0},
     {GREW(ANN, 50, 1), GREW(ANN, 310, 1), GREW(ANN, 30, 1)},
     3,
     {1, 0, NONE}},
    {"of the owner who is above it alone",
     101,
     900,
     {0},
     {GREW(BOB, 800, 1), GREW(ANN, 90, 1), GREW(EVE, 60000, 1)},
     3,
     {1, NONE}},
    {"a limit of the whole", 0, 1001, {0}, {GREW(BOB, 600, 1), GREW(BOB, 300, 1)}, 2, {0, NONE}},
    {"the disk is nearly full",
     50,
     900,
     FULL(4),
     {STOOD(ANN, 40, 1), STOOD(BOB, 800, 1), STOOD(EVE, 7000, 1)},
     3,
     {2, NONE}},
    {"and one is not enough",
     50,
     900,
     FULL(1),
     {STOOD(ANN, 63, 1), STOOD(BOB, 800, 1), STOOD(EVE, 7000, 1), STOOD(BOB, 64, 1)},
     4,
     {2, 1, 3, NONE}},
    {"the disk is not full yet", 50, 900, FULL(5), {STOOD(EVE, 7000, 1)}, 1, {NONE}},
    {"no inodes are left",
     50,
     900,
     OUT_OF_INODES,
     {STOOD(EVE, 7000, 1), STOOD(BOB, 1, 100000), STOOD(ANN, 0, 20000)},
     3,
     {1, NONE}},
    {"a file system that makes inodes", 50, 900, NO_INODES, {STOOD(EVE, 1, 90000)}, 1, {NONE}},
    {"what cannot be found",
     50,
     900,
     FULL(4),
     {STOOD(ANN, 40, 1), HIDES(BOB, 10, 9000), HIDES(EVE, 10, 900)},
     3,
     {1, NONE}},
    {"what cannot be found, and the disk is not full",
     50,
     900,
     FULL(6),
     {HIDES(EVE, 10, 90000)},
     1,
     {NONE}},
    {"who goes for the limit counts for the disk",
     8000,
     0,
     FULL(4),
     {GREW(ANN, 7000, 1), STOOD(EVE, 6000, 1)},
     2,
     {0, NONE}},
};

static void case_who(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_level owners[3];
        struct writers_step steps[4];
        make_owners(owners, rows[i].ann_mib, rows[i].bob_mib);
        const struct writers_snapshot snapshot = {
            .owners = owners,
            .owner_count = 3,
            .containers = rows[i].containers,
            .container_count = rows[i].count,
            .disk = rows[i].disk.total_bytes ? rows[i].disk : calm,
        };
        size_t count = writers_plan(&snapshot, steps);
        size_t wanted = 0;
        bool good = true;
        for (; rows[i].gone[wanted] != NONE; wanted++) {
            good = good && wanted < count && steps[wanted].container == rows[i].gone[wanted];
        }
        if (!CHECK(good && wanted == count)) {
            printf("# row \"%s\": %zu steps\n", rows[i].name, count);
        }
    }
}

/* What is lent above the limit may be used. */
static void case_burst(void)
{
    const struct writers_container one = GREW(ANN, 90, 1);
    struct writers_step step;
    struct quota_level owners[3];
    const struct writers_snapshot snapshot = {owners, 3, &one, 1, calm};
    make_owners(owners, 150, 0);
    owners[ANN].limits[QUOTA_STORAGE_PRODUCTION].burst_percent = 50;
    CHECK_INT(writers_plan(&snapshot, &step), 0);
    owners[ANN].used.of[QUOTA_STORAGE_PRODUCTION] = 151;
    CHECK_INT(writers_plan(&snapshot, &step), 1);
}

static void case_words(void)
{
    static const struct writers_container wrote[] = {GREW(ANN, 300, 1), GREW(ANN, 1, 60000),
                                                     GREW(EVE, 9000, 1)};
    struct writers_step steps[3];
    struct quota_level owners[3];
    const struct writers_snapshot snapshot = {owners, 3, wrote, 3, FULL(1)};
    make_owners(owners, 600, 0);
    CHECK_INT(writers_plan(&snapshot, steps), 3);
    CHECK_INT(steps[0].words.code, ERR_QUOTA_EXCEEDED);
    CHECK_CONTAINS(steps[0].words.message, "wrote 300MB into");
    CHECK_CONTAINS(steps[0].words.message, "600MB of 100MB of storage");
    CHECK_CONTAINS(steps[1].words.message, "60000 files, which count as 234MB");
    CHECK_CONTAINS(steps[2].words.message, "disk is nearly full");
    CHECK_CONTAINS(steps[2].words.hint, "keep less");
    const struct writers_container hides = HIDES(EVE, 10, 9000);
    const struct writers_snapshot hidden = {owners, 3, &hides, 1, FULL(1)};
    CHECK_INT(writers_plan(&hidden, steps), 1);
    CHECK_CONTAINS(steps[0].words.message, "has written 9000MB in all");
}

static void case_fall(void)
{
    static const struct {
        const char *name;
        struct disk_reading before, now;
        bool has_fallen;
    } looks[] = {
        {"nothing", {100 * GIB, 50 * GIB, 1000000, 500000}, FULL(50), false},
        {"a little", {100 * GIB, 50 * GIB + 63 * MIB, 1000000, 500000}, FULL(50), false},
        {"bytes", {100 * GIB, 50 * GIB + 64 * MIB, 1000000, 500000}, FULL(50), true},
        {"files", {100 * GIB, 50 * GIB, 1000000, 516384}, FULL(50), true},
        {"more is free", {100 * GIB, 40 * GIB, 1000000, 400000}, FULL(50), false},
        {"a little, near the end", {100 * GIB, 9 * GIB + 8 * MIB, 1000000, 500000}, FULL(9), true},
        {"files, near the end", {100 * GIB, 9 * GIB, 1000000, 502048}, FULL(9), true},
        {"nothing, near the end", FULL(1), FULL(1), false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(looks); i++) {
        if (!CHECK_INT(disk_has_fallen(&looks[i].before, &looks[i].now), looks[i].has_fallen)) {
            printf("# look \"%s\"\n", looks[i].name);
        }
    }
}

/* What somebody made room for, and somebody else fills, has been written all the same. */
static void case_highest(void)
{
    struct disk_reading highest = FULL(50);
    const struct disk_reading freed = FULL(60);
    disk_keep_highest(&highest, &freed);
    const struct disk_reading now = FULL(55);
    CHECK(disk_has_fallen(&highest, &now));
    disk_keep_highest(&highest, &now);
    CHECK(highest.free_bytes == 60 * GIB);
}

static void case_read(void)
{
    struct disk_reading reading;
    CHECK(!disk_read("/nonexistent", &reading));
    CHECK(disk_read("/", &reading));
    CHECK(reading.total_bytes > 0 && reading.free_bytes <= reading.total_bytes);
    CHECK(reading.free_inodes <= reading.total_inodes);
    const struct disk_reading unknown = {0};
    CHECK(!disk_is_full(&unknown) && disk_short_bytes(&unknown) == 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"who must go", case_who},
        {"what is lent", case_burst},
        {"what their owners read", case_words},
        {"when it is looked who wrote", case_fall},
        {"room that was made", case_highest},
        {"the kernel's figures", case_read},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
