/*
 * Freezing: a real group of a real process where this machine has one to give, and made-up trees
 * for the other version.
 */
#include "libdialup/cgroup/freezer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"

static bool put(const char *folder, const char *file, const char *text)
{
    AUTO_FREE char *path = xasprintf("%s/%s", folder, file);
    FILE *out = fopen(path, "w");
    bool is_done = out && fputs(text, out) >= 0;
    return out && fclose(out) == 0 && is_done;
}

/* A child that says a byte for each byte it hears. */
struct echo {
    pid_t pid;
    int to, from;
};

static struct echo echo_start(void)
{
    int in[2];
    int out[2];
    if (pipe(in) < 0 || pipe(out) < 0) {
        abort();
    }
    struct echo echo = {.pid = fork(), .to = in[1], .from = out[0]};
    if (echo.pid == 0) {
        char byte;
        close(in[1]);
        while (read(in[0], &byte, 1) == 1 && write(out[1], &byte, 1) == 1) {
        }
        _exit(0);
    }
    close(in[0]);
    close(out[1]);
    fcntl(echo.from, F_SETFL, O_NONBLOCK);
    return echo;
}

static bool echo_is_silent(const struct echo *echo)
{
    char byte;
    return read(echo->from, &byte, 1) < 0 && errno == EAGAIN;
}

static void echo_end(struct echo *echo)
{
    close(echo->to);
    close(echo->from);
    waitpid(echo->pid, NULL, 0);
}

/* A group for the test in this machine's own tree; false where it may not make one. */
static bool make_group(enum cgroup_version version, char *path, size_t size)
{
    const char *controller = version == CGROUP_V1 ? "/freezer" : "";
    snprintf(path, size, "/sys/fs/cgroup%s/dialup-unit-%d", controller, (int)getpid());
    return mkdir(path, 0755) == 0;
}

static void case_real(void)
{
    char path[100];
    enum cgroup_version version = cgroup_detect("/sys/fs/cgroup");
    if (!make_group(version, path, sizeof(path))) {
        printf("# no group can be made here: only the made-up trees are tested\n");
        return;
    }
    struct echo echo = echo_start();
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", (int)echo.pid);
    struct cgroup_freezer freezer;
    struct error err = {0};
    bool is_frozen = true;
    char byte = 0;
    CHECK(put(path, "cgroup.procs", pid));
    CHECK_INT(cgroup_freezer_find("/sys/fs/cgroup", echo.pid, &freezer, &err), 0);
    CHECK_STR(freezer.dir, path);
    CHECK_INT(cgroup_is_frozen(&freezer, &is_frozen, &err), 0);
    CHECK(!is_frozen);
    CHECK_INT(cgroup_freeze(&freezer, &err), 0);
    CHECK_INT(cgroup_freeze(&freezer, &err), 0);
    CHECK_INT(cgroup_is_frozen(&freezer, &is_frozen, &err), 0);
    CHECK(is_frozen);
    CHECK_INT(write(echo.to, "x", 1), 1);
    CHECK(echo_is_silent(&echo));
    CHECK_INT(cgroup_thaw(&freezer, &err), 0);
    fcntl(echo.from, F_SETFL, 0);
    CHECK_INT(read(echo.from, &byte, 1), 1);
    CHECK_INT(byte, 'x');
    echo_end(&echo);
    CHECK_INT(rmdir(path), 0);
    CHECK_INT(cgroup_freeze(&freezer, &err), -ERR_NOT_FOUND);
    CHECK_INT(cgroup_thaw(&freezer, &err), -ERR_NOT_FOUND);
}

static char *read_back(const char *folder, const char *file)
{
    AUTO_FREE char *path = xasprintf("%s/%s", folder, file);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    fs_read_file(path, 100, &text, NULL);
    return xstrdup(strbuf_text(&text));
}

static void check_tree(enum cgroup_version version, const char *file, const char *frozen,
                       const char *thawed)
{
    struct cgroup_freezer freezer = {.version = version, .dir = "/tmp/dul-freezer-XXXXXX"};
    bool is_frozen = false;
    if (!mkdtemp(freezer.dir) || !put(freezer.dir, file, thawed)) {
        abort();
    }
    CHECK_INT(cgroup_freeze(&freezer, NULL), 0);
    AUTO_FREE char *after_freeze = read_back(freezer.dir, file);
    CHECK(strncmp(after_freeze, frozen, strlen(frozen)) == 0);
    CHECK_INT(cgroup_is_frozen(&freezer, &is_frozen, NULL), 0);
    CHECK(is_frozen);
    CHECK_INT(cgroup_thaw(&freezer, NULL), 0);
    CHECK_INT(cgroup_is_frozen(&freezer, &is_frozen, NULL), 0);
    CHECK(!is_frozen);
    CHECK_INT(cgroup_reclaim(&freezer, 1 << 20, NULL), -ERR_UNSUPPORTED);
    if (version == CGROUP_V2 && put(freezer.dir, "memory.reclaim", "")) {
        CHECK_INT(cgroup_reclaim(&freezer, 1 << 20, NULL), 0);
        AUTO_FREE char *amount = read_back(freezer.dir, "memory.reclaim");
        CHECK_STR(amount, "1048576");
    }
    fs_remove_tree(freezer.dir, NULL);
}

/* The made-up group never gets smaller, so once is enough; thawed it is left alone. */
static void case_reclaim(void)
{
    struct cgroup_freezer freezer = {.version = CGROUP_V2, .dir = "/tmp/dul-reclaim-XXXXXX"};
    int64_t bytes = -1;
    if (!mkdtemp(freezer.dir) || !put(freezer.dir, "cgroup.freeze", "0\n")) {
        abort();
    }
    CHECK(!cgroup_can_reclaim(&freezer));
    CHECK_INT(cgroup_reclaim_frozen(&freezer, 1 << 30, &bytes, NULL), -ERR_NOT_FOUND);
    CHECK(put(freezer.dir, "memory.current", "50000000\n"));
    CHECK(put(freezer.dir, "memory.reclaim", ""));
    CHECK(cgroup_can_reclaim(&freezer));
    CHECK_INT(cgroup_reclaim_frozen(&freezer, 1 << 30, &bytes, NULL), 0);
    CHECK_INT(bytes, 0);
    AUTO_FREE char *thawed = read_back(freezer.dir, "memory.reclaim");
    CHECK_STR(thawed, "");
    CHECK_INT(cgroup_freeze(&freezer, NULL), 0);
    CHECK_INT(cgroup_reclaim_frozen(&freezer, 1 << 30, &bytes, NULL), 0);
    AUTO_FREE char *frozen = read_back(freezer.dir, "memory.reclaim");
    CHECK_STR(frozen, "4194304");
    freezer.version = CGROUP_V1;
    CHECK(!cgroup_can_reclaim(&freezer));
    fs_remove_tree(freezer.dir, NULL);
}

static void case_v1(void)
{
    check_tree(CGROUP_V1, "freezer.state", "FROZEN", "THAWED");
}

static void case_v2(void)
{
    check_tree(CGROUP_V2, "cgroup.freeze", "1", "0");
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a process stands still and goes on", case_real},
        {"version 1: the words of freezer.state", case_v1},
        {"version 2: cgroup.freeze and memory.reclaim", case_v2},
        {"pages are pushed out only while the group stands still", case_reclaim},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
