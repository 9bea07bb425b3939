/*
 * Indented JSON; the room libdialup/json writes it compact. Called by `call`, and by the commands
 * that take --json.
 */
#include "dialupctl/show_json.h"

#include <stdio.h>

#include "libdialup/base/str.h"
#include "libdialup/json/writer.h"

enum { INDENT = 2 };

static void show(const struct json_value *value, int depth, struct strbuf *out);

static void begin_line(int depth, struct strbuf *out)
{
    strbuf_printf(out, "\n%*s", depth * INDENT, "");
}

static void show_scalar(const struct json_value *value, struct strbuf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_write_value(&writer, value);
}

static void show_name(const char *name, struct strbuf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_text(&writer, name);
    strbuf_puts(out, ": ");
}

static void show_object(const struct json_value *value, int depth, struct strbuf *out)
{
    strbuf_putc(out, '{');
    for (size_t i = 0; i < value->member_count; i++) {
        strbuf_puts(out, i > 0 ? "," : "");
        begin_line(depth + 1, out);
        show_name(value->members[i].name, out);
        show(value->members[i].value, depth + 1, out);
    }
    if (value->member_count > 0) {
        begin_line(depth, out);
    }
    strbuf_putc(out, '}');
}

static void show_array(const struct json_value *value, int depth, struct strbuf *out)
{
    strbuf_putc(out, '[');
    for (size_t i = 0; i < value->item_count; i++) {
        strbuf_puts(out, i > 0 ? "," : "");
        begin_line(depth + 1, out);
        show(value->items[i], depth + 1, out);
    }
    if (value->item_count > 0) {
        begin_line(depth, out);
    }
    strbuf_putc(out, ']');
}

static void show(const struct json_value *value, int depth, struct strbuf *out)
{
    if (value->type == JSON_OBJECT) {
        show_object(value, depth, out);
    } else if (value->type == JSON_ARRAY) {
        show_array(value, depth, out);
    } else {
        show_scalar(value, out);
    }
}

void show_json(const struct json_value *value)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    show(value, 0, &text);
    puts(strbuf_text(&text));
}
