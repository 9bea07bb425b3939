/*
 * Jobs: lines in, lines out, and each way to end. The job is this program itself, in the role that
 * the environment names.
 */
#include "dialup-deployd/job.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"

enum { PATIENCE_S = 30, BIG_LINES = 50000 };

static struct {
    struct event_base *base;
    struct job *job;
    struct strbuf text; /* lines, each with a newline */
    int lines, ends;
    size_t longest;
    struct job_exit exit;
    bool stops_at_first_line;
} seen;

static void on_line(void *context, const char *line, size_t size)
{
    CHECK_INT(seen.ends, 0);
    seen.lines++;
    seen.longest = size > seen.longest ? size : seen.longest;
    strbuf_append(&seen.text, line, size);
    strbuf_putc(&seen.text, '\n');
    if (seen.stops_at_first_line) {
        job_stop(seen.job);
    }
}

static void on_done(void *context, const struct job_exit *end)
{
    seen.ends++;
    seen.exit = *end;
    event_base_loopbreak(seen.base);
}

static void prepare(void)
{
    if (seen.base) {
        event_base_free(seen.base);
    }
    strbuf_fini(&seen.text);
    memset(&seen, 0, sizeof(seen));
    seen.base = event_base_new();
}

static int start(const char *role, const char *input, size_t input_size, int64_t timeout_ms)
{
    static char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[len > 0 ? len : 0] = '\0';
    setenv("JOB_ROLE", role, 1);
    const struct job_options options = {
        .program = self,
        .input = input,
        .input_size = input_size,
        .timeout_ms = timeout_ms,
        .on_line = on_line,
        .on_done = on_done,
    };
    struct error err;
    return job_start(seen.base, &options, &seen.job, &err);
}

static void wait_for_end(void)
{
    struct timeval patience = {PATIENCE_S, 0};
    event_base_loopexit(seen.base, &patience);
    event_base_dispatch(seen.base);
    CHECK_INT(seen.ends, 1);
}

static void run(const char *role, const char *input, size_t input_size)
{
    prepare();
    CHECK_INT(start(role, input, input_size, PATIENCE_S * 1000), 0);
    wait_for_end();
}

static void case_echo(void)
{
    run("echo", "{\"a\":1}\nsecond\n", 15);
    CHECK_STR(strbuf_text(&seen.text), "{\"a\":1}\nsecond\n");
    CHECK_INT(seen.exit.status, 0);
    CHECK_INT(seen.exit.signal, 0);
    CHECK(!seen.exit.timed_out && !seen.exit.was_stopped);
}

static void case_no_input(void)
{
    run("echo", NULL, 0);
    CHECK_INT(seen.lines, 0);
    CHECK_INT(seen.exit.status, 0);
}

static void case_much_input(void)
{
    AUTO_STRBUF struct strbuf input = STRBUF_INIT;
    for (int i = 0; i < BIG_LINES; i++) {
        strbuf_printf(&input, "line number %d\n", i);
    }
    run("echo", strbuf_text(&input), input.size);
    CHECK_INT(seen.lines, BIG_LINES);
    CHECK(strcmp(strbuf_text(&seen.text), strbuf_text(&input)) == 0);
}

static void case_status(void)
{
    run("exit 7", "x", 1);
    CHECK_INT(seen.exit.status, 7);
    CHECK_STR(strbuf_text(&seen.text), "last words\n");
}

static void case_unread_input(void)
{
    AUTO_FREE char *input = xcalloc(1, 1 << 20); /* more than a pipe holds */
    run("exit 7", input, 1 << 20);
    CHECK_INT(seen.exit.status, 7);
}

static void case_crash(void)
{
    run("crash", "x", 1);
    CHECK_INT(seen.exit.status, -1);
    CHECK_INT(seen.exit.signal, SIGKILL);
    CHECK_STR(strbuf_text(&seen.text), "before\n"); /* half a line is no line */
    CHECK(!seen.exit.timed_out && !seen.exit.was_stopped);
}

static void case_timeout(void)
{
    prepare();
    CHECK_INT(start("hang", "x", 1, 200), 0);
    wait_for_end();
    CHECK(seen.exit.timed_out && !seen.exit.was_stopped);
    CHECK_INT(seen.exit.signal, SIGTERM);
}

static void case_timeout_of_a_deaf_one(void)
{
    prepare();
    int64_t before = clock_monotonic_us();
    CHECK_INT(start("deaf", "x", 1, 200), 0);
    wait_for_end();
    int64_t took_ms = (clock_monotonic_us() - before) / 1000;
    CHECK(seen.exit.timed_out);
    CHECK_INT(seen.exit.signal, SIGKILL);
    CHECK(took_ms >= 5000 && took_ms < 15000);
}

static void case_stop(void)
{
    prepare();
    CHECK_INT(start("hang", "x", 1, PATIENCE_S * 1000), 0);
    seen.stops_at_first_line = true; /* twice is fine: it says two lines */
    wait_for_end();
    CHECK(seen.exit.was_stopped && !seen.exit.timed_out);
    CHECK_INT(seen.exit.signal, SIGTERM);
}

static void resume(evutil_socket_t fd, short events, void *context)
{
    CHECK_INT(seen.ends, 0); /* its time stood still, too */
    job_resume(seen.job);
}

static void case_pause(void)
{
    prepare();
    const struct timeval later = {1, 0};
    CHECK_INT(start("hang", "x", 1, 300), 0);
    job_pause(seen.job);
    job_pause(seen.job);
    event_base_once(seen.base, -1, EV_TIMEOUT, resume, NULL, &later);
    wait_for_end();
    CHECK(seen.exit.timed_out);
    CHECK_INT(seen.exit.signal, SIGTERM);
}

static void case_stop_while_paused(void)
{
    prepare();
    CHECK_INT(start("hang", "x", 1, PATIENCE_S * 1000), 0);
    job_pause(seen.job);
    job_stop(seen.job);
    wait_for_end();
    CHECK(seen.exit.was_stopped && !seen.exit.timed_out);
    CHECK_INT(seen.exit.signal, SIGTERM);
}

static void case_group_goes_along(void)
{
    run("leave child", "x", 1);
    CHECK_INT(seen.exit.status, 0);
    pid_t child = (pid_t)atoi(strbuf_text(&seen.text));
    CHECK(child > 1);
    /* Killed with its group; nobody's child now, so gone or about to be. */
    for (int i = 0; i < 10000 && kill(child, 0) == 0; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        char text[256] = "";
        if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || strstr(text, ") Z ")) {
            return;
        }
        sched_yield();
    }
    CHECK(kill(child, 0) < 0 && errno == ESRCH);
}

static void case_pipe_held_by_a_stranger(void)
{
    int64_t before = clock_monotonic_us();
    run("leave stranger", "x", 1);
    CHECK_INT(seen.exit.status, 0);
    CHECK((clock_monotonic_us() - before) / 1000 < 10000);
    pid_t stranger = (pid_t)atoi(strbuf_text(&seen.text));
    if (CHECK(stranger > 1)) {
        kill(stranger, SIGKILL);
    }
}

static void case_big_output(void)
{
    run("many lines", "x", 1);
    CHECK_INT(seen.lines, BIG_LINES);
    CHECK_INT(seen.exit.status, 0);
    CHECK(str_ends_with(strbuf_text(&seen.text), "line 49999\n"));
}

static void case_line_of_a_megabyte(void)
{
    run("long line", "x", 1);
    CHECK_INT(seen.longest, 1000000);
    CHECK_INT(seen.lines, 2);
    CHECK_INT(seen.exit.status, 0);
}

static void case_line_without_end(void)
{
    run("endless line", "x", 1);
    CHECK_STR(strbuf_text(&seen.text), "first\n"); /* its tail is not a line */
    CHECK(seen.exit.was_stopped);
    CHECK(seen.longest <= JOB_MAX_LINE_BYTES);
}

static void case_no_program(void)
{
    prepare();
    struct error err = {0};
    const struct job_options options = {
        .program = "/nonexistent/job", .timeout_ms = 1000, .on_line = on_line, .on_done = on_done};
    CHECK_INT(job_start(seen.base, &options, &seen.job, &err), -ERR_IO);
    CHECK_CONTAINS(err.message, "/nonexistent/job");
    CHECK_INT(seen.ends, 0);
}

static void case_abandon(void)
{
    prepare();
    CHECK_INT(start("hang", "x", 1, PATIENCE_S * 1000), 0);
    job_abandon(seen.job);
    event_base_loop(seen.base, EVLOOP_NONBLOCK);
    CHECK_INT(seen.ends, 0);
    int status;
    CHECK(wait(&status) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void case_clean_descriptors(void)
{
    AUTO_CLOSE int open_by_us = dup(STDIN_FILENO);
    fcntl(open_by_us, F_SETFD, FD_CLOEXEC);
    run("descriptors", "x", 1);
    CHECK_STR(strbuf_text(&seen.text), "0 1 2\n");
    CHECK_INT(seen.exit.status, 0);
}

/* Roles -------------------------------------------------------------------------------------------
 */

static int echo(void)
{
    char chunk[65536];
    for (ssize_t got; (got = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0;) {
        for (ssize_t at = 0, put; at < got; at += put) {
            put = write(STDOUT_FILENO, chunk + at, (size_t)(got - at));
            if (put < 0) {
                return 1;
            }
        }
    }
    return 0;
}

static int exit_7(void)
{
    puts("last words");
    return 7;
}

static int crash(void)
{
    printf("before\nhalf a");
    fflush(stdout);
    raise(SIGKILL);
    return 0;
}

static int hang(void)
{
    puts("one\ntwo");
    fflush(stdout);
    for (;;) {
        pause();
    }
    return 0;
}

static int deaf(void)
{
    signal(SIGTERM, SIG_IGN);
    return hang();
}

static int leave(bool is_stranger)
{
    pid_t child = fork();
    if (child == 0) {
        if (is_stranger) {
            setsid();
        }
        for (;;) {
            pause();
        }
    }
    printf("%d\n", (int)child);
    fflush(stdout);
    _exit(0);
}

static int leave_child(void)
{
    return leave(false);
}

static int leave_stranger(void)
{
    return leave(true);
}

static int many_lines(void)
{
    for (int i = 0; i < BIG_LINES; i++) {
        printf("line %d\n", i);
    }
    return 0;
}

static int long_line(void)
{
    for (int i = 0; i < 1000000; i++) {
        putchar('x');
    }
    puts("\nend");
    return 0;
}

static int endless_line(void)
{
    puts("first");
    for (int i = 0; i < 8 << 20; i++) {
        putchar('x');
    }
    puts("\nafter");
    return 0;
}

/* The open descriptors; /proc is not asked, it would be one more. */
static int descriptors(void)
{
    const char *space = "";
    for (int fd = 0; fd < 200; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            printf("%s%d", space, fd);
            space = " ";
        }
    }
    puts("");
    return 0;
}

static int play(const char *role)
{
    static const struct {
        const char *name;
        int (*play)(void);
    } roles[] = {
        {"echo", echo},
        {"exit 7", exit_7},
        {"crash", crash},
        {"hang", hang},
        {"deaf", deaf},
        {"leave child", leave_child},
        {"leave stranger", leave_stranger},
        {"many lines", many_lines},
        {"long line", long_line},
        {"endless line", endless_line},
        {"descriptors", descriptors},
    };
    for (size_t i = 0; i < ARRAY_COUNT(roles); i++) {
        if (str_equal(roles[i].name, role)) {
            return roles[i].play();
        }
    }
    return 99;
}

int main(void)
{
    static const struct check_case cases[] = {
        {"lines in, lines out", case_echo},
        {"no input at all", case_no_input},
        {"more input than a pipe holds", case_much_input},
        {"an exit status", case_status},
        {"input that is not read", case_unread_input},
        {"a crash", case_crash},
        {"the end of its time", case_timeout},
        {"the end of its time, SIGTERM ignored", case_timeout_of_a_deaf_one},
        {"stopped", case_stop},
        {"a pause, in which its time stands still", case_pause},
        {"one that is asked to end while it is paused", case_stop_while_paused},
        {"what it left running goes with it", case_group_goes_along},
        {"a stranger holds its output open", case_pipe_held_by_a_stranger},
        {"many lines", case_big_output},
        {"a line of a megabyte", case_line_of_a_megabyte},
        {"a line without end", case_line_without_end},
        {"no such program", case_no_program},
        {"abandoned", case_abandon},
        {"it gets three descriptors", case_clean_descriptors},
    };
    const char *role = getenv("JOB_ROLE");
    if (role) {
        return play(role);
    }
    signal(SIGPIPE, SIG_IGN);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); /* what we were given ourselves */
    int result = check_run(cases, ARRAY_COUNT(cases));
    prepare();
    event_base_free(seen.base);
    return result;
}
