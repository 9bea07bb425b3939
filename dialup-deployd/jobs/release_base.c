/*
 * See the header. Called by source.c.
 */
#include "dialup-deployd/jobs/release_base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dialup-deployd/jobs/sum.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"

int release_base_refuse(struct error *err, const char *why)
{
    error_set(err, ERR_CONFLICT, "Only changes were sent, but %s", why);
    error_hint(err, "Send everything again");
    return -ERR_CONFLICT;
}

/* Open ------------------------------------------------------------------------------------ */

void release_base_close(struct release_base *base)
{
    manifest_fini(&base->manifest);
    if (base->dir_fd >= 0) {
        close(base->dir_fd);
    }
}

static int read_base_manifest(const struct build *build, int64_t id, struct manifest *manifest,
                              struct error *err)
{
    const char *path = build->params->manifest_path;
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *sibling =
        xasprintf("%.*s/%lld", slash ? (int)(slash - path) : 1, slash ? path : ".", (long long)id);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    if (fs_read_file(sibling, MANIFEST_MAX_BYTES, &text, NULL) < 0 ||
        manifest_parse(manifest, strbuf_text(&text), text.size, NULL) < 0) {
        return release_base_refuse(err, "the deployment they build on is not kept any more");
    }
    return 0;
}

int release_base_open(const struct build *build, int64_t id, struct release_base *base,
                      struct error *err)
{
    *base = (struct release_base){.dir_fd = -1};
    manifest_init(&base->manifest);
    if (id == 0) {
        return 0;
    }
    if (!build->params->base_dir) {
        return release_base_refuse(err, "this site has nothing yet that they could build on");
    }
    int result = read_base_manifest(build, id, &base->manifest, err);
    if (result < 0) {
        return result;
    }
    AUTO_FREE char *folder = xasprintf("%s/%lld", build->params->base_dir, (long long)id);
    base->dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return base->dir_fd < 0
               ? release_base_refuse(err, "the deployment they build on is not kept any more")
               : 0;
}

/* Files from the base ------------------------------------------------------------------------- */

static int make_parent(const struct build *build, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return 0;
    }
    AUTO_FREE char *parent = xstrndup(path, (size_t)(slash - path));
    return fs_make_dirs_beneath(build->release_fd, parent, 0755, err);
}

/* A second name for an open file, in the release. */
static int link_file(const struct build *build, int from, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
    AUTO_CLOSE int dir = fs_open_beneath(build->release_fd, parent, O_PATH | O_DIRECTORY, 0, err);
    if (dir < 0) {
        return dir;
    }
    char source[64];
    snprintf(source, sizeof(source), "/proc/self/fd/%d", from);
    if (linkat(AT_FDCWD, source, dir, slash ? slash + 1 : path, AT_SYMLINK_FOLLOW) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot link %s", path);
    }
    return 0;
}

static int copy_contents(int from, int to, int64_t size_bytes, struct error *err)
{
    while (size_bytes > 0) {
        ssize_t got = copy_file_range(from, NULL, to, NULL, (size_t)size_bytes, 0);
        if (got < 0) {
            return error_set_errno(err, ERR_IO, errno, "Cannot copy a file of the site");
        }
        if (got == 0) {
            return 0; /* shorter than it was: its hash will tell */
        }
        size_bytes -= got;
    }
    return 0;
}

static int copy_file(const struct build *build, int from, const struct timespec *modified,
                     const struct manifest_entry *entry, struct error *err)
{
    mode_t mode = (entry->mode & 0111) ? 0755 : 0644;
    AUTO_CLOSE int to =
        fs_open_beneath(build->release_fd, entry->path, O_WRONLY | O_CREAT | O_EXCL, mode, err);
    if (to < 0) {
        return to;
    }
    int result = copy_contents(from, to, entry->size_bytes, err);
    const struct timespec times[] = {*modified, *modified};
    if (result == 0 && (fchmod(to, mode) < 0 || futimens(to, times) < 0)) {
        result = error_set_errno(err, ERR_IO, errno, "Cannot copy %s", entry->path);
    }
    return result;
}

/* Whether nobody but root could have written to the file since it was unpacked, or ever will. */
static bool is_ours_alone(const struct stat *info, const struct manifest_entry *entry)
{
    mode_t mode = (entry->mode & 0111) ? 0755 : 0644;
    return info->st_uid == geteuid() && (info->st_mode & 07777) == mode;
}

/* Whether the base has something else of this size at a path: with that one's time it would look
 * the same. */
static bool would_look_same(const struct release_base *base, const struct manifest_entry *source,
                            const struct manifest_entry *entry)
{
    const struct manifest_entry *before = manifest_find(&base->manifest, entry->path);
    return before && before != source && before->size_bytes == entry->size_bytes;
}

int release_base_take(struct build *build, const struct release_base *base,
                      const struct manifest_entry *source, const struct manifest_entry *entry,
                      bool may_link, struct error *err)
{
    AUTO_CLOSE int from =
        fs_open_beneath(base->dir_fd, source->path, O_RDONLY | O_NONBLOCK, 0, NULL);
    struct stat info;
    bool is_same = false;
    if (from < 0 || fstat(from, &info) < 0 || !S_ISREG(info.st_mode)) {
        return release_base_refuse(err, "a file that they build on is not kept any more");
    }
    int result = sum_compare(from, entry, &is_same, err);
    if (result < 0) {
        return result;
    }
    if (!is_same) {
        return release_base_refuse(err, "a file that they build on was changed by a build");
    }
    if ((result = make_parent(build, entry->path, err)) < 0) {
        return result;
    }
    build->release.linked_files++;
    bool keeps_time = !would_look_same(base, source, entry);
    if (may_link && keeps_time && is_ours_alone(&info, entry)) {
        return link_file(build, from, entry->path, err);
    }
    const struct timespec changed = {.tv_sec = build->changed_at};
    lseek(from, 0, SEEK_SET);
    return copy_file(build, from, keeps_time ? &info.st_mtim : &changed, entry, err);
}

/* Times --------------------------------------------------------------------------------------- */

int release_base_keep_time(const struct build *build, const struct release_base *base,
                           const struct manifest_entry *entry, struct error *err)
{
    AUTO_CLOSE int from =
        fs_open_beneath(base->dir_fd, entry->path, O_RDONLY | O_NONBLOCK, 0, NULL);
    AUTO_CLOSE int to = fs_open_beneath(build->release_fd, entry->path, O_RDONLY, 0, NULL);
    struct stat before;
    struct stat now;
    if (from < 0 || to < 0 || fstat(from, &before) < 0 || fstat(to, &now) < 0 ||
        !S_ISREG(before.st_mode) || now.st_mtime != build->changed_at) {
        return 0;
    }
    bool is_same = false;
    int result = sum_compare(from, entry, &is_same, err);
    const struct timespec times[] = {before.st_mtim, before.st_mtim};
    if (is_same && futimens(to, times) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot set the time of %s", entry->path);
    }
    return result;
}
