/*
 * Frames and lines. Used by containers.c, events.c and images.c.
 */
#include "dialup-deployd/docker/stream.h"

#include <string.h>

#include "libdialup/base/error.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int read_header(struct docker_frames *frames)
{
    const unsigned char *header = frames->header;
    if (header[0] > DOCKER_STDERR || header[1] || header[2] || header[3]) {
        return -ERR_PARSE;
    }
    frames->left = (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 |
                   (uint32_t)header[6] << 8 | header[7];
    return 0;
}

int docker_frames_feed(struct docker_frames *frames, const char *data, size_t size,
                       docker_frame_fn *on_frame, void *arg)
{
    while (size > 0) {
        size_t taken;
        if (frames->header_size < sizeof(frames->header)) {
            taken = smaller(sizeof(frames->header) - frames->header_size, size);
            memcpy(frames->header + frames->header_size, data, taken);
            frames->header_size += taken;
            if (frames->header_size == sizeof(frames->header) && read_header(frames) < 0) {
                return -ERR_PARSE;
            }
        } else {
            taken = smaller(frames->left, size);
            on_frame(arg, (enum docker_stream)frames->header[0], data, taken);
            frames->left -= (uint32_t)taken;
        }
        if (frames->header_size == sizeof(frames->header) && frames->left == 0) {
            frames->header_size = 0;
        }
        data += taken;
        size -= taken;
    }
    return 0;
}

void docker_lines_fini(struct docker_lines *lines)
{
    strbuf_fini(&lines->rest);
}

static void give_line(struct docker_lines *lines,
                      void (*on_line)(void *arg, const char *line, size_t size), void *arg)
{
    size_t size = lines->rest.size;
    if (size > 0 && lines->rest.data[size - 1] == '\r') {
        size--;
    }
    if (size > 0) {
        on_line(arg, lines->rest.data, size);
    }
    strbuf_clear(&lines->rest);
}

int docker_lines_feed(struct docker_lines *lines, const char *data, size_t size,
                      void (*on_line)(void *arg, const char *line, size_t size), void *arg)
{
    while (size > 0) {
        const char *end = memchr(data, '\n', size);
        size_t taken = end ? (size_t)(end - data) : size;
        if (lines->rest.size + taken > DOCKER_LINE_MAX) {
            return -ERR_TOO_LARGE;
        }
        strbuf_append(&lines->rest, data, taken);
        if (!end) {
            return 0;
        }
        give_line(lines, on_line, arg);
        data += taken + 1;
        size -= taken + 1;
    }
    return 0;
}
