/*
 * stdin of the job programs. Called by build.c, measure.c and sweep.c.
 */
#include "dialup-deployd/jobs/input.h"

#include "libdialup/base/fs.h"
#include "libdialup/json/json.h"

int input_read(struct arena *arena, const struct json_shape *shape, void *ret_params,
               struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    const struct json_value *value;
    int result = fs_read_file("/dev/stdin", INPUT_MAX_BYTES, &text, err);
    if (result == 0) {
        result = json_parse(arena, strbuf_text(&text), text.size, &value, err);
    }
    return result != 0 ? result : json_decode(arena, value, shape, ret_params, err);
}
