/*
 * Tables and labels on stdout. Texts may come from a server and are filtered.
 */
#pragma once

#include <stddef.h>

#include "deploy/run.h"

enum { OUTPUT_MAX_COLUMNS = 8 };

/* Rows of texts, printed with columns of equal width. Texts are copied into the run's arena. */
struct output_table {
    struct run *run;
    size_t columns;
    const char **cells; /* in the arena */
    size_t count;
    size_t capacity;
};

void output_table_init(struct output_table *table, struct run *run, const char *const *titles,
                       size_t columns);

/* One more cell, from left to right, row by row. */
void output_cell(struct output_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void output_table_print(struct output_table *table);

/* Text from elsewhere, fit for one line of a terminal; in the run's arena. */
const char *output_text(struct run *run, const char *text);

/* "Label:      value" */
void output_field(struct run *run, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
