/*
 * A peer in another process that is absent, killed, stopped and started again; the watch.
 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/ipc/probe.h"
#include "libdialup/ipc/watch.h"
#include "tests/harness/check.h"
#include "tests/unit/ipc_fixture.h"

static void case_absent(void)
{
    struct fixture f;
    fixture_init(&f, false, false);
    struct ipc_client_options options = fixture_client_options(&f);
    options.connect_ms = 50;
    CHECK_INT(ipc_client_open(f.base, &options, &f.client, NULL), 0);
    struct outcome outcome;
    fixture_call(&f, FIXTURE_ECHO, "x", NULL, &outcome);
    CHECK_INT(outcome.err.code, ERR_UNAVAILABLE);
    CHECK_STR(outcome.err.message, "dialup-testd does not answer");
    CHECK_CONTAINS(outcome.err.hint, "systemctl status dialup-testd");
    fixture_fini(&f);
}

static void case_killed_and_started_again(void)
{
    struct fixture f;
    fixture_init(&f, false, true);
    for (int round = 0; round < 5; round++) {
        pid_t pid = spawn_self("serve", f.dir);
        struct outcome outcome;
        fixture_call(&f, FIXTURE_ECHO, "up", NULL, &outcome);
        CHECK_STR(outcome.text, "up");
        const struct fixture_params params = {.text = "x"};
        struct outcome cut = {0};
        ipc_client_call(f.client, &fixture_methods[FIXTURE_NEVER], &params, NULL, fixture_on_reply,
                        &cut, NULL);
        /* Answered after the call above was sent: the peer has it. */
        fixture_call(&f, FIXTURE_ECHO, "still up", NULL, &outcome);
        CHECK_STR(outcome.text, "still up");
        kill_and_wait(pid, SIGKILL);
        CHECK(fixture_run_until(&f, &cut.done));
        CHECK_INT(cut.err.code, ERR_UNAVAILABLE);
        CHECK_STR(cut.err.message, "dialup-testd ended before it answered");
        CHECK_INT(cut.calls, 1);
    }
    fixture_fini(&f);
}

static void case_stopped(void)
{
    struct fixture f;
    fixture_init(&f, false, true);
    pid_t pid = spawn_self("serve", f.dir);
    struct outcome outcome;
    fixture_call(&f, FIXTURE_ECHO, "up", NULL, &outcome);
    CHECK_STR(outcome.text, "up");
    kill(pid, SIGSTOP);
    const struct ipc_call_options options = {.deadline_ms = 50};
    fixture_call(&f, FIXTURE_ECHO, "x", &options, &outcome);
    CHECK_INT(outcome.err.code, ERR_TIMEOUT);
    CHECK_CONTAINS(outcome.err.message, "has not answered in time");
    kill(pid, SIGCONT);
    fixture_call(&f, FIXTURE_ECHO, "again", NULL, &outcome);
    CHECK_STR(outcome.text, "again");
    kill_and_wait(pid, SIGKILL);
    fixture_fini(&f);
}

static void case_question_of_a_tool(void)
{
    struct fixture f;
    fixture_init(&f, false, false);
    pid_t pid = spawn_self("serve", f.dir);
    const struct ipc_client_options options = fixture_client_options(&f);
    const struct fixture_params params = {.text = "from a tool"};
    AUTO_ARENA struct arena *arena = arena_new();
    struct fixture_result result = {0};
    struct error err;
    int code = ipc_client_call_wait(&options, &fixture_methods[FIXTURE_ECHO], &params, NULL, arena,
                                    &result, &err);
    CHECK_INT(code, 0);
    CHECK_STR(result.text, "from a tool");
    const char *json = NULL;
    code = ipc_client_call_json_wait(&options, "nothing", "{}", NULL, arena, &json, &err);
    CHECK_INT(code, -ERR_UNKNOWN_METHOD);
    kill_and_wait(pid, SIGKILL);
    fixture_fini(&f);
}

struct report {
    bool done;
    char text[256];
};

static void on_report(void *context, const char *text)
{
    struct report *report = context;
    report->done = true;
    snprintf(report->text, sizeof(report->text), "%s", text ? text : "");
}

static void on_timer(int fd, short what, void *context)
{
    *(bool *)context = true;
}

static void case_watch_of_the_living(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    struct report report = {0};
    struct ipc_client *const clients[] = {f.client};
    const struct ipc_watch_options options = {.server = f.server,
                                              .clients = clients,
                                              .client_count = 1,
                                              .interval_ms = 10,
                                              .on_dead = on_report,
                                              .context = &report};
    struct ipc_watch *watch = ipc_watch_open(f.base, &options);
    bool is_over = false;
    const struct timeval while_watched = {0, 500000};
    event_base_once(f.base, -1, EV_TIMEOUT, on_timer, &is_over, &while_watched);
    CHECK(fixture_run_until(&f, &is_over));
    CHECK(!report.done);
    ipc_watch_close(watch);
    fixture_fini(&f);
}

/* As libnng leaves it now and then, when a peer dies during the handshake. */
static void case_watch_of_a_lost_dialer(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    struct outcome outcome;
    fixture_call(&f, FIXTURE_ECHO, "up", NULL, &outcome);
    CHECK_STR(outcome.text, "up");
    ipc_client_hang_up(f.client);
    const struct ipc_call_options soon = {.deadline_ms = 50};
    fixture_call(&f, FIXTURE_ECHO, "x", &soon, &outcome);
    CHECK_INT(outcome.err.code, ERR_UNAVAILABLE);
    struct report report = {0};
    struct ipc_client *const clients[] = {f.client};
    const struct ipc_watch_options options = {.server = f.server,
                                              .clients = clients,
                                              .client_count = 1,
                                              .interval_ms = 10,
                                              .on_dead = on_report,
                                              .context = &report};
    struct ipc_watch *watch = ipc_watch_open(f.base, &options);
    fixture_call(&f, FIXTURE_ECHO, "again", NULL, &outcome);
    CHECK_STR(outcome.text, "again");
    CHECK(!report.done);
    ipc_watch_close(watch);
    fixture_fini(&f);
}

static void case_watch_of_a_lost_listener(void)
{
    struct fixture f;
    fixture_init(&f, true, false);
    /* The file still names a socket that listens, but nobody accepts: as with a dead listener. */
    unlink(f.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", f.path);
    CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    CHECK_INT(listen(fd, 10), 0);
    struct report report = {0};
    const struct ipc_watch_options options = {.server = f.server,
                                              .interval_ms = 10,
                                              .timeout_ms = 50,
                                              .on_dead = on_report,
                                              .context = &report};
    struct ipc_watch *watch = ipc_watch_open(f.base, &options);
    CHECK(fixture_run_until(&f, &report.done));
    CHECK_CONTAINS(report.text, "own server");
    CHECK_CONTAINS(report.text, "does not answer");
    ipc_watch_close(watch);
    close(fd);
    fixture_fini(&f);
}

static void case_probe(void)
{
    struct fixture f;
    fixture_init(&f, true, false);
    struct report report = {0};
    struct ipc_probe_options options = {
        .path = f.path, .ping = true, .timeout_ms = 5000, .on_done = on_report, .context = &report};
    ipc_probe_start(f.base, &options);
    CHECK(!report.done);
    CHECK(fixture_run_until(&f, &report.done));
    CHECK_STR(report.text, "");
    report = (struct report){0};
    options.path = "/nonexistent/socket";
    ipc_probe_start(f.base, &options);
    CHECK(fixture_run_until(&f, &report.done));
    CHECK(report.text[0] != '\0');
    fixture_fini(&f);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        return fixture_serve(argv[2]);
    }
    static const struct check_case cases[] = {
        {"an absent peer", case_absent},
        {"a peer is killed and started again", case_killed_and_started_again},
        {"a peer is stopped", case_stopped},
        {"a tool asks", case_question_of_a_tool},
        {"the probe", case_probe},
        {"the watch of the living says nothing", case_watch_of_the_living},
        {"the watch dials anew for a lost dialer", case_watch_of_a_lost_dialer},
        {"the watch sees a lost listener", case_watch_of_a_lost_listener},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
