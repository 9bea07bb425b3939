/*
 * The jobs that come with deployd (jobs/), called by name with a struct for their input.
 */
#pragma once

#include "dialup-deployd/job.h"
#include "libdialup/json/shape.h"

struct deployd;

struct job_call {
    const char *name; /* "measure" for dialup-job-measure */
    const struct json_shape *shape;
    const void *params; /* of the shape; done with when the call returns */
    int64_t timeout_ms;
    job_line_fn *on_line;
    job_done_fn *on_done;
    void *context;
};

/* Whether every job program can be run from the folder: ERR_NOT_FOUND with the remedy. */
int job_check_programs(const char *jobs_dir, struct error *err);

/* As job_start. */
int job_call_start(const struct deployd *deployd, const struct job_call *call, struct job **ret_job,
                   struct error *err);
