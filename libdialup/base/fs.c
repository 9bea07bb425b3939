/*
 * The file system's edge. See the header for what may block and what "beneath" promises.
 */
#include "libdialup/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "libdialup/base/memory.h"

/* Walks path folder by folder and calls make on each prefix; stops at the first failure. */
static int for_each_prefix(const char *path, int (*make)(const char *prefix, void *context),
                           void *context)
{
    AUTO_FREE char *copy = xstrdup(path);
    for (char *at = copy; *at; at++) {
        if (*at == '/' && at > copy && at[-1] != '/') {
            *at = '\0';
            int result = make(copy, context);
            *at = '/';
            if (result < 0) {
                return result;
            }
        }
    }
    size_t len = strlen(copy);
    bool is_made = len > 1 && copy[len - 1] == '/'; /* by the last turn of the loop */
    return is_made ? 0 : make(copy, context);
}

struct make_dir {
    int dir_fd;
    mode_t mode;
    struct error *err;
};

static int make_dir(const char *path, void *context)
{
    const struct make_dir *make = context;
    if (mkdirat(make->dir_fd, path, make->mode) == 0 || errno == EEXIST) {
        return 0;
    }
    return error_set_errno(make->err, ERR_IO, errno, "Cannot create the folder %s", path);
}

int fs_make_dirs(const char *path, mode_t mode, struct error *err)
{
    struct make_dir make = {AT_FDCWD, mode, err};
    int result = for_each_prefix(path, make_dir, &make);
    if (result < 0) {
        return result;
    }
    struct stat info;
    if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode)) {
        return error_set(err, ERR_IO, "%s is in the way: it is not a folder", path);
    }
    return 0;
}

static int open_beneath(int dir_fd, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (unsigned long long)(flags | O_CLOEXEC),
        .mode = (flags & O_CREAT) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
    };
    return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
}

int fs_open_beneath(int dir_fd, const char *path, int flags, mode_t mode, struct error *err)
{
    int fd = open_beneath(dir_fd, path, flags, mode);
    if (fd < 0) {
        return error_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
                               "Cannot open %s", path);
    }
    return fd;
}

/* Opens the parent of the prefix without links, so that mkdirat cannot be led out. */
static int make_dir_beneath(const char *path, void *context)
{
    const struct make_dir *make = context;
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
    AUTO_CLOSE int fd = open_beneath(make->dir_fd, parent, O_PATH | O_DIRECTORY, 0);
    if (fd < 0) {
        return error_set_errno(make->err, ERR_IO, errno, "Cannot open the folder %s", parent);
    }
    struct make_dir inner = {fd, make->mode, make->err};
    return make_dir(slash ? slash + 1 : path, &inner);
}

int fs_make_dir_for(const char *path, mode_t mode, gid_t group, struct error *err)
{
    int result = fs_make_dirs(path, mode, err);
    if (result < 0) {
        return result;
    }
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0 ||
        (info.st_gid != group && fchown(fd, (uid_t)-1, group) < 0) ||
        ((info.st_mode & 07777) != mode && fchmod(fd, mode) < 0)) {
        return error_set_errno(err, ERR_IO, errno, "Cannot set who may use the folder %s", path);
    }
    return 0;
}

bool fs_may_give(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    return syscall(SYS_capget, &header, data) == 0 &&
           (data[CAP_TO_INDEX(CAP_CHOWN)].effective & CAP_TO_MASK(CAP_CHOWN)) != 0;
}

int fs_make_dirs_beneath(int dir_fd, const char *path, mode_t mode, struct error *err)
{
    struct make_dir make = {dir_fd, mode, err};
    int result = for_each_prefix(path, make_dir_beneath, &make);
    if (result < 0) {
        return result;
    }
    AUTO_CLOSE int fd = open_beneath(dir_fd, path, O_PATH | O_DIRECTORY, 0);
    if (fd < 0) {
        return error_set_errno(err, ERR_IO, errno, "%s is in the way", path);
    }
    return 0;
}

int fs_read_file(const char *path, size_t max_size, struct strbuf *out, struct error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
                               "Cannot read %s", path);
    }
    size_t total = 0;
    char chunk[16384];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0) {
            return error_set_errno(err, ERR_IO, errno, "Cannot read %s", path);
        }
        if (got == 0) {
            return 0;
        }
        total += (size_t)got;
        if (total > max_size) {
            return error_set(err, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, max_size);
        }
        strbuf_append(out, chunk, (size_t)got);
    }
}

int fs_write_all(int fd, const void *data, size_t size, struct error *err)
{
    const char *at = data;
    while (size > 0) {
        ssize_t wrote = write(fd, at, size);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            return error_set_errno(err, ERR_IO, errno, "Cannot write");
        }
        at += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

static void sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
    AUTO_CLOSE int fd = open(*parent ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
    }
}

static int write_and_sync(int fd, const void *data, size_t size, mode_t mode, struct error *err)
{
    int result = fs_write_all(fd, data, size, err);
    if (result == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0)) {
        result = error_set_errno(err, ERR_IO, errno, "Cannot write");
    }
    return result;
}

int fs_write_file(const char *path, const void *data, size_t size, mode_t mode, struct error *err)
{
    AUTO_FREE char *temporary = xasprintf("%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot create %s", path);
    }
    int result = write_and_sync(fd, data, size, mode, err);
    close(fd);
    if (result == 0 && rename(temporary, path) < 0) {
        result = error_set_errno(err, ERR_IO, errno, "Cannot replace %s", path);
    }
    if (result < 0) {
        unlink(temporary);
        return result;
    }
    sync_parent(path);
    return 0;
}

static FTS *open_tree(const char *path)
{
    char *paths[] = {(char *)(uintptr_t)path, NULL}; /* fts_open(3) does not write to it */
    return fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
}

static int remove_entry(const FTSENT *entry, struct error *err)
{
    switch (entry->fts_info) {
    case FTS_D:
        /* A folder that its owner cannot enter could not be emptied either. */
        chmod(entry->fts_accpath, 0700);
        return 0;
    case FTS_NS:
    case FTS_ERR:
        if (entry->fts_errno == ENOENT) {
            return 0;
        }
        return error_set_errno(err, ERR_IO, entry->fts_errno, "Cannot remove %s", entry->fts_path);
    case FTS_DP:
    case FTS_DNR:
        if (rmdir(entry->fts_accpath) == 0 || errno == ENOENT) {
            return 0;
        }
        break;
    default:
        if (unlink(entry->fts_accpath) == 0 || errno == ENOENT) {
            return 0;
        }
        break;
    }
    return error_set_errno(err, ERR_IO, errno, "Cannot remove %s", entry->fts_path);
}

int fs_remove_tree(const char *path, struct error *err)
{
    FTS *tree = open_tree(path);
    if (!tree) {
        return error_set_errno(err, ERR_IO, errno, "Cannot remove %s", path);
    }
    int result = 0;
    FTSENT *entry;
    while (result == 0 && (entry = fts_read(tree))) {
        result = remove_entry(entry, err);
    }
    fts_close(tree);
    return result;
}

int fs_replace_symlink(const char *target, const char *link, struct error *err)
{
    /* With a dot in front: the name could be that of another link, were it only longer. */
    const char *slash = strrchr(link, '/');
    const char *name = slash ? slash + 1 : link;
    AUTO_FREE char *temporary = xasprintf("%.*s.%s.new", (int)(name - link), link, name);
    unlink(temporary);
    if (symlink(target, temporary) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot create the link %s", temporary);
    }
    if (rename(temporary, link) < 0) {
        int saved = errno;
        unlink(temporary);
        return error_set_errno(err, ERR_IO, saved, "Cannot replace the link %s", link);
    }
    return 0;
}

/* A file with several links counts a part with each of them, so that all of them make one. */
static void add_entry(const struct stat *info, struct fs_usage *usage)
{
    bool shared = !S_ISDIR(info->st_mode) && info->st_nlink > 1;
    usage->size_bytes += info->st_blocks * 512 / (shared ? (int64_t)info->st_nlink : 1);
    usage->inodes++;
}

int fs_measure_tree(const char *path, int64_t max_inodes, struct fs_usage *ret_usage,
                    struct error *err)
{
    FTS *tree = open_tree(path);
    if (!tree) {
        return error_set_errno(err, ERR_IO, errno, "Cannot measure %s", path);
    }
    struct fs_usage usage = {0};
    int result = 0;
    FTSENT *entry;
    while (result == 0 && (entry = fts_read(tree))) {
        if (entry->fts_info == FTS_DP || !entry->fts_statp) {
            continue;
        }
        if (entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR) {
            continue; /* vanished while we looked: normal */
        }
        add_entry(entry->fts_statp, &usage);
        if (usage.inodes > max_inodes) {
            result = error_set(err, ERR_TOO_LARGE, "%s holds more than %lld files", path,
                               (long long)max_inodes);
        }
    }
    fts_close(tree);
    if (result == 0) {
        *ret_usage = usage;
    }
    return result;
}

bool fs_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}
