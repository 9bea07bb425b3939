/*
 * Freezing by the kernel's own files. Called by deployd when it puts sites to sleep and wakes them.
 */
#include "libdialup/cgroup/freezer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/cgroup/parse.h"

enum { FILE_BYTES = 4096, RECLAIM_STEP_BYTES = 4 << 20 };

/* What is written and read, by version: Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst
 * and cgroup-v2.rst. */
static const struct {
    const char *controller;
    const char *file;
    const char *frozen;
    const char *thawed;
} words[] = {
    [CGROUP_V1] = {"freezer", "freezer.state", "FROZEN", "THAWED"},
    [CGROUP_V2] = {"", "cgroup.freeze", "1", "0"},
};

int cgroup_freezer_find(const char *root, pid_t pid, struct cgroup_freezer *ret_freezer,
                        struct error *err)
{
    enum cgroup_version version = cgroup_detect(root);
    const char *controller = words[version].controller;
    AUTO_FREE char *path = xasprintf("/proc/%d/cgroup", (int)pid);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    char group[400];
    int result = fs_read_file(path, FILE_BYTES, &text, err);
    if (result < 0) {
        return result;
    }
    struct cgroup_freezer freezer = {.version = version};
    if (!cgroup_parse_membership(strbuf_text(&text), controller, group, sizeof(group)) ||
        str_equal(group, "/") ||
        snprintf(freezer.dir, sizeof(freezer.dir), "%s%s%s%s", root, *controller ? "/" : "",
                 controller, group) >= (int)sizeof(freezer.dir)) {
        return error_set(err, ERR_NOT_FOUND, "The process is in no group that can be frozen");
    }
    *ret_freezer = freezer;
    return 0;
}

/* One write(2), as the kernel wants it; nothing is created where the group is gone. 0 or an errno.
 */
static int put_text(const struct cgroup_freezer *freezer, const char *file, const char *text)
{
    AUTO_FREE char *path = xasprintf("%s/%s", freezer->dir, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int reason = write(fd, text, strlen(text)) < 0 ? errno : 0;
    close(fd);
    return reason;
}

static int fail(int reason, const char *what, struct error *err)
{
    bool is_gone = reason == ENOENT || reason == ENODEV;
    return reason == 0 ? 0
                       : error_set_errno(err, is_gone ? ERR_NOT_FOUND : ERR_IO, reason,
                                         "Cannot %s a control group", what);
}

int cgroup_freeze(const struct cgroup_freezer *freezer, struct error *err)
{
    return fail(put_text(freezer, words[freezer->version].file, words[freezer->version].frozen),
                "freeze", err);
}

int cgroup_thaw(const struct cgroup_freezer *freezer, struct error *err)
{
    return fail(put_text(freezer, words[freezer->version].file, words[freezer->version].thawed),
                "thaw", err);
}

int cgroup_is_frozen(const struct cgroup_freezer *freezer, bool *ret_is_frozen, struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/%s", freezer->dir, words[freezer->version].file);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(path, FILE_BYTES, &text, err);
    if (result == 0) {
        /* FREEZING, in version 1, is as good as frozen: it only goes on from there. */
        const char *thawed = words[freezer->version].thawed;
        *ret_is_frozen = strncmp(strbuf_text(&text), thawed, strlen(thawed)) != 0;
    }
    return result;
}

bool cgroup_can_reclaim(const struct cgroup_freezer *freezer)
{
    AUTO_FREE char *path = xasprintf("%s/memory.reclaim", freezer->dir);
    return freezer->version == CGROUP_V2 && fs_exists(path);
}

int cgroup_reclaim(const struct cgroup_freezer *freezer, int64_t bytes, struct error *err)
{
    if (!cgroup_can_reclaim(freezer)) {
        return error_set(err, ERR_UNSUPPORTED, "This kernel cannot push a group's pages out");
    }
    char amount[24];
    snprintf(amount, sizeof(amount), "%lld", (long long)bytes);
    int reason = put_text(freezer, "memory.reclaim", amount);
    return fail(reason == EAGAIN ? 0 : reason, "empty", err); /* EAGAIN: it found less than that */
}

static int read_size(const struct cgroup_freezer *freezer, int64_t *ret_bytes, struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/memory.current", freezer->dir);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(path, FILE_BYTES, &text, err);
    if (result < 0) {
        return result;
    }
    AUTO_FREE char *digits = xstrndup(strbuf_text(&text), strcspn(strbuf_text(&text), "\n"));
    return str_parse_i64(digits, 0, INT64_MAX, ret_bytes)
               ? 0
               : error_set(err, ERR_IO, "%s holds no number", path);
}

int cgroup_reclaim_frozen(const struct cgroup_freezer *freezer, int64_t most_bytes,
                          int64_t *ret_bytes, struct error *err)
{
    int64_t first;
    int result = read_size(freezer, &first, err);
    if (result != 0) {
        return result;
    }
    bool is_frozen = false;
    int64_t now = first;
    int64_t before;
    do {
        before = now;
        result = cgroup_is_frozen(freezer, &is_frozen, err);
        if (result == 0 && is_frozen) {
            result = cgroup_reclaim(freezer, RECLAIM_STEP_BYTES, err);
        }
        if (result == 0 && is_frozen) {
            result = read_size(freezer, &now, err);
        }
    } while (result == 0 && is_frozen && now < before && first - now < most_bytes);
    *ret_bytes = first - now;
    return result;
}
