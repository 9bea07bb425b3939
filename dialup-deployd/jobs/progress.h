/*
 * What a build job tells: lines of progress on stdout for deployd, and the log file for people.
 *
 * The log grows by whole pieces; deployd hears of it at most five times a second. What programs
 * write is bounded to PROGRESS_MAX_OUTPUT_BYTES a build, our own lines are not. Losing a line is
 * no reason to fail: writing errors are not reported.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "proto/jobs_rpc.h"

enum { PROGRESS_MAX_OUTPUT_BYTES = 2 << 20 };

struct progress {
    int log_fd;
    int64_t log_bytes;
    int64_t told_bytes;
    int64_t told_at_us;
    int64_t output_bytes;
    bool is_cut;
};

/* log_path is appended to. Waits for the end of a job that works on the same deployment: one of a
 * deployd that died, cleaning up. ERR_IO. */
int progress_open(struct progress *progress, const char *log_path, struct error *err);
void progress_close(struct progress *progress);

/* A step begins: a line of its own in the log, too. */
void progress_step(struct progress *progress, const char *step);

/* One line of ours in the log. */
void progress_note(struct progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What a program wrote. */
void progress_output(struct progress *progress, const char *data, size_t size);

/* Tells what was not told yet. */
void progress_flush(struct progress *progress);

/* One container of many. */
void progress_wrote(struct progress *progress, const struct jobs_wrote *wrote);

/* One site of many. */
void progress_measured(struct progress *progress, const struct jobs_measured *measured);

/* The last line; one of them. */
void progress_result(struct progress *progress, const struct jobs_release *release);
void progress_error(struct progress *progress, const struct error *err);
