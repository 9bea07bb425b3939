/*
 * An error as clients get it, in JSON. Called by reply.c and refusal.c; knows no request.
 */
#include <string.h>

#include "libdialup/http/internal.h"

void http_error_write(struct strbuf *out, const struct error *err, const char *request_id)
{
    const struct error_info *info = error_info(err->code);
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_begin_object(&writer);
    json_key(&writer, "error");
    json_begin_object(&writer);
    json_put_text(&writer, "name", info->name);
    json_put_text(&writer, "message", err->message[0] != '\0' ? err->message : info->sentence);
    if (err->field[0] != '\0') {
        json_put_text(&writer, "field", err->field);
    }
    if (err->hint[0] != '\0') {
        json_put_text(&writer, "hint", err->hint);
    }
    if (err->checks_json) {
        json_key(&writer, "checks");
        json_raw(&writer, err->checks_json, strlen(err->checks_json));
    }
    json_put_text(&writer, "request_id", request_id);
    json_end_object(&writer);
    json_end_object(&writer);
}
