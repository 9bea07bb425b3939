/*
 * Commands as a table. One row feeds the parser, --help, the manual page and bash completion.
 *
 * The rows stand in commands.c; each handler in the file of its noun.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/error.h"

struct run;

/* What an option's value may be; see complete.c. */
enum completion {
    COMPLETE_NOTHING,
    COMPLETE_TYPES,
    COMPLETE_STRATEGIES,
    COMPLETE_PROFILES,
    COMPLETE_ROLES,
    COMPLETE_TEAM_ROLES,
    COMPLETE_DIMENSIONS, /* with "=" */
};

struct option_row {
    const char *name;  /* without "--"; NULL ends a table */
    char letter;       /* for "-f", or '\0' */
    const char *value; /* what its value is called in help; NULL: takes none */
    const char *help;
    enum completion completes;
};

struct command {
    const char *name;     /* "status", or two words: "sites list" */
    const char *synopsis; /* of its words: "[DIR]" */
    int min_words;
    int max_words;
    const char *summary; /* one line, without a full stop */
    const char *help;    /* paragraphs and examples */
    const struct option_row *options;
    bool is_hidden;
    bool needs_server; /* a client is opened before the handler is called */
    int (*handle)(struct run *run, struct error *err);
};

extern const struct command commands[];
extern const size_t command_count;

/* Options that every command takes. */
extern const struct option_row global_options[];

/* NULL if there is no such command. */
const struct command *command_find(const char *name);

/* Whether name is the first of two words of some command: "sites". */
bool command_is_group(const char *name);

/* The command (or group) that was probably meant, or NULL. */
const char *command_nearest(const char *name);
