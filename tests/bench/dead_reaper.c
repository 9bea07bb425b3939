/*
 * How long the transport's library lives beside a peer that is killed again and again, and how long
 * the watch takes to see that it does not any more.
 *
 * libnng 1.5 can lose the thread that ends connections when a peer dies in the middle of traffic: a
 * client never connects again. A child serves, is killed while questions are under way, and is
 * started anew, until the watch reports or MAX-KILLS (default 150) are over; later libraries come
 * through, and that is a good end, too. Ends with 1 only if the client is lost and the watch has
 * not said so. Prints rows "what | measured | budget".
 *
 * Usage: dead_reaper [MAX-KILLS]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/ipc/watch.h"
#include "tests/unit/ipc_fixture.h"

enum { MAX_KILLS = 150, AT_ONCE = 4, LIFE_MS = 150, DEADLINE_MS = 400, LOST_S = 8, REPORT_S = 30 };

struct bench {
    struct fixture fixture;
    size_t kills;
    size_t answered;
    size_t failed;
    size_t under_way;
    int64_t answered_us; /* the last answer */
    bool is_asking;
    bool is_dead;
    int64_t dead_us;
    char reason[256];
};

static void ask(struct bench *bench);

static void on_reply(void *context, const void *result, const struct error *err)
{
    struct bench *bench = context;
    bench->under_way--;
    if (err) {
        bench->failed++;
    } else {
        bench->answered++;
        bench->answered_us = clock_monotonic_us();
        ask(bench); /* what fails is asked again by the next life's start */
    }
}

static void ask(struct bench *bench)
{
    const struct fixture_params params = {.text = "x"};
    const struct ipc_call_options options = {.deadline_ms = DEADLINE_MS};
    while (bench->is_asking && bench->under_way < AT_ONCE) {
        bench->under_way++;
        if (ipc_client_call(bench->fixture.client, &fixture_methods[FIXTURE_ECHO], &params,
                            &options, on_reply, bench, NULL) < 0) {
            bench->under_way--;
            return;
        }
    }
}

static void on_dead(void *context, const char *reason)
{
    struct bench *bench = context;
    bench->is_dead = true;
    bench->dead_us = clock_monotonic_us();
    snprintf(bench->reason, sizeof(bench->reason), "%s", reason);
}

/* Runs the loop for a while, or until the watch has reported. */
static void run_for_ms(struct bench *bench, int64_t ms)
{
    int64_t end_us = clock_monotonic_us() + ms * 1000;
    while (!bench->is_dead && clock_monotonic_us() < end_us) {
        const struct timeval turn = {0, 5000};
        event_base_loopexit(bench->fixture.base, &turn);
        event_base_dispatch(bench->fixture.base);
        ask(bench);
    }
}

/* One life of the peer; false if it was never reached. */
static bool live_and_die(struct bench *bench)
{
    int64_t begin_us = clock_monotonic_us();
    pid_t pid = spawn_self("serve", bench->fixture.dir);
    bench->is_asking = true;
    while (!bench->is_dead && bench->answered_us < begin_us &&
           clock_monotonic_us() < begin_us + (int64_t)LOST_S * 1000000) {
        run_for_ms(bench, 20);
    }
    bool is_reached = bench->answered_us >= begin_us;
    if (is_reached) {
        run_for_ms(bench, LIFE_MS);
    } else if (!bench->is_dead) {
        run_for_ms(bench,
                   (int64_t)REPORT_S * 1000); /* the peer lives, so the watch has to see it */
    }
    kill_and_wait(pid, SIGKILL);
    bench->kills++;
    return is_reached;
}

static void print_row(const char *what, const char *measured, const char *budget)
{
    printf("%-52s | %-32s | %s\n", what, measured, budget);
}

static void print_end(const struct bench *bench, bool is_lost)
{
    char measured[64];
    snprintf(measured, sizeof(measured), "%zu kills, %zu answers, %zu cut", bench->kills,
             bench->answered, bench->failed);
    print_row("a peer killed in the middle of traffic", measured, "");
    if (!is_lost && !bench->is_dead) {
        print_row("... the client is lost", "never", "");
    } else if (!bench->is_dead) {
        print_row("... the watch reports", "no", "16 s");
    } else {
        snprintf(measured, sizeof(measured), "%.1f s after the last answer",
                 (double)(bench->dead_us - bench->answered_us) / 1e6);
        print_row("... the watch reports", measured, "16 s");
        printf("# %s\n", bench->reason);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        return fixture_serve(argv[2]);
    }
    size_t max_kills = argc > 1 ? strtoul(argv[1], NULL, 10) : MAX_KILLS;
    struct bench *bench = xcalloc(1, sizeof(*bench));
    signal(SIGPIPE, SIG_IGN);
    fixture_init(&bench->fixture, false, true);
    struct ipc_client *const clients[] = {bench->fixture.client};
    const struct ipc_watch_options options = {
        .clients = clients, .client_count = 1, .on_dead = on_dead, .context = bench};
    ipc_watch_open(bench->fixture.base, &options);
    bool is_lost = false;
    while (bench->kills < max_kills && !is_lost && !bench->is_dead) {
        is_lost = !live_and_die(bench);
    }
    print_end(bench, is_lost);
    fflush(stdout);
    fs_remove_tree(bench->fixture.dir, NULL);
    bool has_failed = is_lost && !bench->is_dead;
    _exit(has_failed ? EXIT_FAILURE
                     : EXIT_SUCCESS); /* as a daemon does: a dead transport cannot be closed */
}
