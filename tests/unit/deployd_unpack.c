/*
 * Archives from strangers: what is taken, what is refused, and that nothing outside the folder is
 * touched. Each case packs an archive with libarchive and unpacks it into a fresh folder that
 * stands beside a folder which must stay as it is.
 */
#include "dialup-deployd/jobs/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

struct member {
    const char *path;
    const char *data; /* NULL: none */
    const char *link; /* symlink or hard link */
    mode_t type;      /* AE_IF..., or HARD_LINK */
    mode_t mode;      /* 0: 0644 */
};

enum { HARD_LINK = 1, MODIFIED_AT = 1700000000 };

static struct {
    char root[64];
    char *packed;
    char *site;
    struct unpack_result result;
    struct error error;
    int code;
} rig;

static void rig_open(void)
{
    strcpy(rig.root, "/tmp/dialup-unpack-XXXXXX");
    CHECK(mkdtemp(rig.root) != NULL);
    rig.packed = xasprintf("%s/archive", rig.root);
    rig.site = xasprintf("%s/site", rig.root);
    AUTO_FREE char *outside = xasprintf("%s/outside", rig.root);
    AUTO_FREE char *kept = xasprintf("%s/outside/kept", rig.root);
    CHECK_INT(mkdir(rig.site, 0755), 0);
    CHECK_INT(mkdir(outside, 0755), 0);
    CHECK_INT(fs_write_file(kept, "as it was", 9, 0644, NULL), 0);
}

/* Whatever the archive was: beside the folder nothing has changed. */
static void rig_close(void)
{
    AUTO_FREE char *kept = xasprintf("%s/outside/kept", rig.root);
    AUTO_FREE char *outside = xasprintf("%s/outside", rig.root);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct fs_usage usage = {0};
    CHECK_INT(fs_read_file(kept, 100, &text, NULL), 0);
    CHECK_STR(strbuf_text(&text), "as it was");
    CHECK_INT(fs_measure_tree(outside, 100, &usage, NULL), 0);
    CHECK_INT(usage.inodes, 2);
    CHECK(access("/tmp/dialup-unpack-escaped", F_OK) < 0);
    if (rig.code == 0) {
        strbuf_fini(&rig.result.manifest);
    }
    fs_remove_tree(rig.root, NULL);
    free(rig.packed);
    free(rig.site);
}

static struct archive *pack_begin(bool is_compressed)
{
    struct archive *archive = archive_write_new();
    archive_write_set_format_pax_restricted(archive);
    archive_write_set_options(archive, "hdrcharset=BINARY");
    if (is_compressed) {
        archive_write_add_filter_gzip(archive);
    }
    CHECK_INT(archive_write_open_filename(archive, rig.packed), ARCHIVE_OK);
    return archive;
}

static void pack_one(struct archive *archive, const struct member *member)
{
    struct archive_entry *entry = archive_entry_new();
    size_t size = member->data ? strlen(member->data) : 0;
    archive_entry_set_pathname(entry, member->path);
    archive_entry_set_perm(entry, member->mode ? member->mode : 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    if (member->type == HARD_LINK) {
        archive_entry_set_hardlink(entry, member->link);
    } else {
        archive_entry_set_filetype(entry, member->type ? member->type : AE_IFREG);
        if (member->link) {
            archive_entry_set_symlink(entry, member->link);
        }
    }
    CHECK_INT(archive_write_header(archive, entry), ARCHIVE_OK);
    if (size > 0) {
        CHECK_INT(archive_write_data(archive, member->data, size), size);
    }
    archive_entry_free(entry);
}

static void pack_end(struct archive *archive)
{
    CHECK_INT(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
}

static int unpack(int64_t max_bytes, int64_t max_files)
{
    AUTO_CLOSE int fd = open(rig.site, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct unpack_options options = {.archive_path = rig.packed,
                                           .dir_fd = fd,
                                           .max_bytes = max_bytes,
                                           .max_files = max_files,
                                           .owner = geteuid(),
                                           .modified_at = MODIFIED_AT};
    rig.result = (struct unpack_result){0};
    rig.error = (struct error){0};
    rig.code = unpack_archive(&options, &rig.result, &rig.error);
    return rig.code;
}

static int try_members(const struct member *members, size_t count)
{
    struct archive *archive = pack_begin(true);
    for (size_t i = 0; i < count; i++) {
        pack_one(archive, &members[i]);
    }
    pack_end(archive);
    return unpack(1 << 20, 1000);
}

#define TRY(...)                                                                                   \
    try_members((const struct member[]){__VA_ARGS__},                                              \
                sizeof((const struct member[]){__VA_ARGS__}) / sizeof(struct member))

static struct stat stat_of(const char *name)
{
    struct stat info = {0};
    AUTO_FREE char *path = xasprintf("%s/%s", rig.site, name);
    CHECK_INT(lstat(path, &info), 0);
    return info;
}

static void check_text(const char *name, const char *wanted)
{
    AUTO_FREE char *path = xasprintf("%s/%s", rig.site, name);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    CHECK_INT(fs_read_file(path, 1 << 20, &text, NULL), 0);
    CHECK_STR(strbuf_text(&text), wanted);
}

/* ----------------------------------------------------------------------------------------------
 */

static void case_ordinary(void)
{
    rig_open();
    CHECK_INT(TRY({"./"}, {"./index.html", "hello"}, {"a//b/./c.sh", "run", .mode = 04755},
                  {"empty/", .type = AE_IFDIR}, {"w", "x", .mode = 0777 & ~0111}),
              0);
    CHECK_INT(rig.result.files, 3);
    CHECK_INT(rig.result.size_bytes, 9);
    CHECK(!rig.result.has_manifest);
    check_text("index.html", "hello");
    CHECK_INT(stat_of("index.html").st_mode & 07777, 0644);
    CHECK_INT(stat_of("a/b/c.sh").st_mode & 07777, 0755);
    CHECK_INT(stat_of("w").st_mode & 07777, 0644);
    CHECK(S_ISDIR(stat_of("empty").st_mode));
    rig_close();
}

struct refused {
    const char *what;
    struct member members[3];
    const char *why;
};

static const struct refused refused[] = {
    {"absolute", {{"/tmp/dialup-unpack-escaped", "x"}}, "not a name inside"},
    {"dot dot", {{"../outside/kept", "x"}}, "not a name inside"},
    {"dot dot later", {{"a/../../outside/kept", "x"}}, "not a name inside"},
    {"dot dot folder", {{"..", .type = AE_IFDIR}}, "not a name inside"},
    {"control characters", {{"a\nb", "x"}}, "not a name inside"},
    {"not UTF-8", {{"a\xFF", "x"}}, "not a name inside"},
    {"backslash", {{"..\\x", "x"}}, "not a name inside"},
    {"absolute link", {{"l", .link = "/etc/passwd", .type = AE_IFLNK}}, "leads out"},
    {"link up", {{"l", .link = "../outside", .type = AE_IFLNK}}, "leads out"},
    {"link up from a folder", {{"a/l", .link = "../../x", .type = AE_IFLNK}}, "leads out"},
    {"link down and up", {{"a/l", .link = "b/../../../x", .type = AE_IFLNK}}, "leads out"},
    {"empty link", {{"l", .link = "", .type = AE_IFLNK}}, "leads out"},
    {"write through a link",
     {{"b/", .type = AE_IFDIR}, {"l", .link = "b", .type = AE_IFLNK}, {"l/x", "x"}},
     ""},
    {"chained links",
     {{"a/l", .link = "..", .type = AE_IFLNK}, {"a/l/m", .link = "..", .type = AE_IFLNK}},
     ""},
    {"file over a link", {{"l", .link = "b", .type = AE_IFLNK}, {"l", "x"}}, ""},
    {"fifo", {{"p", .type = AE_IFIFO}}, "device, pipe or socket"},
    {"character device", {{"d", .type = AE_IFCHR}}, "device, pipe or socket"},
    {"block device", {{"d", .type = AE_IFBLK}}, "device, pipe or socket"},
    {"the same file twice", {{"a", "1"}, {"./a", "2"}}, "twice"},
    {"a file and a folder", {{"a", "1"}, {"a/b", "2"}}, ""},
    {"hard link out", {{"h", .link = "../outside/kept", .type = HARD_LINK}}, "leads out"},
    {"absolute hard link", {{"h", .link = "/etc/passwd", .type = HARD_LINK}}, "leads out"},
    {"hard link to nothing", {{"h", .link = "later", .type = HARD_LINK}}, "before it"},
    {"hard link to a link",
     {{"l", .link = "x", .type = AE_IFLNK}, {"h", .link = "l", .type = HARD_LINK}},
     "before it"},
    {"manifest not first", {{"a", "1"}, {".dialup-manifest", "m"}}, "must be the first"},
    {"manifest as a link",
     {{".dialup-manifest", .link = "a", .type = AE_IFLNK}},
     "must be the first"},
};

static void case_refused(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        const struct refused *row = &refused[i];
        size_t count = 0;
        while (count < ARRAY_COUNT(row->members) && row->members[count].path) {
            count++;
        }
        rig_open();
        if (!CHECK(try_members(row->members, count) < 0) ||
            !CHECK_CONTAINS(rig.error.message, row->why)) {
            printf("# in: %s\n", row->what);
        }
        rig_close();
    }
}

static void case_links_inside(void)
{
    rig_open();
    CHECK_INT(TRY({"a/b/c", "text"}, {"a/b/up", .link = "../b/c", .type = AE_IFLNK},
                  {"h", .link = "./a/b/c", .type = HARD_LINK}),
              0);
    CHECK_INT(rig.result.files, 3);
    CHECK_INT(stat_of("h").st_ino, stat_of("a/b/c").st_ino);
    CHECK(S_ISLNK(stat_of("a/b/up").st_mode));
    check_text("a/b/up", "text");
    rig_close();
}

static void case_odd_names(void)
{
    rig_open();
    CHECK_INT(TRY({"ünï/cødé ✓.html", "1"}, {"-rf", "2"}, {"a b\"'$(x)", "3"}), 0);
    check_text("ünï/cødé ✓.html", "1");
    check_text("-rf", "2");
    check_text("a b\"'$(x)", "3");
    rig_close();
    rig_open();
    char name[300];
    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    CHECK_INT(TRY({name, "x"}), -ERR_INVALID_ARGUMENT);
    rig_close();
}

static void case_manifest_first(void)
{
    rig_open();
    CHECK_INT(TRY({".dialup-manifest", "the text"}, {"a", "1"}), 0);
    CHECK(rig.result.has_manifest);
    CHECK_STR(strbuf_text(&rig.result.manifest), "the text");
    CHECK_INT(rig.result.files, 1);
    rig_close();
}

static void write_zeros(struct archive *archive, const char *path, size_t size)
{
    static const char zeros[1 << 16];
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, (la_int64_t)size);
    CHECK_INT(archive_write_header(archive, entry), ARCHIVE_OK);
    for (size_t left = size; left > 0; left -= sizeof(zeros)) {
        archive_write_data(archive, zeros, sizeof(zeros));
    }
    archive_entry_free(entry);
}

/* 64 MB that came as 64 KB. */
static void case_bomb(void)
{
    rig_open();
    struct archive *archive = pack_begin(true);
    write_zeros(archive, "zeros", (size_t)64 << 20);
    pack_end(archive);
    CHECK_INT(unpack(4 << 20, 10), -ERR_TOO_LARGE);
    CHECK(stat_of("zeros").st_size <= 4 << 20);
    rig_close();
}

/* A file of size bytes that are a hole, but for data at its beginning. */
static void pack_hole(la_int64_t size, const char *data)
{
    struct archive *archive = pack_begin(false);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, "hole");
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, size);
    archive_entry_sparse_add_entry(entry, *data ? 0 : size, (la_int64_t)strlen(data));
    CHECK_INT(archive_write_header(archive, entry), ARCHIVE_OK);
    archive_write_data(archive, data, strlen(data));
    archive_entry_free(entry);
    archive_write_free(archive);
}

/* A hole of 1 TB that takes no room in the archive. */
static void case_sparse_bomb(void)
{
    rig_open();
    pack_hole((la_int64_t)1 << 40, "x");
    CHECK_INT(unpack(4 << 20, 10), -ERR_TOO_LARGE);
    CHECK(stat_of("hole").st_blocks * 512 <= 8 << 20);
    rig_close();
}

static void case_hole_alone(void)
{
    rig_open();
    pack_hole(1 << 20, "");
    CHECK_INT(unpack(4 << 20, 10), -ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(rig.error.message, "holes");
    rig_close();
}

/* What is passed over counts for nothing: it is not passed over. */
static void case_data_of_no_file(void)
{
    static const char *const names[] = {".", "./", "././"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        rig_open();
        char header[1024] = {0};
        snprintf(header, 100, "%s", names[i]);
        memcpy(header + 100, "0000644", 7);
        memcpy(header + 124, "77777777777", 11);
        memcpy(header + 257, "ustar\00000", 8);
        header[156] = '0';
        memset(header + 148, ' ', 8);
        unsigned sum = 0;
        for (size_t at = 0; at < 512; at++) {
            sum += (unsigned char)header[at];
        }
        snprintf(header + 148, 8, "%06o", sum);
        CHECK_INT(fs_write_file(rig.packed, header, sizeof(header), 0644, NULL), 0);
        CHECK_INT(unpack(1 << 20, 10), -ERR_INVALID_ARGUMENT);
        CHECK_CONTAINS(rig.error.message, "no file and brings data");
        rig_close();
    }
}

static void case_packed_twice(void)
{
    rig_open();
    struct archive *archive = archive_write_new();
    archive_write_set_format_pax_restricted(archive);
    archive_write_add_filter_gzip(archive);
    archive_write_add_filter_gzip(archive);
    CHECK_INT(archive_write_open_filename(archive, rig.packed), ARCHIVE_OK);
    pack_one(archive, &(struct member){"index.html", "x", NULL, 0, 0});
    pack_end(archive);
    CHECK(unpack(1 << 20, 10) < 0);
    CHECK_CONTAINS(rig.error.message, "cannot be read");
    rig_close();
}

static void case_many_entries(void)
{
    rig_open();
    struct archive *archive = pack_begin(true);
    for (int i = 0; i < 300000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "d/%d", i);
        pack_one(archive, &(struct member){.path = name});
    }
    pack_end(archive);
    CHECK_INT(unpack(1 << 20, 5000), -ERR_TOO_LARGE);
    struct fs_usage usage = {0};
    CHECK_INT(fs_measure_tree(rig.site, 400000, &usage, NULL), 0);
    CHECK(usage.inodes <= 5002);
    rig_close();
}

static void case_garbage(void)
{
    static const char *const texts[] = {"", "not an archive", "\x1f\x8b\x08 broken gzip"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        rig_open();
        CHECK_INT(fs_write_file(rig.packed, texts[i], strlen(texts[i]), 0644, NULL), 0);
        CHECK(unpack(1 << 20, 10) == -ERR_INVALID_ARGUMENT);
        CHECK(rig.error.hint[0] != '\0');
        rig_close();
    }
}

static void case_cut_short(void)
{
    rig_open();
    CHECK_INT(TRY({"a", "1"}, {"b", "2"}), 0);
    struct stat info = {0};
    CHECK_INT(stat(rig.packed, &info), 0);
    for (off_t size = info.st_size - 1; size > 0; size -= 7) {
        CHECK_INT(truncate(rig.packed, size), 0);
        CHECK_INT(fs_remove_tree(rig.site, NULL), 0);
        CHECK_INT(mkdir(rig.site, 0755), 0);
        unpack(1 << 20, 10); /* whatever it says: it ends, and within its memory */
    }
    rig_close();
}

static void case_link_is_safe(void)
{
    static const struct {
        const char *path, *target;
        bool is_safe;
    } rows[] = {
        {"l", "a", true},           {"l", "./a/b", true},     {"l", "..", false},
        {"a/l", "..", true},        {"a/l", "../b", true},    {"a/l", "../../b", false},
        {"a/b/l", "../../c", true}, {"a/l", "b/../c", false}, {"l", "/a", false},
        {"l", "", false},           {"l", "a\nb", false},     {"a/l", "..//..", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (!CHECK_INT(unpack_link_is_safe(rows[i].path, rows[i].target), rows[i].is_safe)) {
            printf("# %s -> %s\n", rows[i].path, rows[i].target);
        }
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"an ordinary archive", case_ordinary},
        {"what is refused", case_refused},
        {"links that stay inside", case_links_inside},
        {"odd names", case_odd_names},
        {"a manifest comes first", case_manifest_first},
        {"a bomb ends at the limit", case_bomb},
        {"so does one with a hole", case_sparse_bomb},
        {"a file that is a hole is refused", case_hole_alone},
        {"data of what is no file is refused", case_data_of_no_file},
        {"packed twice is refused", case_packed_twice},
        {"300000 entries end at the limit", case_many_entries},
        {"no archive at all", case_garbage},
        {"an archive cut short anywhere", case_cut_short},
        {"which links are safe", case_link_is_safe},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
