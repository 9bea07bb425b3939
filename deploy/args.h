/*
 * The command line, parsed against the table of commands. Pure; texts are borrowed from argv.
 */
#pragma once

#include <stdint.h>

#include "deploy/command.h"

enum { ARGS_MAX_OPTIONS = 32, ARGS_MAX_WORDS = 16 };

struct args {
    const struct command *command; /* NULL if none was named */
    const char *group;             /* "sites" if only the first of two words was given */
    bool wants_help;
    bool wants_version;
    struct {
        const struct option_row *row;
        const char *value; /* "" if it takes none */
    } options[ARGS_MAX_OPTIONS];
    int option_count;
    const char *words[ARGS_MAX_WORDS];
    int word_count;
};

/* Options may stand anywhere; "--" ends them. What was understood before an error stays in
 * ret_args, so that --json holds for the error, too. ERR_INVALID_ARGUMENT. */
int args_parse(int argc, char *const *argv, struct args *ret_args, struct error *err);

/* The value of an option, the last one if it is there more than once; NULL if it is not. */
const char *args_option(const struct args *args, const char *name);

bool args_has(const struct args *args, const char *name);

/* A number in [min, max]; fallback if the option is not there. */
int args_integer(const struct args *args, const char *name, int64_t min, int64_t max,
                 int64_t fallback, int64_t *ret_value, struct error *err);
