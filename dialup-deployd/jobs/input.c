/*
 * stdin of the job programs. Called by build.c, measure.c and sweep.c.
 */
#include "dialup-deployd/jobs/input.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/json/json.h"

/* Who died before we asked for the signal left a pipe that nobody reads. */
static int tie_to_parent(struct error *err)
{
    struct pollfd output = {.fd = STDOUT_FILENO};
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && poll(&output, 1, 0) == 1 &&
        (output.revents & POLLERR)) {
        return error_set(err, ERR_UNAVAILABLE, "Nobody waits for this job");
    }
    return 0;
}

int input_read(struct arena *arena, const struct json_shape *shape, void *ret_params,
               struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    const struct json_value *value;
    int result = tie_to_parent(err);
    if (result == 0) {
        result = fs_read_file("/dev/stdin", INPUT_MAX_BYTES, &text, err);
    }
    if (result == 0) {
        result = json_parse(arena, strbuf_text(&text), text.size, &value, err);
    }
    return result != 0 ? result : json_decode(arena, value, shape, ret_params, err);
}
