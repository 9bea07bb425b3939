/*
 * Walking a folder; see the header. Called by the site command. Order is by name, so that two runs
 * over the same files give the same archive.
 */
#include "deploy/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/interrupt.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/json/json.h"
#include "libdialup/site/ignore.h"
#include "libdialup/site/path.h"

enum { READ_SIZE = 128 * 1024, PACKAGE_MAX = 1024 * 1024, LINK_PATH_SIZE = 64, NAMES_FIRST = 32 };

struct walk {
    struct folder *folder;
    struct ignore *ignore;
    char *root; /* real path, for links */
};

static int walk_folder(struct walk *walk, int dir_fd, const char *path, int depth,
                       struct error *err);

static int add_file(struct folder *folder, const char *path, struct error *err)
{
    int result = site_path_check(path, err);
    if (result < 0) {
        error_hint(err, "Rename it, or name it in .dialupignore");
        return result;
    }
    if (folder->count == MANIFEST_MAX_ENTRIES) {
        error_set(err, ERR_TOO_LARGE, "There are more than %d files in %s", MANIFEST_MAX_ENTRIES,
                  folder->path);
        error_hint(err, "Name what visitors do not need in .dialupignore");
        return -ERR_TOO_LARGE;
    }
    if (folder->count == folder->capacity) {
        folder->capacity = folder->capacity ? 2 * folder->capacity : 256;
        folder->files = xreallocarray(folder->files, folder->capacity, sizeof(*folder->files));
    }
    folder->files[folder->count++] = arena_strdup(folder->arena, path);
    return 0;
}

static int fail(struct error *err, const char *what, const char *path)
{
    return error_set_errno(err, ERR_IO, errno, "%s %.200s", what, path[0] ? path : "the folder");
}

static int add_ignore_file(struct walk *walk, int dir_fd, const char *path, const char *name,
                           struct error *err)
{
    AUTO_CLOSE int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 0 : fail(err, "Could not open an ignore file in", path);
    }
    struct stat info;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        return 0;
    }
    char link[LINK_PATH_SIZE];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(link, IGNORE_FILE_MAX_BYTES, &text, err);
    return result < 0 ? result : ignore_add(walk->ignore, path, strbuf_text(&text), text.size, err);
}

/* A link counts if it leads to a file in the folder that is not left out itself. */
static bool is_link_inside(const struct walk *walk, int dir_fd, const char *name)
{
    char link[LINK_PATH_SIZE + NAME_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d/%s", dir_fd, name);
    AUTO_FREE char *target = realpath(link, NULL);
    struct stat info;
    size_t root_len = strlen(walk->root);
    if (!target || stat(target, &info) < 0 || !S_ISREG(info.st_mode) ||
        !str_starts_with(target, walk->root) || target[root_len] != '/') {
        return false;
    }
    /* Each folder on the way, and the file itself. */
    char *below = target + root_len + 1;
    for (char *slash = strchr(below, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool is_ignored = ignore_match(walk->ignore, below, true);
        *slash = '/';
        if (is_ignored) {
            return false;
        }
    }
    return !ignore_match(walk->ignore, below, false);
}

static void skip(struct folder *folder, const char *path)
{
    if (folder->skipped_count++ == 0) {
        folder->first_skipped = arena_strdup(folder->arena, path);
    }
}

static int walk_sub_folder(struct walk *walk, int dir_fd, const char *name, const char *path,
                           int depth, struct error *err)
{
    AUTO_CLOSE int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return fail(err, "Could not open", path);
    }
    return walk_folder(walk, fd, path, depth + 1, err);
}

static int walk_entry(struct walk *walk, int dir_fd, const char *folder_path, const char *name,
                      int depth, struct error *err)
{
    struct stat info;
    AUTO_FREE char *path = folder_path[0] ? xasprintf("%s/%s", folder_path, name) : xstrdup(name);
    if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
        return fail(err, "Could not look at", path);
    }
    if (ignore_match(walk->ignore, path, S_ISDIR(info.st_mode))) {
        walk->folder->ignored_count++;
        return 0;
    }
    if (S_ISDIR(info.st_mode)) {
        return walk_sub_folder(walk, dir_fd, name, path, depth, err);
    }
    if (S_ISREG(info.st_mode) || (S_ISLNK(info.st_mode) && is_link_inside(walk, dir_fd, name))) {
        return add_file(walk->folder, path, err);
    }
    skip(walk->folder, path);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

/* A folder that cannot be read to its end is refused: half of a site would go online. */
static int read_entries(DIR *dir, char ***names, size_t *count)
{
    size_t capacity = 0;
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir))) {
        if (str_equal(entry->d_name, ".") || str_equal(entry->d_name, "..")) {
            continue;
        }
        if (*count == capacity) {
            capacity = capacity ? 2 * capacity : NAMES_FIRST;
            *names = xreallocarray(*names, capacity, sizeof(**names));
        }
        (*names)[(*count)++] = xstrdup(entry->d_name);
    }
    return errno == 0 ? 0 : -1;
}

/* The names in a folder, sorted; free_names() frees them. */
static int read_names(int dir_fd, char ***ret_names, size_t *ret_count)
{
    int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    char **names = NULL;
    size_t count = 0;
    int result = read_entries(dir, &names, &count);
    int cause = errno;
    closedir(dir);
    if (result < 0) {
        free_names(names, count);
        errno = cause;
        return -1;
    }
    if (count > 1) {
        qsort(names, count, sizeof(*names), compare_names);
    }
    *ret_names = names;
    *ret_count = count;
    return 0;
}

static int walk_names(struct walk *walk, int dir_fd, const char *path, char *const *names,
                      size_t count, int depth, struct error *err)
{
    int result = add_ignore_file(walk, dir_fd, path, ".gitignore", err);
    if (result == 0) {
        result = add_ignore_file(walk, dir_fd, path, ".dialupignore", err);
    }
    for (size_t i = 0; i < count && result == 0; i++) {
        result = walk_entry(walk, dir_fd, path, names[i], depth, err);
    }
    return result;
}

static int walk_folder(struct walk *walk, int dir_fd, const char *path, int depth,
                       struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    if (interrupt_pending()) {
        return error_set(err, ERR_IO, "Stopped; nothing was sent");
    }
    if (depth > SITE_PATH_DEPTH_MAX) {
        return error_set(err, ERR_TOO_DEEP, "Folders are nested too deep: %.150s", path);
    }
    if (read_names(dir_fd, &names, &count) < 0) {
        return fail(err, "Could not read", path);
    }
    int result = walk_names(walk, dir_fd, path, names, count, depth, err);
    free_names(names, count);
    return result;
}

static int refuse_folder(struct error *err, const char *path)
{
    if (errno == ENOENT || errno == ENOTDIR) {
        error_set_field(err, ERR_NOT_FOUND, "DIR",
                        errno == ENOENT ? "There is no folder %.200s" : "%.200s is not a folder",
                        path);
        error_hint(err, "Give the folder that holds the site");
        return -ERR_NOT_FOUND;
    }
    return error_set_errno(err, ERR_IO, errno, "Could not open %.200s", path);
}

int folder_open(struct folder *folder, const char *path, bool hide_secrets, struct error *err)
{
    *folder = (struct folder){.arena = arena_new(), .path = path};
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0) {
        return refuse_folder(err, path);
    }
    struct walk walk = {folder, ignore_new(), realpath(path, NULL)};
    int result = 0;
    if (!walk.root) {
        result = refuse_folder(err, path);
    }
    if (result == 0 && hide_secrets) {
        result = ignore_add(walk.ignore, "", ignore_secrets, strlen(ignore_secrets), err);
    }
    if (result == 0) {
        result = walk_folder(&walk, folder->fd, "", 0, err);
    }
    ignore_free(walk.ignore);
    free(walk.root);
    return result;
}

void folder_close(struct folder *folder)
{
    if (folder->arena) {
        arena_free(folder->arena);
        free(folder->files);
        if (folder->fd >= 0) {
            close(folder->fd);
        }
        *folder = (struct folder){.fd = -1};
    }
}

static bool depends_on(const struct json_value *package, const char *name)
{
    return json_find(json_find(package, "dependencies"), name) ||
           json_find(json_find(package, "devDependencies"), name);
}

static int parse_package(struct arena *arena, const struct strbuf *text,
                         struct site_package *ret_package, struct error *err)
{
    const struct json_value *root;
    struct error parse_error;
    int result = json_parse(arena, strbuf_text(text), text->size, &root, &parse_error);
    if (result == 0 && root->type != JSON_OBJECT) {
        result = error_set(&parse_error, ERR_INVALID_ARGUMENT, "it must hold an object: { ... }");
    }
    if (result < 0) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "package.json",
                        "package.json cannot be understood: %s", parse_error.message);
        error_hint(err, "Correct the file, then deploy again");
        return -ERR_INVALID_ARGUMENT;
    }
    const struct json_value *scripts = json_find(root, "scripts");
    *ret_package = (struct site_package){
        .is_present = true,
        .depends_on_astro = depends_on(root, "astro"),
        .depends_on_next = depends_on(root, "next"),
        .build_script = json_find_text(scripts, "build", NULL),
        .start_script = json_find_text(scripts, "start", NULL),
        .main = json_find_text(root, "main", NULL),
    };
    return 0;
}

static int read_package(const struct folder *folder, struct site_package *ret_package,
                        struct error *err)
{
    *ret_package = (struct site_package){0};
    for (size_t i = 0; i < folder->count; i++) {
        if (str_equal(folder->files[i], "package.json")) {
            AUTO_FREE char *path = xasprintf("%s/package.json", folder->path);
            AUTO_STRBUF struct strbuf text = STRBUF_INIT;
            int result = fs_read_file(path, PACKAGE_MAX, &text, err);
            return result < 0 ? result : parse_package(folder->arena, &text, ret_package, err);
        }
    }
    return 0;
}

int folder_detect(const struct folder *folder, struct site_detection *ret_detection,
                  struct error *err)
{
    struct site_package package;
    struct site_files files = {folder->files, folder->count};
    int result = read_package(folder, &package, err);
    return result < 0 ? result : site_type_detect(&files, &package, ret_detection, err);
}

int folder_needs_build(const struct folder *folder, const struct site_type *type,
                       bool *ret_needs_build, struct error *err)
{
    struct site_package package;
    int result = read_package(folder, &package, err);
    if (result == 0) {
        *ret_needs_build = site_type_needs_build(type, &package);
    }
    return result;
}

int folder_open_file(const struct folder *folder, const char *path, struct error *err)
{
    int fd = openat(folder->fd, path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? fail(err, "Could not open", path) : fd;
}

static int hash_file(const struct folder *folder, const char *path, struct manifest *manifest,
                     char *block, struct error *err)
{
    AUTO_CLOSE int fd = folder_open_file(folder, path, err);
    struct stat info;
    if (fd < 0) {
        return fd;
    }
    struct digest digest;
    digest_init(&digest);
    int64_t size_bytes = 0;
    ssize_t got;
    while ((got = read(fd, block, READ_SIZE)) > 0) {
        if (interrupt_pending()) {
            return error_set(err, ERR_IO, "Stopped; nothing was sent");
        }
        digest_update(&digest, block, (size_t)got);
        size_bytes += got;
    }
    if (got < 0 || fstat(fd, &info) < 0) {
        return fail(err, "Could not read", path);
    }
    unsigned char hash[DIGEST_SIZE];
    digest_finish(&digest, hash);
    unsigned mode = info.st_mode & S_IXUSR ? 0755 : MANIFEST_MODE_DEFAULT;
    return manifest_add(manifest, path, mode, size_bytes, hash, err);
}

int folder_hash(const struct folder *folder, struct manifest *manifest, struct error *err)
{
    AUTO_FREE char *block = xmalloc(READ_SIZE);
    for (size_t i = 0; i < folder->count; i++) {
        int result = hash_file(folder, folder->files[i], manifest, block, err);
        if (result < 0) {
            return result;
        }
    }
    return manifest_sort(manifest, err);
}
