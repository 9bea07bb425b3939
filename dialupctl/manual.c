/*
 * Texts that are made from the table of commands; see the header. Called by main for
 * --print-manual and --print-completion.
 */
#include "dialupctl/manual.h"

#include "dialupctl/command.h"
#include "dialupctl/peers.h"
#include "libdialup/base/memory.h"

/* Hyphens that people copy must stay hyphens. */
static void print_roff(FILE *out, const char *text)
{
    for (; *text; text++) {
        fputs(*text == '-' ? "\\-" : *text == '\\' ? "\\e" : (const char[]){*text, '\0'}, out);
    }
}

static void print_commands(FILE *out)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &commands[i];
        fprintf(out, ".TP\n\\fB%s\\fR ", command->name);
        print_roff(out, command->synopsis);
        fputc('\n', out);
        print_roff(out, command->summary);
        fputc('\n', out);
        if (command->help) {
            print_roff(out, command->help);
            fputc('\n', out);
        }
    }
}

static void print_exit_statuses(FILE *out)
{
    static const char *const meanings[] = {
        "all went well",
        "something is wrong on this side; of health: not all is well",
        "the command or its parameters are wrong",
        "not allowed",
        "not enough room",
        "there is no such thing",
        "a daemon does not answer, or not in time",
        "a site did not build or start",
    };
    for (size_t i = 0; i < ARRAY_COUNT(meanings); i++) {
        fprintf(out, ".TP\n%zu\n%s\n", i, meanings[i]);
    }
}

void manual_print(FILE *out)
{
    fputs(".TH DIALUPCTL 8 \"\" \"Dial Up Deploy " DIALUP_VERSION "\"\n"
          ".SH NAME\ndialupctl \\- look after Dial Up Deploy on its own machine\n"
          ".SH SYNOPSIS\n\\fBdialupctl\\fR [\\fB\\-\\-config\\fR FILE] COMMAND\n"
          ".SH DESCRIPTION\n"
          "Talks to the daemons gate, deployd, monitord, admind and editord over their sockets. "
          "Most methods want root, or a member of the daemons' group.\n"
          ".SH COMMANDS\n",
          out);
    print_commands(out);
    fputs(".SH EXIT STATUS\n", out);
    print_exit_statuses(out);
    fputs(".SH FILES\n.TP\n" CONFIG_DEFAULT_PATH "\nThe settings, unless \\-\\-config names "
          "others.\n",
          out);
}

static void print_daemon_names(FILE *out)
{
    for (size_t i = 0; i < PEER_COUNT; i++) {
        fprintf(out, "%s%s", i > 0 ? " " : "", peers[i].name);
    }
}

static void print_settings(FILE *out)
{
#define SETTING(section, key, type, value, min, max, help) fputs(#section "." #key "= ", out);
#include "libdialup/daemon/settings.def"
#undef SETTING
}

static void print_words(FILE *out, const struct command *command)
{
    fprintf(out, "        %s) words=\"", command->name);
    switch (command->completes) {
    case COMPLETE_DAEMONS:
        print_daemon_names(out);
        break;
    case COMPLETE_SETTINGS:
        print_settings(out);
        break;
    case COMPLETE_WORDS:
        fputs(command->words, out);
        break;
    case COMPLETE_NOTHING:
        break;
    }
    fputs("\" ;;\n", out);
}

void manual_print_completion(FILE *out)
{
    fputs("# bash completion for dialupctl\n"
          "_dialupctl() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} words command=\n"
          "    local i\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n"
          "            --config) ((i++)) ;;\n"
          "            -*) ;;\n"
          "            *) command=${COMP_WORDS[i]}; break ;;\n"
          "        esac\n"
          "    done\n"
          "    if [ \"${COMP_WORDS[COMP_CWORD - 1]}\" = --config ]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
          "        return\n"
          "    fi\n"
          "    case $command in\n"
          "        \"\") words=\"--config --help --version",
          out);
    for (size_t i = 0; i < command_count; i++) {
        fprintf(out, " %s", commands[i].name);
    }
    fputs("\" ;;\n", out);
    for (size_t i = 0; i < command_count; i++) {
        print_words(out, &commands[i]);
    }
    fputs("    esac\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
          "}\n"
          "complete -F _dialupctl dialupctl\n",
          out);
}
