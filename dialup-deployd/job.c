/*
 * A child process in the event loop: pipes for its lines, a pidfd for its end (pidfd_open(2)), a
 * timer for its time. Called by job_call.c.
 */
#include "dialup-deployd/job.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum { KILL_AFTER_MS = 5000, DRAIN_MS = 2000 };

struct job {
    pid_t pid;
    int pid_fd;
    struct bufferevent *input;  /* NULL when all is written */
    struct bufferevent *output; /* NULL when it has ended */
    struct event *ended;
    struct event *timer;
    bool has_ended;
    bool is_unreadable; /* a line was too long */
    bool is_paused;
    struct timeval left; /* of its time, when it was paused */
    struct job_exit exit;
    struct job_options options;
};

static void job_free(struct job *job)
{
    if (job->input) {
        bufferevent_free(job->input);
    }
    if (job->output) {
        bufferevent_free(job->output);
    }
    if (job->ended) {
        event_free(job->ended);
    }
    if (job->timer) {
        event_free(job->timer);
    }
    if (job->pid_fd >= 0) {
        close(job->pid_fd);
    }
    free(job);
}

/* The job is over when the process has ended and its last line was read. */
static void finish_if_over(struct job *job)
{
    if (job->has_ended && !job->output) {
        job->options.on_done(job->options.context, &job->exit);
        job_free(job);
    }
}

static void send_signal(const struct job *job, int signal)
{
    if (!job->has_ended) {
        kill(-job->pid, signal);
    }
}

static void start_timer(struct job *job, int64_t ms)
{
    struct timeval delay = clock_timeval_of_ms(ms);
    evtimer_add(job->timer, &delay);
}

static void end_output(struct job *job)
{
    bufferevent_free(job->output);
    job->output = NULL;
    finish_if_over(job);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct job *job = context;
    if (job->has_ended) {
        end_output(job);
        return;
    }
    if (job->exit.timed_out || job->exit.was_stopped) {
        send_signal(job, SIGKILL);
        return;
    }
    job->exit.timed_out = true;
    send_signal(job, SIGTERM);
    start_timer(job, KILL_AFTER_MS);
}

static void on_ended(evutil_socket_t fd, short events, void *context)
{
    struct job *job = context;
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)job->pid_fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0) {
        return;
    }
    /* What the job left running in its group would keep the pipe open. */
    kill(-job->pid, SIGKILL);
    job->has_ended = true;
    job->exit.status = info.si_code == CLD_EXITED ? info.si_status : -1;
    job->exit.signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
    event_del(job->ended);
    /* A process that left the group may hold the pipe: it is not waited for. */
    start_timer(job, DRAIN_MS);
    finish_if_over(job);
}

static void read_lines(struct job *job)
{
    struct evbuffer *buffer = bufferevent_get_input(job->output);
    size_t size;
    for (char *line;
         !job->is_unreadable && (line = evbuffer_readln(buffer, &size, EVBUFFER_EOL_LF));) {
        job->options.on_line(job->options.context, line, size);
        free(line);
    }
    if (job->is_unreadable || evbuffer_get_length(buffer) > JOB_MAX_LINE_BYTES) {
        job->is_unreadable = true; /* what follows is the rest of a line, not a line */
        evbuffer_drain(buffer, evbuffer_get_length(buffer));
        job_stop(job);
    }
}

static void on_output(struct bufferevent *output, void *context)
{
    read_lines(context);
}

static void on_output_end(struct bufferevent *output, short what, void *context)
{
    struct job *job = context;
    read_lines(job);
    end_output(job);
}

static void close_input(struct job *job)
{
    bufferevent_free(job->input);
    job->input = NULL;
}

static void on_input_written(struct bufferevent *input, void *context)
{
    close_input(context);
}

static void on_input_end(struct bufferevent *input, short what, void *context)
{
    close_input(context);
}

/* stdin and stdout become the pipes, everything else stays closed; signals as a fresh program. */
static int spawn(const char *program, int input, int output, pid_t *ret_pid)
{
    extern char **environ;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    char *argv[] = {(char *)(uintptr_t)program, NULL};
    int result = posix_spawn(ret_pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

static struct bufferevent *open_pipe_end(struct event_base *base, int fd)
{
    evutil_make_socket_nonblocking(fd);
    return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
}

static void attach(struct job *job, struct event_base *base, int input, int output)
{
    job->pid_fd = (int)syscall(SYS_pidfd_open, job->pid, 0);
    ASSERT(job->pid_fd >= 0);
    fcntl(job->pid_fd, F_SETFD, FD_CLOEXEC);
    job->ended = event_new(base, job->pid_fd, EV_READ | EV_PERSIST, on_ended, job);
    event_add(job->ended, NULL);
    job->timer = evtimer_new(base, on_timer, job);
    start_timer(job, job->options.timeout_ms);

    job->output = open_pipe_end(base, output);
    bufferevent_setcb(job->output, on_output, NULL, on_output_end, job);
    bufferevent_enable(job->output, EV_READ);

    job->input = open_pipe_end(base, input);
    bufferevent_setcb(job->input, NULL, on_input_written, on_input_end, job);
    bufferevent_write(job->input, job->options.input, job->options.input_size);
    bufferevent_enable(job->input, EV_WRITE);
    if (job->options.input_size == 0) {
        close_input(job); /* nothing would ever be "written" */
    }
    job->options.program = NULL; /* both were the caller's */
    job->options.input = NULL;
}

int job_start(struct event_base *base, const struct job_options *options, struct job **ret_job,
              struct error *err)
{
    int input[2];
    int output[2];
    if (pipe2(input, O_CLOEXEC) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot start %s", options->program);
    }
    if (pipe2(output, O_CLOEXEC) < 0) {
        int saved = errno;
        close(input[0]);
        close(input[1]);
        return error_set_errno(err, ERR_IO, saved, "Cannot start %s", options->program);
    }
    pid_t pid;
    int failed = spawn(options->program, input[0], output[1], &pid);
    close(input[0]);
    close(output[1]);
    if (failed) {
        close(input[1]);
        close(output[0]);
        return error_set_errno(err, ERR_IO, failed, "Cannot start %s", options->program);
    }
    struct job *job = xcalloc(1, sizeof(*job));
    job->pid = pid;
    job->options = *options;
    attach(job, base, input[1], output[0]);
    *ret_job = job;
    return 0;
}

void job_pause(struct job *job)
{
    struct timeval ends;
    struct timeval now;
    if (job->is_paused) {
        send_signal(job, SIGURG);
        return;
    }
    if (job->has_ended || job->exit.timed_out || job->exit.was_stopped ||
        !evtimer_pending(job->timer, &ends)) {
        return;
    }
    job->is_paused = true;
    evutil_gettimeofday(&now, NULL);
    evutil_timersub(&ends, &now, &job->left);
    evtimer_del(job->timer);
    send_signal(job, SIGURG);
}

void job_resume(struct job *job)
{
    if (job->is_paused) {
        job->is_paused = false;
        send_signal(job, SIGCONT);
        evtimer_add(job->timer, &job->left);
    }
}

void job_stop(struct job *job)
{
    job_resume(job);
    if (job->exit.was_stopped) {
        return;
    }
    job->exit.was_stopped = true;
    send_signal(job, SIGTERM);
    start_timer(job, KILL_AFTER_MS);
}

void job_abandon(struct job *job)
{
    send_signal(job, SIGKILL);
    job_free(job);
}
