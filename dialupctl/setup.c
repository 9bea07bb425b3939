/*
 * What is done before the daemons start: `config`, `migrate` and `caddy`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dialupctl/command.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/daemon/group.h"
#include "libdialup/db/migrate.h"
#include "libdialup/store/store.h"

/* "section.key=value" */
static int apply(struct ctl *ctl, struct config *config, const char *assignment, struct error *err)
{
    char *path = arena_strdup(ctl->arena, assignment);
    char *equals = strchr(path, '=');
    if (!equals) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "\"%s\" is not of the form SECTION.KEY=VALUE, such as "
                         "common.domain=example.org",
                         assignment);
    }
    *equals = '\0';
    return config_set(config, path, equals + 1, err);
}

int command_config(struct ctl *ctl, struct error *err)
{
    ctl->config = config_new();
    for (int i = 1; i < ctl->argc; i++) {
        int result = apply(ctl, ctl->config, ctl->argv[i], err);
        if (result < 0) {
            return result;
        }
    }
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    config_print(ctl->config, &text);
    fputs(strbuf_text(&text), stdout);
    return 0;
}

static void on_migration(void *context, const struct db_migration *migration)
{
    printf("Applying %s\n", migration->name);
    fflush(stdout);
}

/* The daemons are different users: what they share is their group's. Not by the path: whoever may
 * write to the folder could have put a link there. */
static int share_database(const char *path, gid_t gid, struct error *err)
{
    enum { SHARED_FILE = 0660 };
    struct stat info;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0 || (info.st_gid != gid && fchown(fd, (uid_t)-1, gid) < 0) ||
        ((info.st_mode & 07777) != SHARED_FILE && fchmod(fd, SHARED_FILE) < 0)) {
        return error_set_errno(err, ERR_IO, errno, "Cannot share %s with the daemons", path);
    }
    return 0;
}

static int migrate(const struct config *config, const char *path, struct db_migrate_result *done,
                   struct error *err)
{
    enum { STATE_FOLDER = 0711, SHARED_FOLDER = 0770 };
    AUTO_FREE char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    gid_t gid;
    int result = group_find(config, CONFIG_common_group, &gid, err);
    if (result == 0) {
        result = fs_make_dirs(config_text(config, CONFIG_common_state_dir), STATE_FOLDER, err);
    }
    if (result == 0) {
        result = fs_make_dir_for(folder, SHARED_FOLDER, gid, err);
    }
    if (result == 0) {
        result = db_migrate(path, &store_schema, on_migration, NULL, done, err);
    }
    return result == 0 ? share_database(path, gid, err) : result;
}

int command_migrate(struct ctl *ctl, struct error *err)
{
    if (ctl->argc > 1) {
        return command_wrong_use(ctl, err);
    }
    AUTO_FREE char *path = config_state_path(ctl->config, STORE_PATH);
    struct db_migrate_result done;
    int result = migrate(ctl->config, path, &done, err);
    if (result != 0) {
        return result;
    }
    if (done.copy_path[0]) {
        printf("The database as it was: %s\n", done.copy_path);
    }
    if (done.from_version == 0) {
        printf("Made %s at version %d\n", path, done.to_version);
    } else if (done.from_version == done.to_version) {
        printf("%s is at version %d already\n", path, done.to_version);
    } else {
        printf("%s went from version %d to %d\n", path, done.from_version, done.to_version);
    }
    return 0;
}

/* What an environment file of systemd.exec(5) takes: the value in quotes. The settings refuse
 * control characters; quotes and backslashes in them are escaped. */
static void put_variable(struct strbuf *out, const char *name, const char *value)
{
    strbuf_printf(out, "%s=\"", name);
    for (const char *at = value; *at; at++) {
        if (strchr("\"\\`$", *at)) {
            strbuf_putc(out, '\\');
        }
        strbuf_putc(out, *at);
    }
    strbuf_puts(out, "\"\n");
}

static void put_environment(const struct config *config, struct strbuf *out)
{
    static const struct {
        const char *variable;
        enum config_key key;
    } texts[] = {
        {"DIALUP_DOMAIN", CONFIG_common_domain},        {"DIALUP_RUN_DIR", CONFIG_common_run_dir},
        {"DIALUP_STATE_DIR", CONFIG_common_state_dir},  {"DIALUP_PAGES_DIR", CONFIG_gate_pages_dir},
        {"DIALUP_TLS_ISSUER", CONFIG_caddy_tls_issuer},
    };
    static const struct {
        const char *variable;
        enum config_key key;
    } numbers[] = {
        {"DIALUP_ACCESS_LOG_PORT", CONFIG_monitord_access_log_port},
        {"DIALUP_ASK_PORT", CONFIG_caddy_ask_port},
    };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        put_variable(out, texts[i].variable, config_text(config, texts[i].key));
    }
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        AUTO_FREE char *number =
            xasprintf("%lld", (long long)config_integer(config, numbers[i].key));
        put_variable(out, numbers[i].variable, number);
    }
    /* The Caddyfile wants somebody. */
    const char *email = config_text(config, CONFIG_caddy_email);
    AUTO_FREE char *somebody = xasprintf("admin@%s", config_text(config, CONFIG_common_domain));
    put_variable(out, "DIALUP_EMAIL", *email ? email : somebody);
}

int command_caddy(struct ctl *ctl, struct error *err)
{
    enum { READABLE_FILE = 0644 };
    if (ctl->argc > 2) {
        return command_wrong_use(ctl, err);
    }
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    put_environment(ctl->config, &text);
    if (ctl->argc == 2) {
        return fs_write_file(ctl->argv[1], strbuf_text(&text), text.size, READABLE_FILE, err);
    }
    fputs(strbuf_text(&text), stdout);
    return 0;
}
