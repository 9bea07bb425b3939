/*
 * Lines on stdout, text in the log. Called by every part of the build job.
 */
#include "dialup-deployd/jobs/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/writer.h"

enum { TELL_EVERY_US = 200000 };

int progress_open(struct progress *progress, const char *log_path, struct error *err)
{
    struct stat info;
    *progress = (struct progress){.log_fd = -1};
    int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &info) < 0) {
        int saved = errno;
        if (fd >= 0) {
            close(fd);
        }
        return error_set_errno(err, ERR_IO, saved, "Cannot write the deployment's log");
    }
    progress->log_fd = fd;
    progress->log_bytes = info.st_size;
    return 0;
}

void progress_close(struct progress *progress)
{
    if (progress->log_fd >= 0) {
        close(progress->log_fd);
    }
    progress->log_fd = -1;
}

static void tell(const struct jobs_progress *line)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_encode(&writer, &jobs_progress_shape, line);
    strbuf_putc(&text, '\n');
    fs_write_all(STDOUT_FILENO, text.data, text.size, NULL);
}

void progress_flush(struct progress *progress)
{
    if (progress->told_bytes == progress->log_bytes) {
        return;
    }
    progress->told_bytes = progress->log_bytes;
    progress->told_at_us = clock_monotonic_us();
    const struct jobs_progress line = {
        .event = "log", .has_log_bytes = true, .log_bytes = progress->log_bytes};
    tell(&line);
}

static void append(struct progress *progress, const char *data, size_t size)
{
    if (progress->log_fd < 0 || fs_write_all(progress->log_fd, data, size, NULL) < 0) {
        return;
    }
    progress->log_bytes += (int64_t)size;
    if (clock_monotonic_us() - progress->told_at_us >= TELL_EVERY_US) {
        progress_flush(progress);
    }
}

void progress_step(struct progress *progress, const char *step)
{
    const struct jobs_progress line = {.event = "step", .step = step};
    progress_note(progress, "--- %s", step);
    progress_flush(progress);
    tell(&line);
}

void progress_note(struct progress *progress, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len >= 0) {
        text[len] = '\n'; /* instead of the NUL: one write, so that lines stay whole */
        append(progress, text, (size_t)len + 1);
        free(text);
    }
}

void progress_output(struct progress *progress, const char *data, size_t size)
{
    int64_t room = PROGRESS_MAX_OUTPUT_BYTES - progress->output_bytes;
    if (progress->is_cut || size == 0) {
        return;
    }
    size_t taken = (int64_t)size > room ? (size_t)room : size;
    append(progress, data, taken);
    progress->output_bytes += (int64_t)taken;
    if (taken < size) {
        progress->is_cut = true;
        progress_note(progress, "\n[The rest of the output is left out: more than %d MB]",
                      PROGRESS_MAX_OUTPUT_BYTES >> 20);
    }
}

void progress_wrote(struct progress *progress, const struct jobs_wrote *wrote)
{
    const struct jobs_progress line = {.event = "wrote", .wrote = wrote};
    progress_flush(progress);
    tell(&line);
}

void progress_measured(struct progress *progress, const struct jobs_measured *measured)
{
    const struct jobs_progress line = {.event = "measured", .measured = measured};
    progress_flush(progress);
    tell(&line);
}

void progress_result(struct progress *progress, const struct jobs_release *release)
{
    const struct jobs_progress line = {.event = "result", .release = release};
    progress_flush(progress);
    tell(&line);
}

void progress_error(struct progress *progress, const struct error *err)
{
    const struct jobs_job_error said = {
        .name = error_info(err->code)->name, .message = err->message, .hint = err->hint};
    const struct jobs_progress line = {.event = "error", .error = &said};
    progress_flush(progress);
    tell(&line);
}
