/*
 * How long a question takes through server and client, 300 bytes each way, the server in a process
 * of its own: p50 and p99 with 1 and 16 questions under way, and the idle server's memory.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "tests/unit/ipc_fixture.h"

enum { CALLS = 20000, TEXT_SIZE = 200 };

struct bench {
    struct fixture fixture;
    char text[TEXT_SIZE + 1];
    int64_t took_us[CALLS];
    size_t started, done, failed;
};

struct question {
    struct bench *bench;
    int64_t start_us;
};

static void ask(struct question *question);

static void on_reply(void *context, const void *result, const struct error *err)
{
    struct question *question = context;
    struct bench *bench = question->bench;
    bench->took_us[bench->done++] = clock_monotonic_us() - question->start_us;
    bench->failed += err != NULL;
    if (bench->started < CALLS) {
        ask(question);
    }
}

static void ask(struct question *question)
{
    struct bench *bench = question->bench;
    const struct fixture_params params = {.text = bench->text, .number = 7, .has_number = true};
    bench->started++;
    question->start_us = clock_monotonic_us();
    if (ipc_client_call(bench->fixture.client, &fixture_methods[FIXTURE_ECHO], &params, NULL,
                        on_reply, question, NULL) < 0) {
        abort();
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void run(struct bench *bench, size_t at_once)
{
    struct question questions[16];
    bench->started = bench->done = bench->failed = 0;
    int64_t start_us = clock_monotonic_us();
    for (size_t i = 0; i < at_once; i++) {
        questions[i].bench = bench;
        ask(&questions[i]);
    }
    fixture_run_until_count(&bench->fixture, &bench->done, CALLS);
    double seconds = (double)(clock_monotonic_us() - start_us) / 1e6;
    qsort(bench->took_us, bench->done, sizeof(bench->took_us[0]), by_value);
    printf("%2zu under way: p50 %jd us, p99 %jd us, %.0f a second, %zu failed\n", at_once,
           (intmax_t)bench->took_us[bench->done / 2],
           (intmax_t)bench->took_us[bench->done * 99 / 100], (double)bench->done / seconds,
           bench->failed);
}

static void print_memory(pid_t pid)
{
    char path[64];
    char line[128];
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "Rss:", 4) == 0 || strncmp(line, "Pss:", 4) == 0 ||
            strncmp(line, "Anonymous:", 10) == 0) {
            printf("server %s", line);
        }
    }
    if (file) {
        fclose(file);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        return fixture_serve(argv[2]);
    }
    struct bench *bench = xcalloc(1, sizeof(*bench));
    memset(bench->text, 'x', TEXT_SIZE);
    fixture_init(&bench->fixture, false, true);
    pid_t pid = spawn_self("serve", bench->fixture.dir);
    struct outcome outcome;
    fixture_call(&bench->fixture, FIXTURE_ECHO, "up", NULL, &outcome);
    print_memory(pid);
    run(bench, 1);
    run(bench, 16);
    kill_and_wait(pid, SIGKILL);
    fixture_fini(&bench->fixture);
    free(bench);
    return 0;
}
