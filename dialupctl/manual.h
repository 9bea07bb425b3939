/*
 * The manual page and the bash completion, made from the table of commands when the suite is built.
 */
#pragma once

#include <stdio.h>

/* dialupctl(8), in the macros of man(7). */
void manual_print(FILE *out);

/* For /usr/share/bash-completion/completions. */
void manual_print_completion(FILE *out);
