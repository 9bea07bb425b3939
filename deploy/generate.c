/*
 * The manual page, made from the table of commands. Called by the build, through a command that
 * help does not show.
 */
#include <stdio.h>

#include "deploy/handlers.h"
#include "libdialup/base/str.h"

/* Text for troff: no line begins with a control character, hyphens stay hyphens. */
static void put_roff(const char *text, struct strbuf *out)
{
    bool begins_line = true;
    for (; *text != '\0'; text++) {
        if (begins_line && (*text == '.' || *text == '\'')) {
            strbuf_puts(out, "\\&");
        }
        if (*text == '-') {
            strbuf_puts(out, "\\-");
        } else if (*text == '\\') {
            strbuf_puts(out, "\\e");
        } else {
            strbuf_putc(out, *text);
        }
        begins_line = *text == '\n';
    }
}

static void put_man_options(const struct option_row *rows, struct strbuf *out)
{
    for (; rows->name; rows++) {
        strbuf_puts(out, ".TP\n");
        if (rows->letter != '\0') {
            strbuf_printf(out, "\\fB\\-%c\\fR, ", rows->letter);
        }
        strbuf_puts(out, "\\fB");
        put_roff("--", out);
        put_roff(rows->name, out);
        strbuf_puts(out, "\\fR");
        if (rows->value) {
            strbuf_printf(out, " \\fI%s\\fR", rows->value);
        }
        strbuf_putc(out, '\n');
        put_roff(rows->help, out);
        strbuf_putc(out, '\n');
    }
}

static void put_man_command(const struct command *command, struct strbuf *out)
{
    strbuf_puts(out, ".SS deploy ");
    put_roff(command->name, out);
    strbuf_printf(out, " %s\n", command->synopsis);
    put_roff(command->summary, out);
    strbuf_puts(out, ".\n");
    if (command->help[0] != '\0') {
        strbuf_puts(out, ".PP\n.nf\n");
        put_roff(command->help, out);
        strbuf_puts(out, ".fi\n");
    }
    put_man_options(command->options, out);
}

static const char man_head[] =
    ".TH DEPLOY 1 \"\" \"Dial Up Deploy " DIALUP_VERSION "\" \"User Commands\"\n"
    ".SH NAME\n"
    "deploy \\- put a folder online, and look after your sites\n"
    ".SH SYNOPSIS\n"
    ".B deploy\n"
    ".I COMMAND\n"
    "[\\fIOPTIONS\\fR]\n"
    ".SH DESCRIPTION\n"
    "The command line of Dial Up Deploy: a group of friends shares a server, and each of them\n"
    "puts web sites on it without ever seeing it. This program talks to the server's panel.\n"
    ".SH COMMANDS\n";

static const char man_tail[] =
    ".SH EXIT STATUS\n"
    ".nf\n"
    "0  all went well\n"
    "1  something broke, here or at the server\n"
    "2  wrong input\n"
    "3  not logged in, or not allowed\n"
    "4  there is no room: a limit of yours or of the server\n"
    "5  there is no such thing\n"
    "6  the server cannot be reached or is busy\n"
    "7  the site itself failed to build or start\n"
    "130  stopped by Ctrl\\-C\n"
    ".fi\n"
    ".SH ENVIRONMENT\n"
    ".TP\n"
    ".B DIALUP_SERVER\n"
    "The panel's address, instead of the one you logged in to.\n"
    ".TP\n"
    ".B DIALUP_API_KEY\n"
    "An API key. Unlike \\fB\\-\\-api\\-key\\fR it cannot be seen in a list of processes.\n"
    ".TP\n"
    ".B NO_COLOR\n"
    "No colours, if set.\n"
    ".TP\n"
    ".B SSL_CERT_FILE\n"
    "Certificates to trust, for a server with an authority of its own.\n"
    ".SH FILES\n"
    ".TP\n"
    ".I $XDG_CONFIG_HOME/dialup/credentials.json\n"
    "Server and key of your log\\-in, readable by you alone. ~/.config stands in for an unset\n"
    "XDG_CONFIG_HOME.\n"
    ".TP\n"
    ".I .dialupignore\n"
    "In a site's folder: what is not sent, in the format of\n"
    ".BR gitignore (5).\n"
    "It is read after .gitignore, so it can add and take back.\n";

int handle_generate_man(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    strbuf_puts(&out, man_head);
    for (size_t i = 0; i < command_count; i++) {
        if (!commands[i].is_hidden) {
            put_man_command(&commands[i], &out);
        }
    }
    strbuf_puts(&out, ".SH OPTIONS OF EVERY COMMAND\n");
    put_man_options(global_options, &out);
    strbuf_puts(&out, man_tail);
    fputs(strbuf_text(&out), stdout);
    return 0;
}
