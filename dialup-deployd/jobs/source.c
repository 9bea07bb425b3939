/*
 * Sources of a release; see the header. Called by build.c, before and after something foreign runs.
 */
#include "dialup-deployd/jobs/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dialup-deployd/jobs/release_base.h"
#include "dialup-deployd/jobs/sum.h"
#include "dialup-deployd/jobs/tree.h"
#include "dialup-deployd/jobs/unpack.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"

/* With a manifest ----------------------------------------------------------------------------- */

static int check_sent(int fd, const struct manifest_entry *entry, struct error *err)
{
    struct stat info;
    bool is_same = false;
    int result =
        fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? sum_compare(fd, entry, &is_same, err) : 0;
    if (result == 0 && !is_same) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "archive",
                        "\"%.180s\" is not the file that the manifest describes", entry->path);
        error_hint(err, "Deploy again when nothing writes to the folder");
        return -ERR_INVALID_ARGUMENT;
    }
    return result;
}

/* Sites with a build of their own write into their folder: nothing of theirs is shared. */
static bool is_plain(const struct manifest *manifest)
{
    return !manifest_find(manifest, "package.json");
}

static int complete(struct build *build, const struct release_base *base, int64_t unpacked_files,
                    struct error *err)
{
    const struct manifest *wanted = &build->manifest;
    AUTO_MANIFEST_DIFF struct manifest_diff diff = {0};
    manifest_diff_init(&diff, &base->manifest, wanted);
    bool may_link = is_plain(wanted);
    int64_t sent = 0;
    int result = 0;
    for (size_t i = 0; result == 0 && i < wanted->count; i++) {
        const struct manifest_entry *entry = &wanted->entries[i];
        AUTO_CLOSE int fd = fs_open_beneath(build->release_fd, entry->path, O_RDONLY, 0, NULL);
        if (fd >= 0) {
            sent++;
            result = check_sent(fd, entry, err);
        } else if (!diff.sources[i]) {
            result =
                release_base_refuse(err, "a file is neither among them nor in the last release");
        } else {
            result = release_base_take(build, base, diff.sources[i], entry, may_link, err);
        }
    }
    if (result == 0 && sent != unpacked_files) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "archive",
                        "The archive holds files that its manifest does not name");
        error_hint(err, "Deploy again");
        result = -ERR_INVALID_ARGUMENT;
    }
    return result;
}

static int use_manifest(struct build *build, const struct unpack_result *unpacked,
                        struct error *err)
{
    struct release_base base;
    int result = manifest_parse(&build->manifest, strbuf_text(&unpacked->manifest),
                                unpacked->manifest.size, err);
    if (result < 0) {
        return result;
    }
    if ((int64_t)build->manifest.count > build->params->max_files) {
        return error_set(err, ERR_TOO_LARGE, "The site has more than %lld files",
                         (long long)build->params->max_files);
    }
    result = release_base_open(build, build->manifest.deployment_id, &base, err);
    if (result == 0) {
        result = complete(build, &base, unpacked->files, err);
    }
    release_base_close(&base);
    return result;
}

/* Times --------------------------------------------------------------------------------------- */

/* The newest release before this one, whether it is kept or not; 0 if there is none. */
struct newest {
    int64_t id;
    int64_t changed_at;
};

/* A manifest's own time is the one that its release gave to what changed. */
static struct newest find_newest(const struct build *build)
{
    struct newest newest = {0, 0};
    AUTO_FREE char *folder = xstrdup(build->params->manifest_path);
    char *slash = strrchr(folder, '/');
    if (slash) {
        *slash = '\0';
    }
    DIR *dir = opendir(slash ? folder : ".");
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat info;
        int64_t id;
        if (str_parse_i64(entry->d_name, 1, build->params->deployment_id - 1, &id) &&
            fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
            newest.id = id > newest.id ? id : newest.id;
            newest.changed_at =
                info.st_mtime > newest.changed_at ? info.st_mtime : newest.changed_at;
        }
    }
    if (dir) {
        closedir(dir);
    }
    return newest;
}

/* An archive of everything brings unchanged files, too: those get back the time that they had. */
static int keep_times(struct build *build, int64_t base_id, struct error *err)
{
    struct release_base base;
    if (release_base_open(build, base_id, &base, NULL) < 0) {
        release_base_close(&base);
        return 0; /* not kept any more: everything is as new */
    }
    int result = 0;
    for (size_t i = 0; result == 0 && base.dir_fd >= 0 && i < build->manifest.count; i++) {
        const struct manifest_entry *entry = &build->manifest.entries[i];
        const struct manifest_entry *before = manifest_find(&base.manifest, entry->path);
        if (before && before->size_bytes == entry->size_bytes &&
            memcmp(before->digest, entry->digest, DIGEST_SIZE) == 0) {
            result = release_base_keep_time(build, &base, entry, err);
        }
    }
    release_base_close(&base);
    return result;
}

/* Without one --------------------------------------------------------------------------------- */

static int describe_file(struct build *build, const char *path, struct error *err)
{
    AUTO_CLOSE int fd = fs_open_beneath(build->release_fd, path, O_RDONLY, 0, NULL);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0) {
        return 0; /* a symlink: never shared with a later release */
    }
    unsigned char digest[DIGEST_SIZE];
    int64_t size_bytes;
    unsigned mode = (info.st_mode & S_IXUSR) ? 0755 : MANIFEST_MODE_DEFAULT;
    int result = sum_file(fd, digest, &size_bytes, err);
    return result < 0 ? result
                      : manifest_add(&build->manifest, path, mode, size_bytes, digest, err);
}

static int make_manifest(struct build *build, struct error *err)
{
    bool is_stripped = false;
    int result = tree_strip_top(build->params->release_dir, &is_stripped, err);
    if (result < 0) {
        return result;
    }
    if (is_stripped) {
        progress_note(&build->progress,
                      "Everything stood in one folder; its contents are the site");
    }
    struct site_files files;
    result = tree_list(build->arena, build->params->release_dir, &files, err);
    for (size_t i = 0; result == 0 && i < files.count; i++) {
        result = describe_file(build, files.paths[i], err);
    }
    return result < 0 ? result : manifest_sort(&build->manifest, err);
}

/* --------------------------------------------------------------------------------------------- */

static int make_release_dir(struct build *build, struct error *err)
{
    int result = fs_make_dirs(build->params->release_dir, 0755, err);
    if (result < 0) {
        return result;
    }
    build->release_fd =
        open(build->params->release_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (build->release_fd < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot open the release's folder");
    }
    return 0;
}

/* The limit that a bomb ends at is the owner's storage: say it in those words. */
static int explain_too_large(const struct build *build, struct error *err)
{
    if (err->code != ERR_TOO_LARGE) {
        return -(int)err->code;
    }
    struct error told = *err;
    error_set(err, ERR_QUOTA_EXCEEDED, "%s (have room for %lld MB)", told.message,
              (long long)(build->params->max_bytes >> 20));
    error_hint(err, "%s", told.hint);
    return -ERR_QUOTA_EXCEEDED;
}

static int write_manifest(struct build *build, struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    build->manifest.deployment_id = build->params->deployment_id;
    manifest_print(&build->manifest, &text);
    const char *path = build->params->manifest_path;
    const struct timespec time = {.tv_sec = build->changed_at};
    int result = fs_write_file(path, strbuf_text(&text), text.size, 0640, err);
    if (result == 0 && utimensat(AT_FDCWD, path, (const struct timespec[]){time, time}, 0) < 0) {
        result = error_set_errno(err, ERR_IO, errno, "Cannot set the time of %s", path);
    }
    return result;
}

int source_prepare(struct build *build, struct error *err)
{
    const struct jobs_build_params *params = build->params;
    struct stat upload;
    if (stat(params->upload_path, &upload) < 0) {
        return error_set_errno(err, ERR_IO, errno, "The upload is not there");
    }
    int result = make_release_dir(build, err);
    if (result < 0) {
        return result;
    }
    struct newest newest = find_newest(build);
    struct unpack_result unpacked = {0};
    int64_t now = clock_unix();
    build->changed_at = now > newest.changed_at ? now : newest.changed_at + 1;
    const struct unpack_options options = {
        .archive_path = params->upload_path,
        .dir_fd = build->release_fd,
        .max_bytes = params->max_bytes,
        .max_files = params->max_files,
        .owner = geteuid(),
        .modified_at = build->changed_at,
    };
    if (unpack_archive(&options, &unpacked, err) < 0) {
        return explain_too_large(build, err);
    }
    result =
        unpacked.has_manifest ? use_manifest(build, &unpacked, err) : make_manifest(build, err);
    strbuf_fini(&unpacked.manifest);
    if (result == 0) {
        result = keep_times(build, newest.id, err);
    }
    build->release.received_bytes = upload.st_size;
    build->release.files = (int64_t)build->manifest.count;
    build->release.size_bytes = manifest_size_bytes(&build->manifest);
    if (result == 0) {
        result = tree_check_links(params->release_dir, err);
    }
    return result < 0 ? result : write_manifest(build, err);
}

/* After a build ------------------------------------------------------------------------------- */

/* The build may have put anything in its place: what is no file is not opened for long. */
static int is_unchanged(const struct build *build, const struct manifest_entry *entry,
                        bool *ret_is_same, struct error *err)
{
    AUTO_CLOSE int fd =
        fs_open_beneath(build->release_fd, entry->path, O_RDONLY | O_NONBLOCK, 0, NULL);
    struct stat info;
    *ret_is_same = false;
    if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) ||
        info.st_size != entry->size_bytes) {
        return 0;
    }
    return sum_compare(fd, entry, ret_is_same, err);
}

static int keep_unchanged(const struct build *build, struct manifest *kept, struct error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < build->manifest.count; i++) {
        const struct manifest_entry *entry = &build->manifest.entries[i];
        bool is_same = false;
        result = is_unchanged(build, entry, &is_same, err);
        if (result == 0 && is_same) {
            result =
                manifest_add(kept, entry->path, entry->mode, entry->size_bytes, entry->digest, err);
        }
    }
    return result < 0 ? result : manifest_sort(kept, err);
}

int source_forget_changed(struct build *build, struct error *err)
{
    struct manifest kept;
    manifest_init(&kept);
    int result = keep_unchanged(build, &kept, err);
    if (result < 0 || kept.count == build->manifest.count) {
        manifest_fini(&kept);
        return result;
    }
    manifest_fini(&build->manifest);
    build->manifest = kept;
    return write_manifest(build, err);
}
