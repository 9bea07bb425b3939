/*
 * Log entries: levels, context, one line for one thing, and a panic that ends the process.
 */
#include "libdialup/base/log.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static struct {
    int count;
    enum log_level level;
    char message[4096];
    char program[32];
    char request_id[32];
    bool has_site;
} seen;

static void sink(const struct log_entry *entry)
{
    seen.count++;
    seen.level = entry->level;
    snprintf(seen.message, sizeof(seen.message), "%s", entry->message);
    snprintf(seen.program, sizeof(seen.program), "%s", entry->program);
    snprintf(seen.request_id, sizeof(seen.request_id), "%s",
             entry->context->request_id ? entry->context->request_id : "");
    seen.has_site = entry->context->site != NULL;
}

static void start(enum log_level level)
{
    memset(&seen, 0, sizeof(seen));
    log_init("tester", level);
    log_set_sink(sink);
}

static void case_levels(void)
{
    for (int threshold = LOG_LEVEL_ERROR; threshold <= LOG_LEVEL_DEBUG; threshold++) {
        start((enum log_level)threshold);
        log_error("1");
        log_warning("2");
        log_info("3");
        log_debug("4");
        CHECK_INT(seen.count, threshold + 1);
        CHECK_INT(seen.level, threshold);
        enum log_level parsed;
        CHECK(log_level_parse(log_level_name((enum log_level)threshold), &parsed));
        CHECK_INT(parsed, threshold);
    }
    enum log_level level;
    CHECK(!log_level_parse("loud", &level) && !log_level_parse("", &level));
    log_set_level(LOG_LEVEL_WARNING);
    CHECK_INT(log_get_level(), LOG_LEVEL_WARNING);
}

static void case_one_line(void)
{
    start(LOG_LEVEL_INFO);
    log_info("%s", "a\nb\r\tc\x1B[31m\x7F");
    CHECK_STR(seen.message, "a b  c [31m ");
    CHECK_STR(seen.program, "tester");
    char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_info("%s", text);
    CHECK(strlen(seen.message) > 1000 && strlen(seen.message) < 4096);
}

static void case_context(void)
{
    start(LOG_LEVEL_INFO);
    const struct log_context outer = {.request_id = "r-1", .site = "a.example.org"};
    const struct log_context inner = {.request_id = "r-2"};
    const struct log_context *before = log_context_swap(&outer);
    CHECK(log_context_get() == &outer);
    const struct log_context *middle = log_context_swap(&inner);
    CHECK(middle == &outer);
    log_info("x");
    CHECK_STR(seen.request_id, "r-2");
    CHECK(!seen.has_site);
    log_context_swap(middle);
    log_info("x");
    CHECK_STR(seen.request_id, "r-1");
    CHECK(seen.has_site);
    log_context_swap(before);
    log_context_swap(NULL);
    log_info("x");
    CHECK_STR(seen.request_id, "");
}

/* Runs work in a child and gives what it wrote to stderr and how it ended. */
static int run_child(void (*work)(void), char *out, size_t size)
{
    int pipe_ends[2];
    if (!CHECK(pipe(pipe_ends) == 0)) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipe_ends[1], STDERR_FILENO);
        log_set_sink(NULL);
        work();
        _exit(0);
    }
    close(pipe_ends[1]);
    size_t used = 0;
    for (ssize_t got; (got = read(pipe_ends[0], out + used, size - 1 - used)) > 0;) {
        used += (size_t)got;
    }
    out[used] = '\0';
    close(pipe_ends[0]);
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

static void write_with_context(void)
{
    const struct log_context context = {"r-9", "7 ann@example.org", "a.example.org"};
    log_context_swap(&context);
    log_warning("disk is %d %% full", 91);
}

static void panic(void)
{
    log_panic("lost %s", "count");
}

static void assert_wrong(void)
{
    ASSERT(1 + 1 == 3);
}

static void case_stderr(void)
{
    char out[8192];
    start(LOG_LEVEL_INFO);
    CHECK_INT(run_child(write_with_context, out, sizeof(out)), 0);
    CHECK_STR(out, "<4>warning tester: disk is 91 % full REQUEST_ID=r-9 USER=7 ann@example.org "
                   "SITE=a.example.org\n");
}

static void case_panic(void)
{
    char out[8192];
    start(LOG_LEVEL_ERROR);
    int status = run_child(panic, out, sizeof(out));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK_CONTAINS(out, "<3>error tester: lost count\n");
    status = run_child(assert_wrong, out, sizeof(out));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK_CONTAINS(out, "assertion failed: 1 + 1 == 3");
}

int main(void)
{
    static const struct check_case cases[] = {
        {"levels", case_levels},
        {"an entry is one line", case_one_line},
        {"the context goes along", case_context},
        {"the line on stderr", case_stderr},
        {"a panic logs and aborts", case_panic},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
