/*
 * Commands as a table: one row feeds the parser, --help, the manual page and bash completion. The
 * rows stand in commands.c, each handler in a file of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/daemon/config.h"

/* What one call of the program has; made by main. */
struct ctl {
    const char *config_path;
    struct config *config; /* NULL unless the command needs the settings */
    struct arena *arena;
    int argc; /* argv[0] is "dialupctl COMMAND", for getopt's messages */
    char **argv;
};

enum completion { COMPLETE_NOTHING, COMPLETE_DAEMONS, COMPLETE_SETTINGS, COMPLETE_WORDS };

struct command {
    const char *name;
    const char *synopsis; /* of what follows the name */
    const char *summary;  /* one line, with a full stop */
    const char *help;     /* paragraphs for the manual page; may be NULL */
    bool needs_config;
    enum completion completes;
    const char *words; /* of COMPLETE_WORDS, with spaces between */

    /* The program's exit status, or a negative error, which main then prints. */
    int (*handle)(struct ctl *ctl, struct error *err);
};

enum { EXIT_WRONG_USE = 2 };

extern const struct command commands[];
extern const size_t command_count;

/* NULL if there is none. */
const struct command *command_find(const char *name);

/* ERR_INVALID_ARGUMENT with the command's synopsis. */
int command_wrong_use(const struct ctl *ctl, struct error *err);

int command_config(struct ctl *ctl, struct error *err);
int command_migrate(struct ctl *ctl, struct error *err);
int command_caddy(struct ctl *ctl, struct error *err);
int command_health(struct ctl *ctl, struct error *err);
int command_methods(struct ctl *ctl, struct error *err);
int command_call(struct ctl *ctl, struct error *err);
int command_events(struct ctl *ctl, struct error *err);
int command_quota(struct ctl *ctl, struct error *err);
int command_firewall(struct ctl *ctl, struct error *err);
