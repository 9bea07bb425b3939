/*
 * What the gate adds to a request: latency and CPU, against a direct connection, in one run.
 *
 * Three processes, so that each one's CPU clock is its own: a site (blocking, one request after
 * the other), a gate, and the visitor, who measures. Rounds of direct and carried requests take
 * turns, so that a busy machine disturbs both alike. Ends with 1 if a budget is missed.
 *
 * Usage: gate_pump [REQUESTS-A-ROUND]
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dialup-deployd/gate/gate.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum { ROUNDS = 9, BULK_MB = 200, BUDGET_ADDED_P50_US = 100 };

static const char request[] = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
static const char bulk_request[] = "GET /bulk HTTP/1.1\r\nHost: a.test\r\n\r\n";
static char folder[] = "/tmp/gate-bench-XXXXXX";
static struct sockaddr_in site_address;

static void serve_bulk(int fd)
{
    static char chunk[256 * 1024];
    for (int64_t left = (int64_t)BULK_MB * 1000 * 1000; left > 0;) {
        size_t size = left < (int64_t)sizeof(chunk) ? (size_t)left : sizeof(chunk);
        ssize_t sent = send(fd, chunk, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        left -= sent;
    }
}

static _Noreturn void be_site(int listen_fd)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    for (;;) {
        int fd = accept(listen_fd, NULL, NULL);
        char head[1024];
        ssize_t got = recv(fd, head, sizeof(head), 0);
        if (got == (ssize_t)strlen(bulk_request)) {
            serve_bulk(fd);
        } else if (got > 0) {
            send(fd, answer, strlen(answer), MSG_NOSIGNAL);
        }
        close(fd);
    }
}

/* b.test sleeps: wanted, it is made ready in the next turn of the loop, and put to sleep again as
 * soon as its visitor has gone, which is told by a byte. */
struct sleeper {
    struct gate *gate;
    struct event *wake;
    struct event *lull;
    int asleep_fd;
};

static void on_wanted(void *arg, const struct route *route)
{
    const struct sleeper *sleeper = arg;
    event_active(sleeper->wake, EV_TIMEOUT, 0);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    const struct sleeper *sleeper = arg;
    const struct route_spec ready = {
        .host = "b.test", .targets = {site_address}, .target_count = 1};
    ASSERT(gate_route_set(sleeper->gate, &ready, -1, NULL) == 0);
    event_add(sleeper->lull, &(struct timeval){0, 1000});
}

static void on_lull(evutil_socket_t fd, short what, void *arg)
{
    const struct sleeper *sleeper = arg;
    const struct route_spec hold = {.host = "b.test", .state = ROUTE_HOLD, .only_if_idle = true};
    struct error err;
    if (gate_route_set(sleeper->gate, &hold, -1, &err) == 0) {
        event_del(sleeper->lull);
        ASSERT(write(sleeper->asleep_fd, "z", 1) == 1);
    }
}

static _Noreturn void be_gate(int ready_fd)
{
    struct event_base *base = event_base_new();
    AUTO_FREE char *sites = xasprintf("%s/sites", folder);
    AUTO_FREE char *pages = xasprintf("%s/pages", folder);
    struct sleeper sleeper = {.asleep_fd = ready_fd};
    struct gate_config config = {
        .sites_dir = sites, .pages_dir = pages, .on_wanted = on_wanted, .arg = &sleeper};
    const struct route_spec hold = {.host = "b.test", .state = ROUTE_HOLD};
    struct route_spec route = {.host = "a.test", .targets = {site_address}, .target_count = 1};
    struct gate *gate;
    struct error err;
    if (gate_open(base, &config, &gate, &err) < 0 || gate_route_set(gate, &route, -1, &err) < 0 ||
        gate_route_set(gate, &hold, -1, &err) < 0) {
        log_panic("%s", err.message);
    }
    sleeper.gate = gate;
    sleeper.wake = evtimer_new(base, on_wake, &sleeper);
    sleeper.lull = event_new(base, -1, EV_PERSIST, on_lull, &sleeper);
    ASSERT(write(ready_fd, "x", 1) == 1);
    event_base_dispatch(base);
    abort();
}

static int connect_direct(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(connect(fd, (struct sockaddr *)&site_address, sizeof(site_address)) == 0);
    return fd;
}

static int connect_host(const char *host)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/sites/%s.sock", folder, host);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

static int connect_gate(void)
{
    return connect_host("a.test");
}

/* Returns the bytes of the answer. */
static int64_t exchange(int fd, const char *text)
{
    static char data[256 * 1024];
    ASSERT(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
    int64_t size = 0;
    ssize_t got;
    while ((got = recv(fd, data, sizeof(data), 0)) > 0) {
        size += got;
    }
    close(fd);
    return size;
}

static double cpu_us(pid_t pid)
{
    clockid_t clock;
    struct timespec spent;
    ASSERT(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &spent) == 0);
    return (double)spent.tv_sec * 1e6 + (double)spent.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

/* The p50 of one round, in us. */
static double run_round(int (*connect_to)(void), double *times, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        ASSERT(exchange(connect_to(), request) == 43);
        clock_gettime(CLOCK_MONOTONIC, &end);
        times[i] =
            (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3;
    }
    return median(times, count);
}

static int measure_requests(pid_t gate, pid_t site, size_t count)
{
    AUTO_FREE double *times = xcalloc(count, sizeof(*times));
    double direct[ROUNDS], carried[ROUNDS], gate_cpu[ROUNDS], site_cpu[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        direct[round] = run_round(connect_direct, times, count);
        double gate_before = cpu_us(gate), site_before = cpu_us(site);
        carried[round] = run_round(connect_gate, times, count);
        gate_cpu[round] = (cpu_us(gate) - gate_before) / (double)count;
        site_cpu[round] = (cpu_us(site) - site_before) / (double)count;
    }
    double direct_us = median(direct, ROUNDS), carried_us = median(carried, ROUNDS);
    printf("request: direct p50 %.1f us, through the gate %.1f us: added %.1f us, ratio %.2f\n",
           direct_us, carried_us, carried_us - direct_us, carried_us / direct_us);
    printf("request: gate's CPU %.1f us (the trivial site's own %.1f us)\n",
           median(gate_cpu, ROUNDS), median(site_cpu, ROUNDS));
    return carried_us - direct_us < BUDGET_ADDED_P50_US ? 0 : 1;
}

/* From the dial to the answer's end, when the route must be made ready first. */
static void measure_wake(int asleep_fd, size_t count)
{
    AUTO_FREE double *times = xcalloc(count, sizeof(*times));
    for (size_t i = 0; i < count; i++) {
        int64_t start_us = clock_monotonic_us();
        ASSERT(exchange(connect_host("b.test"), request) == 43);
        times[i] = (double)(clock_monotonic_us() - start_us);
        char byte;
        ASSERT(read(asleep_fd, &byte, 1) == 1);
    }
    printf("wake: held, wanted, made ready, answered: p50 %.0f us\n", median(times, count));
}

static void measure_bulk(pid_t gate)
{
    double direct[ROUNDS], carried[ROUNDS], cpu[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start_us = clock_monotonic_us();
        exchange(connect_direct(), bulk_request);
        int64_t middle_us = clock_monotonic_us();
        double before = cpu_us(gate);
        ASSERT(exchange(connect_gate(), bulk_request) == (int64_t)BULK_MB * 1000 * 1000);
        direct[round] = BULK_MB * 1e6 / (double)(middle_us - start_us);
        carried[round] = BULK_MB * 1e6 / (double)(clock_monotonic_us() - middle_us);
        cpu[round] = (cpu_us(gate) - before) / BULK_MB;
    }
    printf("bulk: direct %.0f MB/s, through the gate %.0f MB/s; gate's CPU %.0f us a MB\n",
           median(direct, ROUNDS), median(carried, ROUNDS), median(cpu, ROUNDS));
}

static void make_folders(void)
{
    ASSERT(mkdtemp(folder));
    static const char *const names[] = {"stopped", "failed",  "starting",
                                        "asleep",  "limited", "unavailable"};
    AUTO_FREE char *sites = xasprintf("%s/sites", folder);
    AUTO_FREE char *pages = xasprintf("%s/pages", folder);
    ASSERT(mkdir(sites, 0755) == 0 && mkdir(pages, 0755) == 0);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        AUTO_FREE char *path = xasprintf("%s/%s.html", pages, names[i]);
        ASSERT(fs_write_file(path, "x", 1, 0644, NULL) == 0);
    }
}

static int listen_anywhere(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    site_address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(site_address);
    ASSERT(bind(fd, (struct sockaddr *)&site_address, size) == 0 && listen(fd, 512) == 0);
    getsockname(fd, (struct sockaddr *)&site_address, &size);
    return fd;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
    make_folders();
    int listen_fd = listen_anywhere();
    pid_t site = fork();
    if (site == 0) {
        be_site(listen_fd);
    }
    int ready[2];
    ASSERT(pipe(ready) == 0);
    pid_t gate = fork();
    if (gate == 0) {
        be_gate(ready[1]);
    }
    char byte;
    ASSERT(read(ready[0], &byte, 1) == 1);
    int rc = measure_requests(gate, site, count > 0 ? count : 1);
    measure_wake(ready[0], count > 0 ? count : 1);
    measure_bulk(gate);
    kill(gate, SIGKILL);
    kill(site, SIGKILL);
    waitpid(gate, NULL, 0);
    waitpid(site, NULL, 0);
    fs_remove_tree(folder, NULL);
    return rc;
}
