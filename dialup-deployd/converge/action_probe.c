/*
 * Actions: does a container answer? If not, why: its end, its memory, its last words, or where it
 * listens instead.
 */
#include <arpa/inet.h>

#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/converge/listening.h"
#include "dialup-deployd/converge/probe.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/last_words.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"

/* An app that served for a minute before it ended starts with a clean slate. */
enum { STABLE_MS = 60000 };

/* One that had to go for what it wrote needs longer to write it again. */
enum { CLEAN_MS = 3600000 };

/* One that listens elsewhere for so long is not on its way to where visitors would find it. */
enum { ASTRAY_US = 8000000 };

enum { FAILED_LOG_LINES = 40 };

static struct instance *instance_of_step(struct site_work *work)
{
    return instances_remember(&work->instances, work->step.container->id);
}

/* What a shell says of a program that is not there, or not to be run. */
enum { EXIT_NOT_RUNNABLE = 126, EXIT_NOT_THERE = 127 };

/* Why it does not answer --------------------------------------------------------------------- */

static void explain_exit(const struct site_work *work, const char *words, size_t size,
                         struct error *err)
{
    int exit_code = work->failed.exit_code;
    const char *advice = last_words_advice(words, size);
    error_set(err, ERR_START_FAILED, "The app ended by itself, with exit code %d", exit_code);
    if (advice) {
        error_hint(err, "%s", advice);
    } else if (exit_code == EXIT_NOT_RUNNABLE || exit_code == EXIT_NOT_THERE) {
        error_hint(err, "A program that it starts with is missing: is its package among the "
                        "dependencies, or is it a file that may be executed?");
    } else if (exit_code == 0) {
        error_hint(err, "It must go on running and listen on port %lld",
                   (long long)work->release.port);
    } else {
        error_hint(err, "Its last words stand in the deployment's log");
    }
}

static void explain_silence(const struct site_work *work, struct error *err)
{
    char advice[200];
    long long port = work->release.port;
    if (work->has_connected) {
        error_set(err, ERR_START_FAILED,
                  "The app takes connections on port %lld, but gives no answer", port);
        error_hint(err, "It must speak HTTP. If it does, its first page waits for something, such "
                        "as a database");
        return;
    }
    listening_explain((pid_t)work->failed.pid, (uint16_t)port, advice, sizeof(advice));
    error_set(err, ERR_START_FAILED, "The app does not answer on port %lld (tried for %lld s)",
              port, (long long)work->probe_s);
    error_hint(err, "%s", advice);
}

static void explain(struct site_work *work, const char *words, size_t size, struct error *err)
{
    const struct container_detail *detail = &work->failed;
    if (instance_of_step(work)->must_go) {
        *err = work->evicted;
    } else if (detail->was_oom_killed) {
        error_set(err, ERR_START_FAILED, "The app ran out of memory (%lld MB)",
                  (long long)work->effective_memory_mib);
        error_hint(err, "Make it use less, or give it more: deploy sites set %s --memory %lldMB",
                   work->site.domain, (long long)work->effective_memory_mib * 2);
    } else if (!detail->is_running) {
        explain_exit(work, words, size, err);
    } else if (work->probe_status >= 500) {
        error_set(err, ERR_START_FAILED, "The app answers GET / with an error (%d)",
                  work->probe_status);
        error_hint(err, "The first page must answer with a status below 500");
    } else {
        explain_silence(work, err);
    }
}

static void conclude_failed_start(struct site_work *work, const struct error *err)
{
    struct instance *instance = instance_of_step(work);
    int64_t stable_ms = instance->must_go ? CLEAN_MS : STABLE_MS;
    instance->health = PLAN_UNHEALTHY;
    if (!site_work_is_new_release(work) &&
        clock_monotonic_ms() - work->route.since_ms > stable_ms) {
        work->failures = 0;
    }
    action_end(work, err);
}

/* For the log of the deployment, whose owner waits. */
static void log_last_words(const struct site_work *work, const char *text, size_t size)
{
    size_t cut = size > LAST_WORDS_BYTES ? size - LAST_WORDS_BYTES : 0; /* lines have no limit */
    const char *from = last_words_lines(text + cut, size - cut, FAILED_LOG_LINES);
    release_log(work->deployd, work->site_id, work->site.desired_deployment,
                "--- what the app wrote ---\n%.*s--- end ---", (int)(text + size - from), from);
}

static void on_last_words(void *context, const char *text, size_t size, const struct error *err)
{
    struct site_work *work = context;
    struct error failure;
    explain(work, text, size, &failure);
    if (site_work_is_new_release(work) && size > 0) {
        log_last_words(work, text, size);
    }
    if (!site_work_is_new_release(work) || !work->site.live_deployment) {
        last_words_keep(work->deployd, work->site_id, failure.message, text, size);
    }
    conclude_failed_start(work, &failure);
}

static void on_failed_detail(void *context, const struct container_detail *detail,
                             const struct error *err)
{
    struct site_work *work = context;
    if (err) {
        action_end(work, err);
        return;
    }
    work->failed = *detail;
    container_logs(work->deployd->engine, work->step.container->id, LAST_WORDS_LINES, on_last_words,
                   work);
}

static void find_out_why(struct site_work *work)
{
    container_inspect(work->deployd->engine, work->step.container->id, NULL, on_failed_detail,
                      work);
}

/* Whether it does ---------------------------------------------------------------------------- */

static void forget_probe(struct site_work *work)
{
    work->probe_status = 0;
    work->has_connected = false;
    work->probe_s = 0;
}

static void on_probed(void *context, const struct probe_result *result)
{
    struct site_work *work = context;
    work->probe = NULL;
    work->probe_status = result->status;
    work->has_connected = result->has_connected;
    work->probe_s = result->duration_ms / 1000;
    /* What is live already may answer with an error: that is its owner's matter, not ours to end.
     */
    bool is_good = result->is_healthy || (!site_work_is_new_release(work) && result->status != 0);
    if (!is_good) {
        find_out_why(work);
        return;
    }
    struct instance *instance = instance_of_step(work);
    instance->health = PLAN_HEALTHY;
    if (site_work_is_new_release(work)) {
        release_log(work->deployd, work->site_id, work->site.desired_deployment,
                    "Answers after %lld ms (status %d)", (long long)result->duration_ms,
                    result->status);
    }
    action_end(work, NULL);
}

/* Connections are refused: does it listen elsewhere, and stays there? Who is live already may take
 * its time. */
static bool on_refused(void *context)
{
    struct site_work *work = context;
    char advice[200];
    int64_t now_us = clock_monotonic_us();
    pid_t pid = (pid_t)instance_of_step(work)->running.pid;
    if (!site_work_is_new_release(work) ||
        !listening_is_astray(pid, (uint16_t)work->release.port, advice, sizeof(advice))) {
        work->astray_since_us = 0;
        return false;
    }
    if (work->astray_since_us == 0) {
        work->astray_since_us = now_us; /* it may be about to listen where it should, too */
        work->is_astray_told = false;
        return false;
    }
    if (!work->is_astray_told) {
        work->is_astray_told = true;
        release_log(work->deployd, work->site_id, work->site.desired_deployment,
                    "Nobody answers on port %lld so far. %s", (long long)work->release.port,
                    advice);
    }
    return now_us - work->astray_since_us >= ASTRAY_US;
}

/* Of a live release it is enough that it listens, where visitors have nobody else: what it says is
 * its owner's matter, and a probe's request would only make theirs wait. */
static enum probe_depth choose_depth(const struct site_work *work)
{
    bool has_other = work->route.kind == PLAN_ROUTE_CONTAINER || work->overlap_mib > 0;
    return has_other || site_work_is_new_release(work) ? PROBE_ANSWERS : PROBE_LISTENS;
}

static void on_detail_to_probe(void *context, const struct container_detail *detail,
                               const struct error *err)
{
    struct site_work *work = context;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)work->release.port)};
    if (err) {
        action_end(work, err);
        return;
    }
    if (!detail->is_running || inet_pton(AF_INET, detail->address, &address.sin_addr) != 1) {
        forget_probe(work);
        find_out_why(work);
        return;
    }
    struct instance *instance = instance_of_step(work);
    instance->running.pid = detail->pid;
    instance->running.memory_bytes = detail->memory_bytes;
    instance->running.cpu_millicores = detail->cpu_millicores;
    instance->running.pids = detail->pids;
    instance->running.has_writable_root = detail->has_writable_root;
    instance->is_dead = false;
    str_copy(instance->address, sizeof(instance->address), detail->address);
    work->astray_since_us = 0;
    if (site_work_is_new_release(work)) {
        release_log(work->deployd, work->site_id, work->site.desired_deployment,
                    "Started; waiting for an answer on port %lld", (long long)work->release.port);
    }
    work->probe = probe_start(
        work->deployd->run->base, choose_depth(work), &address, work->site.domain,
        config_integer(work->deployd->run->config, CONFIG_deployd_start_timeout_s) * 1000,
        on_probed, on_refused, work);
}

void action_probe(struct site_work *work)
{
    AUTO_FREE char *network = deployd_network_name(work->deployd, DEPLOYD_PRODUCTION);
    container_inspect(work->deployd->engine, work->step.container->id, network, on_detail_to_probe,
                      work);
}

bool action_probe_interrupt(struct site_work *work, const char *id)
{
    if (!work->probe || !str_equal(work->step.container->id, id)) {
        return false;
    }
    probe_cancel(work->probe);
    work->probe = NULL;
    forget_probe(work);
    find_out_why(work);
    return true;
}
