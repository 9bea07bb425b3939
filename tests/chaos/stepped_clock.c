/*
 * A wall clock that a test can step: preloaded into the programs under test. The file named by
 * DIALUP_CLOCK_STEP holds seconds, a 64-bit number, that are added to what the kernel says. The
 * monotonic clock stays as it is, as after an admin's `date -s`. Waits until a time of the wall
 * clock (libnng's timers) take as long as they would without the step.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* No monotonic clock is as late as that. */
enum { WALL_CLOCK_S = 1000000000 };

typedef int timed_wait_fn(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

static volatile const int64_t *step;
static timed_wait_fn *timed_wait;

__attribute__((constructor)) static void open_step(void)
{
    const char *path = getenv("DIALUP_CLOCK_STEP");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        step = mmap(NULL, sizeof(*step), PROT_READ, MAP_SHARED, fd, 0);
        step = step == MAP_FAILED ? NULL : step;
        close(fd);
    }
    timed_wait = (timed_wait_fn *)dlsym(RTLD_NEXT, "pthread_cond_timedwait");
}

int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, ret_now);
    if (result == 0 && step && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        ret_now->tv_sec += *step;
    }
    return result;
}

int gettimeofday(struct timeval *restrict ret_now, __attribute__((unused)) void *restrict zone)
{
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    *ret_now = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return result;
}

time_t time(time_t *ret_now)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_now) {
        *ret_now = now.tv_sec;
    }
    return now.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    struct timespec kernels = *until;
    if (step && kernels.tv_sec > WALL_CLOCK_S) {
        kernels.tv_sec -= *step;
    }
    return timed_wait(cond, mutex, &kernels);
}
