/*
 * Texts of --help; see the header. Compared with golden files by the tests.
 */
#include "deploy/help.h"

#include <stdio.h>
#include <string.h>

static const char introduction[] = "deploy - put a folder online, and look after your sites\n"
                                   "\n"
                                   "usage: deploy COMMAND [OPTIONS]\n"
                                   "\n"
                                   "The first time:\n"
                                   "  deploy login --server https://admin.example.org\n"
                                   "  deploy site --domain mysite ./website\n"
                                   "\n"
                                   "Commands:\n";

static const char ending[] = "\n"
                             "Help for one of them: deploy COMMAND --help\n"
                             "\n"
                             "Ends with 0 if all went well, 1 if something broke, 2 for wrong "
                             "input, 3 if you may not, 4 if\n"
                             "there is no room, 5 if there is no such thing, 6 if the server "
                             "cannot be reached, 7 if the site\n"
                             "itself failed to build or start.\n";

static void put_row(const char *left, const char *right, int width, struct strbuf *out)
{
    if ((int)strlen(left) > width) {
        strbuf_printf(out, "  %s\n  %*s  %s\n", left, width, "", right);
    } else {
        strbuf_printf(out, "  %-*s  %s\n", width, left, right);
    }
}

static void put_option(const struct option_row *row, struct strbuf *out)
{
    char left[80];
    char letter[8] = "    ";
    if (row->letter != '\0') {
        snprintf(letter, sizeof(letter), "-%c, ", row->letter);
    }
    snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name, row->value ? " " : "",
             row->value ? row->value : "");
    put_row(left, row->help, 24, out);
}

static void put_options(const struct option_row *rows, struct strbuf *out)
{
    for (; rows->name; rows++) {
        put_option(rows, out);
    }
}

static void put_command(const struct command *command, struct strbuf *out)
{
    char left[80];
    snprintf(left, sizeof(left), "%s%s%s", command->name, command->synopsis[0] ? " " : "",
             command->synopsis);
    put_row(left, command->summary, 24, out);
}

void help_program(struct strbuf *out)
{
    strbuf_puts(out, introduction);
    for (size_t i = 0; i < command_count; i++) {
        if (!commands[i].is_hidden) {
            put_command(&commands[i], out);
        }
    }
    strbuf_puts(out, "\nOptions of every command:\n");
    put_options(global_options, out);
    strbuf_puts(out, ending);
}

void help_group(const char *group, struct strbuf *out)
{
    size_t len = strlen(group);
    strbuf_printf(out, "usage: deploy %s COMMAND\n\nCommands:\n", group);
    for (size_t i = 0; i < command_count; i++) {
        if (str_starts_with(commands[i].name, group) && commands[i].name[len] == ' ') {
            put_command(&commands[i], out);
        }
    }
    strbuf_printf(out, "\nHelp for one of them: deploy %s COMMAND --help\n", group);
}

void help_command(const struct command *command, struct strbuf *out)
{
    strbuf_printf(out, "deploy %s - %s\n\nusage: deploy %s%s%s%s\n", command->name,
                  command->summary, command->name, command->options->name ? " [OPTIONS]" : "",
                  command->synopsis[0] ? " " : "", command->synopsis);
    if (command->help[0] != '\0') {
        strbuf_printf(out, "\n%s", command->help);
    }
    if (command->options->name) {
        strbuf_puts(out, "\nOptions:\n");
        put_options(command->options, out);
    }
    strbuf_puts(out, "\nOptions of every command:\n");
    put_options(global_options, out);
}
