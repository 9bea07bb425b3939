/*
 * Memory, disks and database as health findings: made-up /proc, small mounts, broken databases.
 */
#include "libdialup/daemon/machine_health.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/check.h"
#include "tests/unit/db_fixture.h"

/* Memory ----------------------------------------------------------------------------------- */

static void put(const char *folder, const char *name, const char *text)
{
    AUTO_FREE char *path = xasprintf("%s/%s", folder, name);
    ASSERT(fs_write_file(path, text, strlen(text), 0644, NULL) == 0);
}

static void case_memory(void)
{
    static const struct {
        const char *meminfo;
        const char *pressure; /* NULL: the kernel has none */
        enum health_status status;
        const char *reason;
    } cases[] = {
        {"MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable:   260 kB\n", NULL, HEALTH_OK, "74% used"},
        {"MemTotal: 1000 kB\nMemAvailable: 250 kB\n", NULL, HEALTH_DEGRADED, "75% of the memory"},
        {"MemTotal: 1000 kB\nMemAvailable: 101 kB\n", NULL, HEALTH_DEGRADED, "89% of the memory"},
        {"MemTotal: 1048576 kB\nMemAvailable: 102400 kB\n", NULL, HEALTH_FAILING,
         "100 of 1024 MiB are left"},
        {"MemTotal: 1000 kB\nMemAvailable: 900 kB\n",
         "some avg10=9.00 avg60=55.00 avg300=0.00 total=1\n"
         "full avg10=0.00 avg60=9.99 avg300=0.00 total=1\n",
         HEALTH_OK, "10% used"},
        {"MemTotal: 1000 kB\nMemAvailable: 900 kB\n",
         "some avg10=0.00 avg60=60.00 avg300=0.00 total=1\n"
         "full avg10=0.00 avg60=12.50 avg300=0.00 total=1\n",
         HEALTH_DEGRADED, "waited for memory in 12%"},
        {"MemTotal: 0 kB\nMemAvailable: 0 kB\n", NULL, HEALTH_DEGRADED, "does not tell"},
        {"nonsense", "full nonsense", HEALTH_DEGRADED, "does not tell"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO_FIXTURE struct fixture f;
        fixture_init(&f);
        AUTO_FREE char *pressure = xasprintf("%s/pressure", f.folder);
        put(f.folder, "meminfo", cases[i].meminfo);
        ASSERT(fs_make_dirs(pressure, 0755, NULL) == 0);
        if (cases[i].pressure) {
            put(pressure, "memory", cases[i].pressure);
        }
        struct health_finding finding = health_of_memory(f.folder);
        CHECK_INT(finding.status, cases[i].status);
        CHECK_CONTAINS(finding.reason, cases[i].reason);
        CHECK_INT(finding.remedy[0] != '\0', finding.status != HEALTH_OK);
    }
    CHECK_INT(health_of_memory("/nonexistent").status, HEALTH_DEGRADED);
    CHECK(strstr(health_of_memory("/proc").reason, "MiB"));
}

/* Storage ---------------------------------------------------------------------------------- */

static void fill(const char *folder, size_t size, size_t files)
{
    AUTO_FREE char *zeros = xcalloc(1, size);
    for (size_t i = 0; i < files; i++) {
        AUTO_FREE char *path = xasprintf("%s/%zu", folder, i);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        ASSERT(fd >= 0 && fs_write_all(fd, zeros, size, NULL) == 0);
        close(fd);
    }
}

/* 100 pages of 4 KiB and 100 inodes, the folder itself among them. */
static void case_storage(void)
{
    enum { PAGE = 4096 };
    static const struct {
        size_t pages;
        size_t files;
        enum health_status status;
        const char *reason;
    } cases[] = {
        {10, 10, HEALTH_OK, "10% used"},
        {84, 1, HEALTH_OK, "84% used"},
        {85, 1, HEALTH_DEGRADED, "The disk of the state directory is 85% full"},
        {95, 1, HEALTH_FAILING, "95% full: 0 MiB are left"},
        {0, 84, HEALTH_DEGRADED, "holds 85% of the files"},
        {0, 95, HEALTH_FAILING, "holds 96% of the files"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        AUTO_FIXTURE struct fixture f;
        fixture_init(&f);
        if (mount("tmpfs", f.folder, "tmpfs", 0, "size=409600,nr_inodes=100") < 0) {
            printf("# only root can mount: left out (%s)\n", strerror(errno));
            return;
        }
        fill(f.folder, cases[i].pages / cases[i].files * PAGE, cases[i].files);
        const struct health_folder folders[] = {
            {"another place", "/proc", "Do nothing"},
            {"the state directory", f.folder, "Delete something"},
            {"Docker's data", NULL, "Wait"},
        };
        struct health_finding alone = health_of_storage(&folders[1], 1);
        struct health_finding among = health_of_storage(folders, ARRAY_COUNT(folders));
        umount(f.folder);
        CHECK_INT(alone.status, cases[i].status);
        CHECK_CONTAINS(alone.reason, cases[i].reason);
        CHECK_INT(among.status, cases[i].status);
        CHECK_STR(alone.remedy, cases[i].status == HEALTH_OK ? "" : "Delete something");
    }
}

static void case_storage_gone(void)
{
    const struct health_folder gone = {"the state directory", "/nonexistent/state", "x"};
    struct health_finding finding = health_of_storage(&gone, 1);
    CHECK_INT(finding.status, HEALTH_DEGRADED);
    CHECK_CONTAINS(finding.reason, "/nonexistent/state");
}

/* Database --------------------------------------------------------------------------------- */

static const struct db_migration migrations[] = {
    {1, "0001", "CREATE TABLE mine (id INTEGER PRIMARY KEY, name TEXT) STRICT;"},
};
static const struct db_table tables[] = {{"mine", "me"}};
static const struct db_schema schema = {tables, ARRAY_COUNT(tables), migrations, 1};
static const struct db_statement rows[] = {{"put", "INSERT INTO mine (name) VALUES ('x')"}};
static const struct db_statements statements = {rows, ARRAY_COUNT(rows)};

static int put_row(struct db *db)
{
    AUTO_QUERY struct db_query q = db_query(db, &statements, 0, NULL);
    return db_query_run(&q);
}

static void case_database(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "me", &statements);
    CHECK_INT(put_row(db), 0);
    struct health_finding finding = health_of_database(db);
    CHECK_INT(finding.status, HEALTH_OK);
    CHECK_CONTAINS(finding.reason, "Can be written");
    CHECK_INT(put_row(db), 0);
}

/* As nobody, if this is root, whom no mode stops. */
static void case_database_read_only(void)
{
    enum { NOBODY = 65534 };
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "me", &statements);
    bool is_root = geteuid() == 0;
    ASSERT(chmod(f.folder, 0755) == 0 && chmod(f.path, 0444) == 0);
    ASSERT(!is_root || seteuid(NOBODY) == 0);
    struct health_finding finding = health_of_database(db);
    ASSERT(!is_root || seteuid(0) == 0);
    CHECK_INT(finding.status, HEALTH_FAILING);
    CHECK_CONTAINS(finding.reason, "dialup.db cannot be written");
    CHECK_CONTAINS(finding.remedy, "mounted for writing");
    ASSERT(chmod(f.path, 0644) == 0);
    CHECK_INT(health_of_database(db).status, HEALTH_OK);
}

static void case_database_full(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    if (mount("tmpfs", f.folder, "tmpfs", 0, "size=1m") < 0) {
        printf("# only root can mount: left out (%s)\n", strerror(errno));
        return;
    }
    AUTO_FREE char *filler = xasprintf("%s/fill", f.folder);
    struct db *db = fixture_open(&f, &schema, "me", &statements);
    int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    static const char page[4096];
    while (write(fd, page, sizeof(page)) > 0) {
    }
    close(fd);
    int result = 0;
    for (int i = 0; i < 1000 && result == 0; i++) {
        result = put_row(db);
    }
    CHECK_INT(result, -ERR_NO_SPACE);
    struct health_finding finding = health_of_database(db);
    CHECK_INT(finding.status, HEALTH_FAILING);
    CHECK_CONTAINS(finding.reason, "disk is full");
    CHECK_INT(health_of_database(db).status, HEALTH_FAILING);
    unlink(filler);
    CHECK_INT(health_of_database(db).status, HEALTH_OK);
    CHECK_INT(put_row(db), 0);
    db_close(db);
    umount(f.folder);
}

static void case_database_gone(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "me", &statements);
    ASSERT(unlink(f.path) == 0);
    struct health_finding finding = health_of_database(db);
    CHECK_INT(finding.status, HEALTH_FAILING);
    CHECK_CONTAINS(finding.reason, "No such file");
}

static void case_database_log_damaged(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "me", &statements);
    AUTO_FREE char *log = xasprintf("%s-wal", f.path);
    CHECK_INT(put_row(db), 0);
    int fd = open(log, O_RDWR | O_CLOEXEC);
    unsigned char byte;
    ASSERT(fd >= 0 && pread(fd, &byte, 1, 13) == 1);
    byte ^= 1;
    ASSERT(pwrite(fd, &byte, 1, 13) == 1);
    struct health_finding finding = health_of_database(db);
    CHECK_INT(finding.status, HEALTH_FAILING);
    CHECK_CONTAINS(finding.reason, "dialup.db-wal");
    byte ^= 1;
    ASSERT(pwrite(fd, &byte, 1, 13) == 1);
    close(fd);
    CHECK_INT(health_of_database(db).status, HEALTH_OK);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"memory by what is available, and by pressure", case_memory},
        {"storage by bytes and by files, on a small mount", case_storage},
        {"storage: a folder that is not there", case_storage_gone},
        {"database: well", case_database},
        {"database: it can only be read, and can be written again", case_database_read_only},
        {"database: its disk is full, until there is room again", case_database_full},
        {"database: its file was removed", case_database_gone},
        {"database: the head of its log does not add up", case_database_log_damaged},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
