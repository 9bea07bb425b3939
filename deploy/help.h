/*
 * Help, made from the table of commands.
 */
#pragma once

#include "deploy/command.h"
#include "libdialup/base/str.h"

/* What "deploy --help" says. */
void help_program(struct strbuf *out);

/* The commands that begin with a word: "sites". */
void help_group(const char *group, struct strbuf *out);

void help_command(const struct command *command, struct strbuf *out);
