/*
 * Jobs: long work as a program of its own.
 *
 * A job reads one JSON object on stdin and writes JSON lines on stdout; its stderr is ours. It
 * runs in its own process group: the end of its time is SIGTERM to the whole group and, five
 * seconds later, SIGKILL. A crash of a job harms nobody. All callbacks come from the event loop;
 * nothing here blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"

struct event_base;
struct job;

enum { JOB_MAX_LINE_BYTES = 1 << 20 };

struct job_exit {
    int status;       /* exit status, or -1 if a signal ended it */
    int signal;       /* 0 if none */
    bool timed_out;   /* by our own hand, after the time limit */
    bool was_stopped; /* by job_stop */
};

/* One whole line without its newline; borrowed for the call. */
typedef void job_line_fn(void *context, const char *line, size_t size);

/* Called once, after the last line. The job is freed when it returns. */
typedef void job_done_fn(void *context, const struct job_exit *exit);

struct job_options {
    const char *program; /* absolute path */
    const char *input;   /* copied */
    size_t input_size;
    int64_t timeout_ms;
    job_line_fn *on_line;
    job_done_fn *on_done;
    void *context;
};

/* Fails (ERR_IO) only if the program cannot be started. */
int job_start(struct event_base *base, const struct job_options *options, struct job **ret_job,
              struct error *err);

/* Its time stands still until it goes on or is asked to end. The job hears SIGURG, and begins
 * nothing new if it knows what that means; twice is fine. SIGCONT: it goes on. */
void job_pause(struct job *job);
void job_resume(struct job *job);

/* Asks the job to end; on_done follows. */
void job_stop(struct job *job);

/* Ends the job without on_done: for a daemon that stops. Kills the group at once. */
void job_abandon(struct job *job);
