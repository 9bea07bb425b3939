/*
 * Tables for people; see the header. With --json nothing is printed.
 */
#include "deploy/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *output_text(struct run *run, const char *text)
{
    AUTO_STRBUF struct strbuf clean = STRBUF_INIT;
    terminal_filter(text, strlen(text), &clean);
    char *copy = arena_strdup(run->arena, strbuf_text(&clean));
    for (char *c = copy; *c != '\0'; c++) {
        if (*c == '\n' || *c == '\t') {
            *c = ' ';
        }
    }
    return copy;
}

static const char *filtered(struct run *run, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof(text), format, args);
    return output_text(run, text);
}

static void add_cell(struct output_table *table, const char *text)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 64;
        const char **cells = arena_calloc(table->run->arena, capacity, sizeof(*cells));
        if (table->count > 0) {
            memcpy(cells, table->cells, table->count * sizeof(*cells));
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    table->cells[table->count++] = text;
}

void output_table_init(struct output_table *table, struct run *run, const char *const *titles,
                       size_t columns)
{
    *table = (struct output_table){.run = run, .columns = columns};
    for (size_t i = 0; i < columns; i++) {
        add_cell(table, titles[i]);
    }
}

void output_cell(struct output_table *table, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_cell(table, filtered(table->run, format, args));
    va_end(args);
}

/* Characters, not bytes; good enough for names of people. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static size_t column_width(const struct output_table *table, size_t column)
{
    size_t widest = 0;
    for (size_t i = column; i < table->count; i += table->columns) {
        size_t width = width_of(table->cells[i]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

void output_table_print(struct output_table *table)
{
    size_t widths[OUTPUT_MAX_COLUMNS];
    for (size_t i = 0; i < table->columns; i++) {
        widths[i] = column_width(table, i);
    }
    for (size_t i = 0; i < table->count; i += table->columns) {
        AUTO_STRBUF struct strbuf line = STRBUF_INIT;
        for (size_t k = 0; k < table->columns; k++) {
            const char *cell = table->cells[i + k];
            strbuf_puts(&line, cell);
            size_t pad = k + 1 < table->columns ? widths[k] - width_of(cell) + 2 : 0;
            strbuf_printf(&line, "%*s", (int)pad, "");
        }
        while (line.size > 0 && line.data[line.size - 1] == ' ') {
            line.data[--line.size] = '\0';
        }
        terminal_say(&table->run->terminal, "%s", strbuf_text(&line));
    }
}

void output_field(struct run *run, const char *label, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = filtered(run, format, args);
    va_end(args);
    terminal_say(&run->terminal, "%-14s %s", label, text);
}
