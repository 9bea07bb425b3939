/*
 * See the header. Called by node.c. The release's folder was written by a stranger: node_modules
 * may be anything.
 */
#include "dialup-deployd/jobs/modules_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dialup-deployd/jobs/tree.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/crypto/digest.h"

enum { MAX_KEPT = 64, MAX_KEY_FILE_BYTES = 32 << 20 };

static char *modules_dir(const struct build *build)
{
    return xasprintf("%s/modules", build->params->cache_dir);
}

static char *cached_path(const struct build *build, const char *key)
{
    return xasprintf("%s/modules/%s/node_modules", build->params->cache_dir, key);
}

static char *release_path(const struct build *build)
{
    return xasprintf("%s/node_modules", build->params->release_dir);
}

static bool is_folder(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The key ------------------------------------------------------------------------------------- */

static bool add_file(struct digest *digest, const struct build *build, const char *name)
{
    digest_update(digest, name, strlen(name) + 1);
    AUTO_CLOSE int fd = fs_open_beneath(build->release_fd, name, O_RDONLY | O_NONBLOCK, 0, NULL);
    if (fd < 0) {
        return errno == ENOENT;
    }
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fs_read_file(path, MAX_KEY_FILE_BYTES, &text, NULL) < 0) {
        return false;
    }
    uint64_t size = text.size;
    digest_update(digest, &size, sizeof(size));
    digest_update(digest, strbuf_text(&text), text.size);
    return true;
}

bool modules_cache_key(struct build *build, const char *image_id,
                       char ret_key[MODULES_CACHE_KEY_SIZE])
{
    static const char *const files[] = {"package-lock.json", "npm-shrinkwrap.json", "package.json",
                                        ".npmrc"};
    unsigned char hash[DIGEST_SIZE];
    struct digest digest;
    if (build->package.has_workspaces || build->package.has_install_scripts) {
        return false;
    }
    digest_init(&digest);
    digest_update(&digest, image_id, strlen(image_id) + 1);
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        if (!add_file(&digest, build, files[i])) {
            return false;
        }
    }
    digest_finish(&digest, hash);
    digest_hex(hash, ret_key);
    return true;
}

/* Take ---------------------------------------------------------------------------------------- */

bool modules_cache_take(struct build *build, const char *key)
{
    AUTO_FREE char *from = cached_path(build, key);
    AUTO_FREE char *to = release_path(build);
    if (!is_folder(from) || fs_exists(to)) {
        return false;
    }
    if (tree_link(from, to, (uid_t)build->params->uid, NULL) < 0) {
        fs_remove_tree(to, NULL); /* another build of this owner made room meanwhile */
        return false;
    }
    AUTO_FREE char *entry = xasprintf("%s/modules/%s", build->params->cache_dir, key);
    utimensat(AT_FDCWD, entry, NULL, 0);
    return true;
}

/* Keep ---------------------------------------------------------------------------------------- */

struct kept {
    char name[MODULES_CACHE_KEY_SIZE];
    int64_t used_at;
};

static int newest_first(const void *a, const void *b)
{
    const struct kept *left = a;
    const struct kept *right = b;
    return (left->used_at < right->used_at) - (left->used_at > right->used_at);
}

static size_t list_kept(DIR *dir, struct kept *list)
{
    size_t count = 0;
    for (const struct dirent *entry; count < MAX_KEPT && (entry = readdir(dir));) {
        struct stat info;
        if (strlen(entry->d_name) != MODULES_CACHE_KEY_SIZE - 1 ||
            fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
            continue;
        }
        str_copy(list[count].name, sizeof(list[count].name), entry->d_name);
        list[count++].used_at =
            info.st_mtim.tv_sec * INT64_C(1000) + info.st_mtim.tv_nsec / 1000000;
    }
    return count;
}

static void make_room(const struct build *build)
{
    AUTO_FREE char *folder = modules_dir(build);
    DIR *dir = opendir(folder);
    if (!dir) {
        return;
    }
    struct kept list[MAX_KEPT];
    size_t count = list_kept(dir, list);
    closedir(dir);
    qsort(list, count, sizeof(*list), newest_first);
    for (size_t i = MODULES_CACHE_KEEP; i < count; i++) {
        AUTO_FREE char *old = xasprintf("%s/%s", folder, list[i].name);
        fs_remove_tree(old, NULL);
    }
}

/* Moves the tree into a folder of its own under another name first: a key is there whole or not
 * at all. */
static int move_to_cache(const struct build *build, const char *partial, const char *key,
                         struct error *err)
{
    AUTO_FREE char *from = release_path(build);
    AUTO_FREE char *inside = xasprintf("%s/node_modules", partial);
    AUTO_FREE char *entry = xasprintf("%s/modules/%s", build->params->cache_dir, key);
    int result = fs_make_dirs(partial, 0700, err);
    if (result < 0) {
        return result;
    }
    if (rename(from, inside) < 0) {
        return 0; /* such as another file system: the release has them, and that is enough */
    }
    if ((result = tree_freeze(inside, err)) < 0 ||
        (result = tree_link(inside, from, (uid_t)build->params->uid, err)) < 0) {
        return result;
    }
    if (rename(partial, entry) < 0 && errno != ENOTEMPTY && errno != EEXIST) {
        return error_set_errno(err, ERR_IO, errno, "Cannot keep the packages");
    }
    return 0;
}

int modules_cache_keep(struct build *build, const char *key, struct error *err)
{
    AUTO_FREE char *from = release_path(build);
    if (!is_folder(from)) {
        return 0; /* no dependencies, or a link that we leave alone */
    }
    AUTO_FREE char *partial = xasprintf("%s/modules/partial-%lld", build->params->cache_dir,
                                        (long long)build->params->deployment_id);
    int result = move_to_cache(build, partial, key, err);
    fs_remove_tree(partial, NULL);
    make_room(build);
    return result;
}
