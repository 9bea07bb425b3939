/*
 * Files and folders in a folder of this test's own; nothing beneath it may lead out of it.
 */
#include "libdialup/base/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static char top[] = "/tmp/dialup-fs-XXXXXX";

static char *at(const char *path)
{
    return xasprintf("%s/%s", top, path);
}

static void put(const char *path, const char *text)
{
    AUTO_FREE char *full = at(path);
    ASSERT(fs_write_file(full, text, strlen(text), 0644, NULL) == 0);
}

static int open_dir(const char *path)
{
    AUTO_FREE char *full = at(path);
    int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT(fd >= 0);
    return fd;
}

static bool is_dir(const char *path)
{
    AUTO_FREE char *full = at(path);
    struct stat info;
    return stat(full, &info) == 0 && S_ISDIR(info.st_mode);
}

static void case_make_dirs(void)
{
    static const char *const paths[] = {"m/a/b/c", "m/a", "m//d///e", "m/f/"};
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
        AUTO_FREE char *path = at(paths[i]);
        struct error err = {0};
        if (!CHECK_INT(fs_make_dirs(path, 0755, &err), 0) || !CHECK(is_dir(paths[i]))) {
            printf("# %s: %s\n", paths[i], err.message);
        }
    }
    put("m/file", "x");
    static const char *const bad[] = {"m/file", "m/file/below"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        AUTO_FREE char *path = at(bad[i]);
        struct error err = {0};
        CHECK_INT(fs_make_dirs(path, 0755, &err), -ERR_IO);
        CHECK_CONTAINS(err.message, "m/file");
    }
    CHECK_INT(fs_make_dirs("", 0755, NULL), -ERR_IO);
    CHECK_INT(fs_make_dirs("/", 0755, NULL), 0);
}

static mode_t mode_of(const char *path)
{
    AUTO_FREE char *full = at(path);
    struct stat info;
    return stat(full, &info) == 0 ? info.st_mode & 07777 : 0;
}

static void case_make_dir_for(void)
{
    AUTO_FREE char *path = at("shared/with");
    AUTO_FREE char *file = at("shared/file");
    mode_t before = umask(0077);
    CHECK_INT(fs_make_dir_for(path, 0750, getegid(), NULL), 0);
    CHECK_INT(mode_of("shared/with"), 0750);
    CHECK_INT(fs_make_dir_for(path, 0711, getegid(), NULL), 0); /* it was there */
    CHECK_INT(mode_of("shared/with"), 0711);
    put("shared/file", "x");
    CHECK_INT(fs_make_dir_for(file, 0750, getegid(), NULL), -ERR_IO);
    umask(before);
    AUTO_FREE char *given = at("shared/given");
    put("shared/given", "x");
    CHECK_INT(fs_may_give(), chown(given, geteuid() + 1, (gid_t)-1) == 0);
}

/* site/ is the folder; outside/ lies beside it, with links that lead there. */
static int make_site(void)
{
    static const char *const links[][2] = {
        {"../outside", "site/up"},         {"/etc", "site/absolute"},
        {"inside", "site/sideways"},       {"../outside/secret", "site/file-link"},
        {"/proc/self/root", "site/magic"},
    };
    AUTO_FREE char *inside = at("site/inside");
    AUTO_FREE char *outside = at("outside");
    ASSERT(fs_make_dirs(inside, 0755, NULL) == 0 && fs_make_dirs(outside, 0755, NULL) == 0);
    put("outside/secret", "secret");
    put("site/inside/page", "page");
    for (size_t i = 0; i < ARRAY_COUNT(links); i++) {
        AUTO_FREE char *link = at(links[i][1]);
        ASSERT(fs_replace_symlink(links[i][0], link, NULL) == 0);
    }
    return open_dir("site");
}

static const char *const escapes[] = {
    "..",
    "../outside/secret",
    "inside/../../outside/secret",
    "/etc/passwd",
    "up/secret",
    "absolute/passwd",
    "sideways/page",
    "file-link",
    "magic/etc/passwd",
    "inside/../up/secret",
    "./../outside/secret",
};

static void case_open_beneath(void)
{
    AUTO_CLOSE int site = make_site();
    struct error err;
    AUTO_CLOSE int page = fs_open_beneath(site, "inside/page", O_RDONLY, 0, &err);
    CHECK(page >= 0);
    CHECK_INT(fcntl(page, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    AUTO_CLOSE int fresh =
        fs_open_beneath(site, "inside/fresh", O_WRONLY | O_CREAT | O_EXCL, 0640, &err);
    CHECK(fresh >= 0);
    for (size_t i = 0; i < ARRAY_COUNT(escapes); i++) {
        AUTO_CLOSE int fd = fs_open_beneath(site, escapes[i], O_RDONLY, 0, &err);
        if (!CHECK_INT(fd, -ERR_IO)) {
            printf("# escaped by %s\n", escapes[i]);
        }
    }
    CHECK_INT(fs_open_beneath(site, "nothing", O_RDONLY, 0, &err), -ERR_NOT_FOUND);
    CHECK_CONTAINS(err.message, "nothing");
    AUTO_CLOSE int out = fs_open_beneath(site, "up/new", O_WRONLY | O_CREAT, 0644, &err);
    CHECK(out < 0);
    AUTO_FREE char *made = at("outside/new");
    CHECK(!fs_exists(made));
}

static void case_make_dirs_beneath(void)
{
    AUTO_CLOSE int site = make_site();
    struct error err;
    CHECK_INT(fs_make_dirs_beneath(site, "a/b/c", 0755, &err), 0);
    CHECK(is_dir("site/a/b/c"));
    CHECK_INT(fs_make_dirs_beneath(site, "a/b", 0755, &err), 0);
    CHECK_INT(fs_make_dirs_beneath(site, "d/e/", 0755, &err), 0);
    CHECK(is_dir("site/d/e"));
    static const char *const bad[] = {
        "../outside/x", "up/x",        "up", "absolute/x",  "sideways/x",    "/tmp/dialup-escape",
        "a/../../x",    "magic/tmp/x", "..", "inside/page", "inside/page/x",
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        if (!CHECK(fs_make_dirs_beneath(site, bad[i], 0755, &err) < 0)) {
            printf("# made %s\n", bad[i]);
        }
    }
    CHECK(!fs_exists("/tmp/dialup-escape"));
    AUTO_FREE char *made = at("outside/x");
    CHECK(!fs_exists(made));
}

static void case_read_and_write(void)
{
    AUTO_FREE char *path = at("text");
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct error err;
    CHECK_INT(fs_read_file(path, 10, &text, &err), -ERR_NOT_FOUND);
    CHECK_INT(fs_write_file(path, "0123456789", 10, 0600, &err), 0);
    CHECK_INT(fs_read_file(path, 10, &text, &err), 0);
    CHECK_STR(strbuf_text(&text), "0123456789");
    CHECK_INT(fs_read_file(path, 9, &text, &err), -ERR_TOO_LARGE);
    CHECK_INT(fs_write_file(path, "new", 3, 0640, &err), 0);
    strbuf_clear(&text);
    CHECK_INT(fs_read_file(path, 100, &text, &err), 0);
    CHECK_STR(strbuf_text(&text), "new");
    struct stat info;
    CHECK_INT(stat(path, &info), 0);
    CHECK_INT(info.st_mode & 0777, 0640);
    CHECK_INT(fs_read_file(top, 100, &text, &err), -ERR_IO);
    AUTO_FREE char *nowhere = at("no/such/folder/file");
    CHECK_INT(fs_write_file(nowhere, "x", 1, 0644, &err), -ERR_IO);
    /* A folder cannot be replaced by a file, and nothing half-made stays. */
    AUTO_FREE char *folder = at("folder");
    ASSERT(fs_make_dirs(folder, 0755, NULL) == 0);
    CHECK_INT(fs_write_file(folder, "x", 1, 0644, &err), -ERR_IO);
    struct fs_usage usage;
    AUTO_FREE char *other = at("lonely");
    ASSERT(fs_make_dirs(other, 0755, NULL) == 0);
    AUTO_FREE char *lone_file = at("lonely/one");
    CHECK_INT(fs_write_file(lone_file, "x", 1, 0644, &err), 0);
    CHECK_INT(fs_write_file(lone_file, "y", 1, 0644, &err), 0);
    CHECK_INT(fs_measure_tree(other, 100, &usage, &err), 0);
    CHECK_INT(usage.inodes, 2);
}

static void case_no_space(void)
{
    struct error err;
    AUTO_CLOSE int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    CHECK_INT(fs_write_all(fd, "x", 1, &err), -ERR_NO_SPACE);
    CHECK_INT(fs_write_all(fd, "", 0, &err), 0);
}

static void case_symlinks(void)
{
    AUTO_FREE char *link = at("current");
    struct error err;
    char target[64];
    static const char *const targets[] = {"release-1", "release-2"};
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        CHECK_INT(fs_replace_symlink(targets[i], link, &err), 0);
        ssize_t len = readlink(link, target, sizeof(target) - 1);
        target[len > 0 ? len : 0] = '\0';
        CHECK_STR(target, targets[i]);
    }
    CHECK(fs_exists(link)); /* also one that leads nowhere */
    AUTO_FREE char *stale = at("current.new");
    CHECK(!fs_exists(stale));
    AUTO_FREE char *nowhere = at("no/such/link");
    CHECK_INT(fs_replace_symlink("x", nowhere, &err), -ERR_IO);
    AUTO_FREE char *folder = at("a-folder");
    ASSERT(fs_make_dirs(folder, 0755, NULL) == 0);
    CHECK_INT(fs_replace_symlink("x", folder, &err), -ERR_IO);
    CHECK(is_dir("a-folder"));
}

static void case_measure(void)
{
    AUTO_FREE char *tree = at("tree/sub");
    AUTO_FREE char *first = at("tree/sub/first");
    AUTO_FREE char *second = at("tree/second");
    AUTO_FREE char *link = at("tree/link");
    char block[8192];
    memset(block, 'x', sizeof(block));
    ASSERT(fs_make_dirs(tree, 0755, NULL) == 0);
    ASSERT(fs_write_file(first, block, sizeof(block), 0644, NULL) == 0);
    AUTO_FREE char *root = at("tree");
    struct fs_usage one;
    struct fs_usage two;
    struct error err;
    CHECK_INT(fs_measure_tree(root, 100, &one, &err), 0);
    CHECK_INT(one.inodes, 3);
    CHECK(one.size_bytes >= 8192);
    ASSERT(symlink("/etc", link) == 0 && unlink(link) == 0);
    ASSERT(symlink("sub", link) == 0);
    CHECK_INT(fs_measure_tree(root, 100, &two, &err), 0);
    CHECK_INT(two.inodes, 4); /* the link itself, not what it leads to */
    ASSERT(unlink(link) == 0 && linkat(AT_FDCWD, first, AT_FDCWD, second, 0) == 0);
    CHECK_INT(fs_measure_tree(root, 100, &two, &err), 0);
    CHECK_INT(two.size_bytes, one.size_bytes); /* a second link holds no second copy */
    CHECK_INT(fs_measure_tree(root, 2, &two, &err), -ERR_TOO_LARGE);
}

static void case_remove(void)
{
    AUTO_FREE char *deep = at("gone/a/b/c");
    AUTO_FREE char *locked = at("gone/a");
    AUTO_FREE char *link = at("gone/link");
    AUTO_FREE char *kept = at("kept");
    AUTO_FREE char *root = at("gone");
    struct error err;
    ASSERT(fs_make_dirs(deep, 0755, NULL) == 0 && fs_make_dirs(kept, 0755, NULL) == 0);
    put("gone/a/b/file", "x");
    put("kept/file", "x");
    ASSERT(symlink("../kept", link) == 0 && chmod(locked, 0) == 0);
    CHECK_INT(fs_remove_tree(root, &err), 0);
    CHECK(!fs_exists(root));
    AUTO_FREE char *survivor = at("kept/file");
    CHECK(fs_exists(survivor));
    CHECK_INT(fs_remove_tree(root, &err), 0);
    CHECK_INT(fs_remove_tree(survivor, &err), 0);
    CHECK(!fs_exists(survivor));
    ASSERT(symlink("kept", root) == 0);
    CHECK_INT(fs_remove_tree(root, &err), 0);
    CHECK(is_dir("kept"));
}

int main(void)
{
    static const struct check_case cases[] = {
        {"folders are made with what is above them", case_make_dirs},
        {"a folder gets its mode and group whatever the umask", case_make_dir_for},
        {"opening beneath a folder never leaves it", case_open_beneath},
        {"making folders beneath a folder never leaves it", case_make_dirs_beneath},
        {"files are read within bounds and replaced whole", case_read_and_write},
        {"a full disk is told apart", case_no_space},
        {"links are replaced in one step", case_symlinks},
        {"what a tree occupies", case_measure},
        {"trees are removed, links are not followed", case_remove},
    };
    ASSERT(mkdtemp(top));
    int result = check_run(cases, ARRAY_COUNT(cases));
    fs_remove_tree(top, NULL);
    return result;
}
