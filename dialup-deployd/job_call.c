/*
 * From a name and a struct to a program and its line of JSON. Called by all who have long work.
 */
#include "dialup-deployd/job_call.h"

#include <unistd.h>

#include "dialup-deployd/deployd.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/json/writer.h"

int job_check_programs(const char *jobs_dir, struct error *err)
{
    static const char *const names[] = {"build", "firewall", "measure", "reclaim", "sweep"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        AUTO_FREE char *program = xasprintf("%s/dialup-job-%s", jobs_dir, names[i]);
        if (access(program, X_OK) < 0) {
            error_set(
                err, ERR_NOT_FOUND,
                "There is no program %s. Sites that run go on; nothing can be built, measured "
                "or thrown away",
                program);
            error_hint(err, "Set deployd.jobs_dir to the folder of the job programs, then: "
                            "systemctl restart dialup-deployd");
            return -ERR_NOT_FOUND;
        }
    }
    return 0;
}

int job_call_start(const struct deployd *deployd, const struct job_call *call, struct job **ret_job,
                   struct error *err)
{
    AUTO_STRBUF struct strbuf input = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &input);
    json_encode(&writer, call->shape, call->params);
    AUTO_FREE char *program = xasprintf(
        "%s/dialup-job-%s", config_text(deployd->run->config, CONFIG_deployd_jobs_dir), call->name);
    const struct job_options options = {
        .program = program,
        .input = strbuf_text(&input),
        .input_size = input.size,
        .timeout_ms = call->timeout_ms,
        .on_line = call->on_line,
        .on_done = call->on_done,
        .context = call->context,
    };
    return job_start(deployd->run->base, &options, ret_job, err);
}
