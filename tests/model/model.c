/*
 * The model test: random operations on the product and on the reference, which must agree.
 *
 *     model                                  a bounded part, as a test
 *     model --operations N [--seed N]        more of it
 *     model --replay FILE                    a list that was printed
 *
 * The operations are cut into courses, each on an empty database with a seed of its own, so that
 * what fails can be run again without all that went before. A failure is shrunk: operations are
 * left out as long as it fails.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "tests/model/observe.h"
#include "tests/model/operations.h"
#include "tests/model/world.h"

enum { COURSE_LENGTH = 1000, TEST_SECONDS = 12, TEST_OPERATIONS = 1 << 30 };

struct list {
    struct operation *rows;
    size_t count;
};

static bool is_verbose;

/* One course --------------------------------------------------------------------------------- */

/* What is wrong, or NULL; *ret_at: after how many operations. */
static const char *run_list(const struct list *list, struct tally *tally, size_t *ret_at)
{
    static struct course course;
    static char text[640];
    const char *wrong = NULL;
    memset(&course, 0, sizeof(course));
    course.armed = -1;
    course.is_verbose = is_verbose;
    world_begin();
    observe_open();
    for (*ret_at = 0; !wrong && *ret_at < list->count; ++*ret_at) {
        wrong = operation_run(&course, &list->rows[*ret_at]);
    }
    wrong = wrong ? wrong : operation_rest(&course, NULL);
    if (wrong) {
        snprintf(text, sizeof(text), "%s", wrong);
    }
    observe_close();
    world_end();
    if (tally) {
        tally->operations += course.tally.operations;
        tally->admitted += course.tally.admitted;
        tally->refused += course.tally.refused;
        tally->conflicts += course.tally.conflicts;
        tally->crashes += course.tally.crashes;
        tally->torn += course.tally.torn;
        tally->rests += course.tally.rests;
        for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
            tally->refused_by[i] += course.tally.refused_by[i];
        }
    }
    return wrong ? text : NULL;
}

/* Shrinking ---------------------------------------------------------------------------------- */

static bool fails(const struct list *list)
{
    size_t at;
    return run_list(list, NULL, &at) != NULL;
}

/* Leaves out size operations from first on, if it fails without them, too. */
static bool leave_out(struct list *list, size_t first, size_t size)
{
    struct list shorter = {xcalloc(list->count + 1, sizeof(*list->rows)), list->count - size};
    memcpy(shorter.rows, list->rows, first * sizeof(*list->rows));
    memcpy(shorter.rows + first, list->rows + first + size,
           (list->count - first - size) * sizeof(*list->rows));
    if (!fails(&shorter)) {
        free(shorter.rows);
        return false;
    }
    free(list->rows);
    *list = shorter;
    return true;
}

static void shrink(struct list *list)
{
    for (size_t size = list->count / 2; size > 0; size = size > 1 ? size / 2 : 0) {
        for (size_t first = 0; first + size <= list->count;) {
            first += leave_out(list, first, size) ? 0 : size;
        }
    }
    for (size_t first = 0; first < list->count;) {
        first += leave_out(list, first, 1) ? 0 : 1;
    }
}

static void explain(struct list *list, uint64_t seed, size_t at)
{
    size_t last;
    list->count = at < list->count ? at : list->count;
    printf("# failed with seed %" PRIu64 " after %zu operations; shrinking\n", seed, at);
    fflush(stdout);
    shrink(list);
    const char *wrong = run_list(list, NULL, &last);
    printf("# %s\n# what is left of it (model --replay FILE):\n", wrong ? wrong : "?");
    for (size_t i = 0; i < list->count; i++) {
        operation_print(stdout, &list->rows[i]);
    }
}

/* Many courses ------------------------------------------------------------------------------- */

static struct list draw(uint64_t seed, size_t count)
{
    struct list list = {xcalloc(count, sizeof(*list.rows)), count};
    uint64_t state = seed * 0x9e3779b97f4a7c15U | 1;
    for (size_t i = 0; i < count; i++) {
        list.rows[i] = operation_draw(&state);
    }
    return list;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print_tally(const struct tally *tally, uint64_t seed, double seconds)
{
    printf("# seed %" PRIu64 ": %lld operations in %.1f s; %lld admitted, %lld refused, "
           "%lld answered otherwise; %lld crashes, %lld of them in the middle of a write; "
           "%lld times at rest\n",
           seed, (long long)tally->operations, seconds, (long long)tally->admitted,
           (long long)tally->refused, (long long)tally->conflicts, (long long)tally->crashes,
           (long long)tally->torn, (long long)tally->rests);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (tally->refused_by[i] > 0) {
            printf("#   refused for %s: %lld\n",
                   quota_dimension_info((enum quota_dimension)i)->name,
                   (long long)tally->refused_by[i]);
        }
    }
}

/* Stops early when the time is up. */
static bool run_many(uint64_t seed, int64_t operations, double seconds_most)
{
    struct tally tally = {0};
    double started = seconds_now();
    for (uint64_t course = 0; (int64_t)(course * COURSE_LENGTH) < operations; course++) {
        size_t at;
        struct list list = draw(seed + course, COURSE_LENGTH);
        if (run_list(&list, &tally, &at)) {
            explain(&list, seed + course, at);
            free(list.rows);
            return false;
        }
        free(list.rows);
        if (seconds_most > 0 && seconds_now() - started > seconds_most) {
            break;
        }
    }
    print_tally(&tally, seed, seconds_now() - started);
    return true;
}

static bool replay(const char *path)
{
    struct list list = {xcalloc(1 << 16, sizeof(*list.rows)), 0};
    char line[160];
    size_t at;
    FILE *file = fopen(path, "r");
    while (file && list.count < 1 << 16 && fgets(line, sizeof(line), file)) {
        list.count += operation_parse(line, &list.rows[list.count]);
    }
    if (file) {
        fclose(file);
    }
    const char *wrong = run_list(&list, NULL, &at);
    printf("# %zu operations: %s\n", list.count, wrong ? wrong : "all is well");
    free(list.rows);
    return !wrong;
}

static void no_log(const struct log_entry *entry)
{
    if (is_verbose) {
        fprintf(stderr, "  %s\n", entry->message);
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = (uint64_t)time(NULL);
    int64_t operations = 0;
    const char *path = NULL;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--seed") == 0) {
            seed = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--operations") == 0) {
            operations = strtoll(value, NULL, 10);
        } else if (strcmp(argv[i], "--replay") == 0) {
            path = value;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            is_verbose = true;
        }
    }
    log_set_sink(no_log);
    log_set_level(is_verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    world_init();
    bool is_good = path ? replay(path)
                        : run_many(seed, operations ? operations : TEST_OPERATIONS,
                                   operations ? 0 : TEST_SECONDS);
    world_fini();
    printf("%s 1 - product and reference agree\n", is_good ? "ok" : "not ok");
    return is_good ? 0 : 1;
}
