/*
 * The beginning and the end of what a build knows, its way to the engine, and its time. Called by
 * all parts of the job; it calls none of them.
 */
#include "dialup-deployd/jobs/build_work.h"

#include <event2/event.h>
#include <signal.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"

enum { PULSE_S = 1 };

void build_init(struct build *build, struct arena *arena)
{
    *build = (struct build){.arena = arena, .release_fd = -1, .progress.log_fd = -1};
    manifest_init(&build->manifest);
}

void build_fini(struct build *build)
{
    if (build->base) {
        engine_close(build->engine);
        event_free(build->terminate);
        event_free(build->pulse);
        event_free(build->pause);
        event_free(build->resume);
        event_base_free(build->base);
    }
    if (build->release_fd >= 0) {
        close(build->release_fd);
    }
    manifest_fini(&build->manifest);
    progress_close(&build->progress);
}

static void on_terminate(evutil_socket_t fd, short events, void *context)
{
    struct build *build = context;
    build->is_stopping = true;
}

static void on_pulse(evutil_socket_t fd, short events, void *context)
{
    struct build *build = context;
    int64_t now_us = clock_monotonic_us();
    build->stood_still_us += build->is_paused ? now_us - build->pulse_us : 0;
    build->pulse_us = now_us;
}

static void on_pause(evutil_socket_t signal, short events, void *context)
{
    struct build *build = context;
    build->is_paused = signal == SIGURG;
}

void build_note_running(struct build *build)
{
    build->pulse_us = clock_monotonic_us();
    event_base_loop(build->base, EVLOOP_NONBLOCK); /* a signal that came in between */
    while (build->is_paused && !build->is_stopping) {
        event_base_loop(build->base, EVLOOP_ONCE);
    }
}

int64_t build_clock_us(const struct build *build)
{
    return clock_monotonic_us() - build->stood_still_us;
}

int build_open_engine(struct build *build, struct error *err)
{
    build->base = event_base_new();
    ASSERT(build->base);
    build->terminate = evsignal_new(build->base, SIGTERM, on_terminate, build);
    evsignal_add(build->terminate, NULL);
    build->pause = evsignal_new(build->base, SIGURG, on_pause, build);
    build->resume = evsignal_new(build->base, SIGCONT, on_pause, build);
    evsignal_add(build->pause, NULL);
    evsignal_add(build->resume, NULL);
    const struct timeval pulse = {PULSE_S, 0};
    build->pulse_us = clock_monotonic_us();
    build->pulse = event_new(build->base, -1, EV_PERSIST, on_pulse, build);
    event_add(build->pulse, &pulse);
    return engine_open(build->base, build->params->docker_socket, &build->engine, err);
}

int64_t build_time_left_s(const struct build *build, int64_t wanted_s)
{
    int64_t left = (build->deadline_us - build_clock_us(build)) / 1000000;
    int64_t least = left < wanted_s ? left : wanted_s;
    return least > 1 ? least : 1;
}
