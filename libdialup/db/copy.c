/*
 * A consistent copy by VACUUM INTO: also right while daemons still read and write.
 */
#include "libdialup/db/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/db/internal.h"

enum { KEPT_COPIES = 3, MAX_COPIES = 256 };

static int vacuum_into(sqlite3 *handle, const char *target, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(handle, "VACUUM INTO ?1", -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_bind_text(stmt, 1, target, -1, SQLITE_STATIC);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? 0 : db_fail_code(code, err);
}

static int sync_path(const char *path, int flags, struct error *err)
{
    AUTO_CLOSE int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot save %s", path);
    }
    return 0;
}

/* The copy holds password hashes like the original: its owner alone may read it. */
static int put_in_place(const char *part, const char *target, const char *folder, struct error *err)
{
    if (chmod(part, 0600) != 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot protect %s", part);
    }
    int r = sync_path(part, O_RDONLY, err);
    if (r < 0) {
        return r;
    }
    if (rename(part, target) != 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot save %s", target);
    }
    return sync_path(folder, O_RDONLY | O_DIRECTORY, err);
}

static int compare_falling(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a;
    int64_t second = *(const int64_t *)b;
    return (first < second) - (first > second);
}

static size_t list_copies(const char *folder, const char *prefix, int64_t versions[MAX_COPIES])
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    if (!dir) {
        return 0;
    }
    const struct dirent *entry;
    while (count < MAX_COPIES && (entry = readdir(dir))) {
        if (str_starts_with(entry->d_name, prefix) &&
            str_parse_i64(entry->d_name + strlen(prefix), 1, INT_MAX, &versions[count])) {
            count++;
        }
    }
    closedir(dir);
    qsort(versions, count, sizeof(versions[0]), compare_falling);
    return count;
}

/* A copy that cannot be removed is no reason to stop: it is one file too many. */
static void remove_old_copies(const char *folder, const char *prefix)
{
    int64_t versions[MAX_COPIES];
    size_t count = list_copies(folder, prefix, versions);
    for (size_t i = KEPT_COPIES; i < count; i++) {
        AUTO_FREE char *path = xasprintf("%s/%s%jd", folder, prefix, (intmax_t)versions[i]);
        unlink(path);
    }
}

int db_copy_before(sqlite3 *handle, const char *path, int version, char *ret_path,
                   size_t ret_path_size, struct error *err)
{
    AUTO_FREE char *folder_buffer = xstrdup(path);
    AUTO_FREE char *name_buffer = xstrdup(path);
    const char *folder = dirname(folder_buffer);
    AUTO_FREE char *prefix = xasprintf("%s.before-", basename(name_buffer));
    AUTO_FREE char *target = xasprintf("%s/%s%d", folder, prefix, version);
    AUTO_FREE char *part = xasprintf("%s.part", target);

    unlink(part); /* of a copy that was interrupted */
    int r = vacuum_into(handle, part, err);
    if (r == 0) {
        r = put_in_place(part, target, folder, err);
    }
    if (r < 0) {
        unlink(part);
        return r;
    }
    remove_old_copies(folder, prefix);
    str_copy(ret_path, ret_path_size, target);
    return 0;
}
