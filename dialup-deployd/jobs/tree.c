/*
 * Walks with fts(3), physical. Called by the build job.
 */
#include "dialup-deployd/jobs/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/site/path.h"

#define STRIPPED_NAME ".dialup-top"

/* One entry; path is relative, "" for the folder itself. FTS_SKIP: not what is below. */
typedef int visit_fn(void *context, const FTSENT *entry, const char *path, int *ret_instruction,
                     struct error *err);

static int visit_entry(FTS *tree, FTSENT *entry, size_t prefix, visit_fn *visit, void *context,
                       struct error *err)
{
    if (entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR) {
        return error_set_errno(err, ERR_IO, entry->fts_errno, "Cannot read %s", entry->fts_path);
    }
    const char *path = entry->fts_path + prefix;
    int instruction = 0;
    int result = visit(context, entry, *path == '/' ? path + 1 : path, &instruction, err);
    if (result == 0 && instruction) {
        fts_set(tree, entry, instruction);
    }
    return result;
}

static int walk(const char *folder, visit_fn *visit, void *context, struct error *err)
{
    char *paths[] = {(char *)(uintptr_t)folder, NULL}; /* fts_open(3) does not write to it */
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (!tree) {
        return error_set_errno(err, ERR_IO, errno, "Cannot read %s", folder);
    }
    int result = 0;
    FTSENT *entry;
    while (result == 0 && (entry = fts_read(tree))) {
        if (entry->fts_info != FTS_DP) {
            result = visit_entry(tree, entry, strlen(folder), visit, context, err);
        }
    }
    fts_close(tree);
    return result;
}

/* Lists ------------------------------------------------------------------------------------- */

struct list {
    struct arena *arena;
    const char **paths;
    size_t count;
    size_t capacity;
};

static int add_to_list(void *context, const FTSENT *entry, const char *path, int *ret_instruction,
                       struct error *err)
{
    struct list *list = context;
    if (entry->fts_info == FTS_D && str_equal(path, "node_modules")) {
        *ret_instruction = FTS_SKIP;
    }
    bool is_file = entry->fts_info == FTS_F || entry->fts_info == FTS_SL;
    if (!is_file || site_path_check(path, NULL) < 0) {
        return 0;
    }
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->paths = xreallocarray(list->paths, list->capacity, sizeof(*list->paths));
    }
    list->paths[list->count++] = arena_strdup(list->arena, path);
    return 0;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int tree_list(struct arena *arena, const char *folder, struct site_files *ret_files,
              struct error *err)
{
    struct list list = {.arena = arena};
    int result = walk(folder, add_to_list, &list, err);
    if (result == 0 && list.count > 0) {
        qsort(list.paths, list.count, sizeof(*list.paths), compare_texts);
        const char **paths = arena_calloc(arena, list.count, sizeof(*paths));
        memcpy(paths, list.paths, list.count * sizeof(*paths));
        *ret_files = (struct site_files){.paths = paths, .count = list.count};
    } else if (result == 0) {
        *ret_files = (struct site_files){0};
    }
    free(list.paths);
    return result;
}

/* Owners and links -------------------------------------------------------------------------- */

static int give_entry(void *context, const FTSENT *entry, const char *path, int *ret_instruction,
                      struct error *err)
{
    const uid_t *owner = context;
    if (fs_may_give() && lchown(entry->fts_accpath, *owner, *owner) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot hand %s to the site", path);
    }
    return 0;
}

int tree_give(const char *folder, uid_t owner, struct error *err)
{
    return walk(folder, give_entry, &owner, err);
}

/* Who opens a pipe to read waits for somebody who writes: Caddy, with a thread for each visit. */
static int check_kind(const FTSENT *entry, const char *path, struct error *err)
{
    if (entry->fts_info != FTS_DEFAULT) {
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "archive",
                    "\"%.180s\" is a pipe or a socket, which visitors cannot get", path);
    error_hint(err, "Let the build remove it");
    return -ERR_INVALID_ARGUMENT;
}

static int check_link(void *context, const FTSENT *entry, const char *path, int *ret_instruction,
                      struct error *err)
{
    const int *dir_fd = context;
    if (entry->fts_info != FTS_SL && entry->fts_info != FTS_SLNONE) {
        return check_kind(entry, path, err);
    }
    const struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    AUTO_CLOSE int fd = (int)syscall(SYS_openat2, *dir_fd, path, &how, sizeof(how));
    if (fd >= 0 || errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "archive",
                    "\"%.180s\" is a link that leads out of the site's public folder", path);
    error_hint(err, "Put the file itself there instead of the link");
    return -ERR_INVALID_ARGUMENT;
}

int tree_check_links(const char *folder, struct error *err)
{
    AUTO_CLOSE int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot open %s", folder);
    }
    return walk(folder, check_link, &fd, err);
}

/* The top folder of an archive -------------------------------------------------------------- */

/* The folder's only entry, if that is a folder; else NULL. */
static char *find_only_folder(DIR *dir)
{
    AUTO_FREE char *only = NULL;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (str_equal(entry->d_name, ".") || str_equal(entry->d_name, "..")) {
            continue;
        }
        struct stat info;
        if (only || fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISDIR(info.st_mode)) {
            return NULL;
        }
        only = xstrdup(entry->d_name);
    }
    char *found = only;
    only = NULL;
    return found;
}

static int move_up(int top_fd, struct error *err)
{
    int fd = openat(top_fd, STRIPPED_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *inner = fd < 0 ? NULL : fdopendir(fd);
    if (!inner) {
        return error_set_errno(err, ERR_IO, errno, "Cannot open the archive's folder");
    }
    int result = 0;
    for (const struct dirent *entry; result == 0 && (entry = readdir(inner));) {
        if (str_equal(entry->d_name, ".") || str_equal(entry->d_name, "..")) {
            continue;
        }
        if (renameat(fd, entry->d_name, top_fd, entry->d_name) < 0) {
            result = error_set_errno(err, ERR_IO, errno, "Cannot move %s", entry->d_name);
        }
    }
    closedir(inner);
    if (result == 0 && unlinkat(top_fd, STRIPPED_NAME, AT_REMOVEDIR) < 0) {
        result = error_set_errno(err, ERR_IO, errno, "Cannot remove the archive's folder");
    }
    return result;
}

int tree_strip_top(const char *folder, bool *ret_stripped, struct error *err)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        return error_set_errno(err, ERR_IO, errno, "Cannot read %s", folder);
    }
    AUTO_FREE char *only = find_only_folder(dir);
    int result = 0;
    if (only && renameat(dirfd(dir), only, dirfd(dir), STRIPPED_NAME) < 0) {
        result = error_set_errno(err, ERR_IO, errno, "Cannot move %s", only);
    } else if (only) {
        result = move_up(dirfd(dir), err);
    }
    *ret_stripped = only != NULL;
    closedir(dir);
    return result;
}

/* Trees that share their files -------------------------------------------------------------- */

struct link_job {
    const char *to;
    uid_t owner;
};

static int make_owned_dir(const char *path, uid_t owner, struct error *err)
{
    if (mkdir(path, 0755) < 0 || (fs_may_give() && lchown(path, owner, owner) < 0)) {
        return error_set_errno(err, ERR_IO, errno, "Cannot create %s", path);
    }
    return 0;
}

static int copy_symlink(const FTSENT *entry, const char *to, struct error *err)
{
    char target[SITE_PATH_MAX + 1];
    ssize_t len = readlink(entry->fts_accpath, target, sizeof(target) - 1);
    if (len < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot read the link %s", to);
    }
    target[len] = '\0';
    if (symlink(target, to) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot create the link %s", to);
    }
    return 0;
}

static int link_entry(void *context, const FTSENT *entry, const char *path, int *ret_instruction,
                      struct error *err)
{
    const struct link_job *job = context;
    AUTO_FREE char *to = xasprintf("%s%s%s", job->to, *path ? "/" : "", path);
    switch (entry->fts_info) {
    case FTS_D:
        return make_owned_dir(to, job->owner, err);
    case FTS_SL:
    case FTS_SLNONE:
        return copy_symlink(entry, to, err);
    case FTS_F:
        if (link(entry->fts_accpath, to) < 0) {
            return error_set_errno(err, ERR_IO, errno, "Cannot link %s", to);
        }
        return 0;
    default:
        return 0;
    }
}

int tree_link(const char *from, const char *to, uid_t owner, struct error *err)
{
    struct link_job job = {.to = to, .owner = owner};
    return walk(from, link_entry, &job, err);
}

static int freeze_entry(void *context, const FTSENT *entry, const char *path, int *ret_instruction,
                        struct error *err)
{
    bool is_link = entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE;
    mode_t mode = entry->fts_info == FTS_D                ? 0755
                  : (entry->fts_statp->st_mode & S_IXUSR) ? 0755
                                                          : 0644;
    if ((fs_may_give() && lchown(entry->fts_accpath, geteuid(), getegid()) < 0) ||
        (!is_link && chmod(entry->fts_accpath, mode) < 0)) {
        return error_set_errno(err, ERR_IO, errno, "Cannot keep %s", path);
    }
    return 0;
}

int tree_freeze(const char *folder, struct error *err)
{
    return walk(folder, freeze_entry, NULL, err);
}
