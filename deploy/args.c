/*
 * Parsing of argv. Called once by main.c. GNU habits: "--name=value", "--name value", "-f", and
 * options after words.
 */
#include "deploy/args.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libdialup/base/str.h"

/* The words of argv one after the other; options are taken on the way. */
struct cursor {
    int argc;
    char *const *argv;
    int at;
    bool options_ended;
};

static const struct option_row *find_in(const struct option_row *rows, const char *name, size_t len)
{
    for (; rows && rows->name; rows++) {
        bool is_letter = len == 1 && rows->letter != '\0' && rows->letter == name[0];
        if (is_letter || (strlen(rows->name) == len && strncmp(rows->name, name, len) == 0)) {
            return rows;
        }
    }
    return NULL;
}

static const struct option_row *find_option(const struct command *command, const char *name,
                                            size_t len)
{
    const struct option_row *row = find_in(global_options, name, len);
    return row || !command ? row : find_in(command->options, name, len);
}

static int unknown_option(const struct args *args, const char *text, struct error *err)
{
    error_set_field(err, ERR_INVALID_ARGUMENT, text, "There is no option %.60s", text);
    error_hint(err, "See: deploy %s%s--help", args->command ? args->command->name : "",
               args->command ? " " : "");
    return -ERR_INVALID_ARGUMENT;
}

static int take_option(struct args *args, struct cursor *cursor, struct error *err)
{
    const char *text = cursor->argv[cursor->at++];
    bool is_long = text[1] == '-';
    const char *name = text + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_row *row =
        (len == 1) == !is_long ? find_option(args->command, name, len) : NULL;
    if (!row) {
        return unknown_option(args, text, err);
    }
    const char *value = equals ? equals + 1 : "";
    if (row->value && !equals) {
        if (cursor->at == cursor->argc) {
            return error_set_field(err, ERR_MISSING_FIELD, row->name, "--%s needs a value: %s",
                                   row->name, row->value);
        }
        value = cursor->argv[cursor->at++];
    } else if (!row->value && equals) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, row->name, "--%s takes no value",
                               row->name);
    }
    if (args->option_count == ARGS_MAX_OPTIONS) {
        return error_set(err, ERR_INVALID_ARGUMENT, "There are too many options");
    }
    args->options[args->option_count].row = row;
    args->options[args->option_count++].value = value;
    args->wants_help |= str_equal(row->name, "help");
    args->wants_version |= str_equal(row->name, "version");
    return 0;
}

static int unknown_command(const char *name, struct error *err)
{
    error_set_field(err, ERR_INVALID_ARGUMENT, "command", "There is no command \"%.60s\"", name);
    const char *nearest = command_nearest(name);
    if (nearest) {
        error_hint(err, "Did you mean: deploy %s", nearest);
    } else {
        error_hint(err, "See: deploy --help");
    }
    return -ERR_INVALID_ARGUMENT;
}

static int take_second_word(struct args *args, const char *word, struct error *err)
{
    char name[128];
    snprintf(name, sizeof(name), "%s %.100s", args->group, word);
    args->command = command_find(name);
    if (!args->command) {
        return unknown_command(name, err);
    }
    args->group = NULL;
    return 0;
}

static int take_word(struct args *args, const char *word, struct error *err)
{
    if (args->group) {
        return take_second_word(args, word, err);
    }
    if (!args->command && !args->wants_help && str_equal(word, "help")) {
        args->wants_help = true; /* "deploy help sites list" */
        return 0;
    }
    if (!args->command) {
        args->command = command_find(word);
        args->group = !args->command && command_is_group(word) ? word : NULL;
        return args->command || args->group ? 0 : unknown_command(word, err);
    }
    if (args->word_count == ARGS_MAX_WORDS || args->word_count == args->command->max_words) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "arguments", "\"%.60s\" is one word too many",
                        word);
        error_hint(err, "See: deploy %s --help", args->command->name);
        return -ERR_INVALID_ARGUMENT;
    }
    args->words[args->word_count++] = word;
    return 0;
}

static int check_words(const struct args *args, struct error *err)
{
    const struct command *command = args->command;
    if (!command || args->wants_help || args->word_count >= command->min_words) {
        return 0;
    }
    error_set_field(err, ERR_MISSING_FIELD, "arguments", "A word is missing: deploy %s %s",
                    command->name, command->synopsis);
    error_hint(err, "See: deploy %s --help", command->name);
    return -ERR_MISSING_FIELD;
}

int args_parse(int argc, char *const *argv, struct args *ret_args, struct error *err)
{
    *ret_args = (struct args){0};
    struct cursor cursor = {.argc = argc, .argv = argv, .at = 1};
    while (cursor.at < argc) {
        const char *text = argv[cursor.at];
        int result = 0;
        if (!cursor.options_ended && str_equal(text, "--")) {
            cursor.options_ended = true;
            cursor.at++;
        } else if (!cursor.options_ended && text[0] == '-' && text[1] != '\0' &&
                   !command_find(text)) {
            result = take_option(ret_args, &cursor, err);
        } else {
            cursor.at++;
            result = take_word(ret_args, text, err);
        }
        if (result < 0) {
            return result;
        }
    }
    return check_words(ret_args, err);
}

const char *args_option(const struct args *args, const char *name)
{
    for (int i = args->option_count; i > 0; i--) {
        if (str_equal(args->options[i - 1].row->name, name)) {
            return args->options[i - 1].value;
        }
    }
    return NULL;
}

bool args_has(const struct args *args, const char *name)
{
    return args_option(args, name) != NULL;
}

int args_integer(const struct args *args, const char *name, int64_t min, int64_t max,
                 int64_t fallback, int64_t *ret_value, struct error *err)
{
    const char *text = args_option(args, name);
    if (!text) {
        *ret_value = fallback;
        return 0;
    }
    if (!str_parse_i64(text, min, max, ret_value)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, name,
                               "--%s takes a whole number from %" PRId64 " to %" PRId64
                               ", not \"%.40s\"",
                               name, min, max, text);
    }
    return 0;
}
