/*
 * What is done before the daemons start: `config` and `migrate`.
 */
#include <stdio.h>
#include <string.h>

#include "dialupctl/command.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
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

int command_migrate(struct ctl *ctl, struct error *err)
{
    enum { STATE_DIR_MODE = 0750 };
    if (ctl->argc > 1) {
        return command_wrong_use(ctl, err);
    }
    AUTO_FREE char *path = config_state_path(ctl->config, "dialup.db");
    struct db_migrate_result done;
    int result =
        fs_make_dirs(config_text(ctl->config, CONFIG_common_state_dir), STATE_DIR_MODE, err);
    if (result == 0) {
        result = db_migrate(path, &store_schema, on_migration, NULL, &done, err);
    }
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
