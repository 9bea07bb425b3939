/*
 * Archives from strangers; libarchive reads them, openat2 keeps us in the folder. Called by the
 * build job.
 */
#include "dialup-deployd/jobs/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/utf8.h"
#include "libdialup/site/path.h"

enum { MAX_MANIFEST_BYTES = 64 << 20, BLOCK_BYTES = 64 << 10 };

struct unpack {
    const struct unpack_options *options;
    struct archive *archive;
    struct unpack_result result;
    int64_t entries;
    char made[SITE_PATH_MAX + 1]; /* the folder that was made last: mostly the next file's, too */
};

/* Paths ------------------------------------------------------------------------------------- */

static bool is_clean_text(const char *text, size_t max_bytes)
{
    size_t size = strlen(text);
    if (size == 0 || size > max_bytes || !utf8_is_valid(text, size)) {
        return false;
    }
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F || *at == '\\') {
            return false;
        }
    }
    return true;
}

static bool is_dot_dot(const char *part, size_t len)
{
    return len == 2 && part[0] == '.' && part[1] == '.';
}

static int count_folders(const char *path)
{
    int folders = 0;
    for (const char *at = path; (at = strchr(at, '/')); at++) {
        folders++;
    }
    return folders;
}

bool unpack_link_is_safe(const char *path, const char *target)
{
    if (target[0] == '/' || !is_clean_text(target, SITE_PATH_MAX)) {
        return false;
    }
    int up = 0;
    bool descends = false;
    for (const char *at = target; *at;) {
        size_t len = strcspn(at, "/");
        if (is_dot_dot(at, len)) {
            up++;
            /* After a name, ".." would leave from wherever that name really leads. */
            if (descends) {
                return false;
            }
        } else if (!(len == 1 && at[0] == '.')) {
            descends = true;
        }
        at += len;
        at += strspn(at, "/");
    }
    return up <= count_folders(path);
}

/* "./a//b/" becomes "a/b", "./" becomes ""; false if the path is not one inside the site. */
static bool normalize(const char *path, char *out, size_t size)
{
    size_t used = 0;
    if (path[0] == '/' || strlen(path) >= size) {
        return false;
    }
    for (const char *at = path; *at && used + 1 < size;) {
        size_t len = strcspn(at, "/");
        if (len > 0 && !(len == 1 && at[0] == '.')) {
            int wrote = snprintf(out + used, size - used, "%s%.*s", used ? "/" : "", (int)len, at);
            used += (size_t)wrote;
        }
        at += len;
        at += strspn(at, "/");
    }
    out[used] = '\0';
    return used == 0 || str_equal(out, SITE_MANIFEST_PATH) || site_path_check(out, NULL) == 0;
}

/* Entries ----------------------------------------------------------------------------------- */

static int refuse(struct error *err, const char *path, const char *why)
{
    int result = error_set_field(err, ERR_INVALID_ARGUMENT, "archive",
                                 "The archive was refused: \"%.180s\" %s", path, why);
    error_hint(err, "Pack only regular files and folders of the site, with relative names");
    return result;
}

static int read_failed(struct unpack *unpack, struct error *err)
{
    const char *detail = archive_error_string(unpack->archive);
    int result = error_set_field(err, ERR_INVALID_ARGUMENT, "archive",
                                 "The archive cannot be read: %s", detail ? detail : "unknown");
    error_hint(err, "Send a .tar or .tar.gz that `tar -t` can list");
    return result;
}

static int too_large(const struct unpack *unpack, struct error *err)
{
    int result = error_set_field(
        err, ERR_TOO_LARGE, "archive", "The site is too large: more than %lld MB or %lld files",
        (long long)(unpack->options->max_bytes >> 20), (long long)unpack->options->max_files);
    error_hint(err, "Remove files that the site does not need (.gitignore and .dialupignore are "
                    "honoured), or ask admin for more storage");
    return result;
}

static int give_to_owner(const struct unpack *unpack, int fd, struct error *err)
{
    uid_t owner = unpack->options->owner;
    if (fs_may_give() && fchown(fd, owner, owner) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot hand a file to the site");
    }
    return 0;
}

static int make_parents(struct unpack *unpack, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return 0;
    }
    AUTO_FREE char *parent = xstrndup(path, (size_t)(slash - path));
    if (str_equal(parent, unpack->made)) {
        return 0;
    }
    str_copy(unpack->made, sizeof(unpack->made), parent);
    /* One by one, so that each new folder gets its owner. */
    for (char *at = parent;; at++) {
        char end = *at;
        if (end != '/' && end != '\0') {
            continue;
        }
        *at = '\0';
        int result = fs_make_dirs_beneath(unpack->options->dir_fd, parent, 0755, err);
        if (result < 0) {
            return result;
        }
        AUTO_CLOSE int fd =
            fs_open_beneath(unpack->options->dir_fd, parent, O_RDONLY | O_DIRECTORY, 0, err);
        if (fd < 0) {
            return fd;
        }
        result = give_to_owner(unpack, fd, err);
        if (result < 0 || end == '\0') {
            return result;
        }
        *at = end;
    }
}

static int write_data(struct unpack *unpack, int fd, struct error *err)
{
    char block[BLOCK_BYTES];
    la_ssize_t got;
    while ((got = archive_read_data(unpack->archive, block, sizeof(block))) > 0) {
        unpack->result.size_bytes += got;
        if (unpack->result.size_bytes > unpack->options->max_bytes) {
            return too_large(unpack, err);
        }
        int result = fs_write_all(fd, block, (size_t)got, err);
        if (result < 0) {
            return result;
        }
    }
    return got < 0 ? read_failed(unpack, err) : 0;
}

static int open_failed(const char *path, int errno_value, struct error *err)
{
    if (errno_value == EEXIST) {
        return refuse(err, path, "stands in it twice");
    }
    return error_set_errno(err, ERR_IO, errno_value, "Cannot create %s", path);
}

static int unpack_file(struct unpack *unpack, struct archive_entry *entry, const char *path,
                       struct error *err)
{
    mode_t mode = (archive_entry_perm(entry) & 0111) ? 0755 : 0644;
    AUTO_CLOSE int fd =
        fs_open_beneath(unpack->options->dir_fd, path, O_WRONLY | O_CREAT | O_EXCL, mode, NULL);
    if (fd < 0) {
        return open_failed(path, errno, err);
    }
    int result = give_to_owner(unpack, fd, err);
    if (result == 0 && fchmod(fd, mode) < 0) {
        result = error_set_errno(err, ERR_IO, errno, "Cannot set the mode of %s", path);
    }
    int64_t before = unpack->result.size_bytes;
    if (result == 0) {
        result = write_data(unpack, fd, err);
    }
    /* libarchive leaves a hole out that nothing comes behind. */
    if (result == 0 && unpack->result.size_bytes - before != archive_entry_size(entry)) {
        result = refuse(err, path, "has holes: pack it without --sparse");
    }
    const struct timespec time = {.tv_sec = unpack->options->modified_at};
    if (result == 0 && futimens(fd, (const struct timespec[]){time, time}) < 0) {
        result = error_set_errno(err, ERR_IO, errno, "Cannot set the time of %s", path);
    }
    unpack->result.files += result == 0;
    return result;
}

/* The folder that path stands in, opened without following links. */
static int open_parent(const struct unpack *unpack, const char *path, const char **ret_name,
                       struct error *err)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
    *ret_name = slash ? slash + 1 : path;
    return fs_open_beneath(unpack->options->dir_fd, parent, O_PATH | O_DIRECTORY, 0, err);
}

static int unpack_symlink(struct unpack *unpack, struct archive_entry *entry, const char *path,
                          struct error *err)
{
    const char *target = archive_entry_symlink(entry);
    if (!target || !unpack_link_is_safe(path, target)) {
        return refuse(err, path, "is a link that leads out of the site");
    }
    const char *name;
    AUTO_CLOSE int parent = open_parent(unpack, path, &name, err);
    if (parent < 0) {
        return parent;
    }
    if (symlinkat(target, parent, name) < 0) {
        return open_failed(path, errno, err);
    }
    unpack->result.files++;
    return 0;
}

static int unpack_hard_link(struct unpack *unpack, struct archive_entry *entry, const char *path,
                            struct error *err)
{
    const char *raw = archive_entry_hardlink(entry);
    char target[SITE_PATH_MAX + 1];
    if (!normalize(raw, target, sizeof(target))) {
        return refuse(err, path, "is a link that leads out of the site");
    }
    AUTO_CLOSE int from = fs_open_beneath(unpack->options->dir_fd, target, O_PATH, 0, NULL);
    struct stat info;
    if (from < 0 || fstat(from, &info) < 0 || !S_ISREG(info.st_mode)) {
        return refuse(err, path, "is a link to a file that is not in the archive before it");
    }
    const char *name;
    AUTO_CLOSE int parent = open_parent(unpack, path, &name, err);
    if (parent < 0) {
        return parent;
    }
    char source[64];
    snprintf(source, sizeof(source), "/proc/self/fd/%d", from);
    if (linkat(AT_FDCWD, source, parent, name, AT_SYMLINK_FOLLOW) < 0) {
        return open_failed(path, errno, err);
    }
    unpack->result.files++;
    return 0;
}

static int read_manifest(struct unpack *unpack, struct error *err)
{
    char block[BLOCK_BYTES];
    la_ssize_t got;
    unpack->result.has_manifest = true;
    while ((got = archive_read_data(unpack->archive, block, sizeof(block))) > 0) {
        if (unpack->result.manifest.size + (size_t)got > MAX_MANIFEST_BYTES) {
            return too_large(unpack, err);
        }
        strbuf_append(&unpack->result.manifest, block, (size_t)got);
    }
    return got < 0 ? read_failed(unpack, err) : 0;
}

static int unpack_entry(struct unpack *unpack, struct archive_entry *entry, struct error *err)
{
    const char *raw = archive_entry_pathname(entry);
    char path[SITE_PATH_MAX + 1];
    if (!raw || !normalize(raw, path, sizeof(path))) {
        return refuse(err, raw ? raw : "(no name)", "is not a name inside the site");
    }
    if (++unpack->entries > unpack->options->max_files) {
        return too_large(unpack, err);
    }
    bool is_file = archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry);
    if (archive_entry_size(entry) > 0 && (!is_file || path[0] == '\0')) {
        /* Nobody would count what is passed over: a terabyte of zeros fits into a megabyte. */
        return refuse(err, raw, "is no file and brings data");
    }
    if (path[0] == '\0') {
        return 0; /* the folder itself */
    }
    if (str_equal(path, SITE_MANIFEST_PATH)) {
        return unpack->entries == 1 && archive_entry_filetype(entry) == AE_IFREG
                   ? read_manifest(unpack, err)
                   : refuse(err, path, "must be the first file of the archive");
    }
    int result = make_parents(unpack, path, err);
    if (result < 0) {
        return result;
    }
    if (archive_entry_hardlink(entry)) {
        return unpack_hard_link(unpack, entry, path, err);
    }
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return unpack_file(unpack, entry, path, err);
    case AE_IFDIR: {
        AUTO_FREE char *inside = xasprintf("%s/.", path);
        return make_parents(unpack, inside, err);
    }
    case AE_IFLNK:
        return unpack_symlink(unpack, entry, path, err);
    default:
        return refuse(err, path, "is a device, pipe or socket");
    }
}

static int unpack_all(struct unpack *unpack, struct error *err)
{
    for (;;) {
        struct archive_entry *entry;
        int got = archive_read_next_header(unpack->archive, &entry);
        if (got == ARCHIVE_EOF) {
            return 0;
        }
        if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
            return read_failed(unpack, err);
        }
        int result = unpack_entry(unpack, entry, err);
        if (result < 0) {
            return result;
        }
    }
}

/* One layer of gzip at most: within a second one, data without end can stand for nothing at all.
 * And no other filters, which take as much memory as the archive says. */
static int open_archive(struct unpack *unpack, struct error *err)
{
    static const unsigned char magic[] = {0x1F, 0x8B};
    const char *path = unpack->options->archive_path;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned char begin[sizeof(magic)];
    bool is_gzip = fd >= 0 && read(fd, begin, sizeof(begin)) == (ssize_t)sizeof(begin) &&
                   memcmp(begin, magic, sizeof(magic)) == 0;
    archive_read_support_format_tar(unpack->archive);
    if ((is_gzip &&
         archive_read_append_filter(unpack->archive, ARCHIVE_FILTER_GZIP) != ARCHIVE_OK) ||
        archive_read_open_filename(unpack->archive, path, BLOCK_BYTES) != ARCHIVE_OK) {
        return read_failed(unpack, err);
    }
    return 0;
}

int unpack_archive(const struct unpack_options *options, struct unpack_result *ret_result,
                   struct error *err)
{
    struct unpack unpack = {.options = options, .archive = archive_read_new()};
    ASSERT(unpack.archive);
    int result = open_archive(&unpack, err);
    if (result == 0) {
        result = unpack_all(&unpack, err);
    }
    archive_read_free(unpack.archive);
    if (result < 0) {
        strbuf_fini(&unpack.result.manifest);
        return result;
    }
    *ret_result = unpack.result;
    return 0;
}
