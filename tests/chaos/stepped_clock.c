/*
 * A wall clock that a test can step: preloaded into the programs under test. The file named by
 * DIALUP_CLOCK_STEP holds seconds, a 64-bit number, that are added to what the kernel says. The
 * monotonic clock stays as it is, as after an admin's `date -s`.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *step;

__attribute__((constructor)) static void open_step(void)
{
    const char *path = getenv("DIALUP_CLOCK_STEP");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *found = mmap(NULL, sizeof(*step), PROT_READ, MAP_SHARED, fd, 0);
        step = found == MAP_FAILED ? NULL : found;
        close(fd);
    }
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
