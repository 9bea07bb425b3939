/*
 * dialup-deployd: decides and carries out. This header is what its parts share, and their map, from
 * the top down; a part knows those below it and none above.
 *
 *   main.c        starts them in their order
 *   rpc*.c        what is asked: checks, changes rows, kicks the queue or the converger
 *   queue/        deployments that wait for their build, the build jobs, what is accepted
 *   pressure/     who gives way when there is not enough: memory, hours of a day, limits, the disk
 *   sleep/        visits (who is visited) -> sleeper (how deep each site should sleep), scaler (how
 *                 many instances it has), waker (who is wanted, and who gives way); the rules: idle
 *   converge/     makes Docker and the routes match the rows, one site at a time:
 *                 converge (all sites) -> site_loop (one) -> plan (decides, pure) and
 *                 actions (carry out)
 *   storage       what sites occupy, measured now and then, and when the disk fills
 *   bridges       keeps containers away from the host, whoever resets the firewall
 *   release, handover, withdraw, admission, owner_limits, images, trash, reclaim, job_call, job
 *                 what a deployment made; one follows another, or comes to nothing; would it fit,
 *                 and the ledger; what nobody needs any more; the memory of what stands still;
 *                 programs
 *   engine/       Docker's API
 *
 * The gate (gate/) and the jobs (jobs/) are programs of their own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libdialup/daemon/daemon.h"
#include "libdialup/quota/limits.h"

struct bridges;
struct converger;
struct db_batch;
struct enforcer;
struct engine;
struct event;
struct images;
struct ipc_client;
struct job;
struct limiter;
struct owner_limits;
struct pressure;
struct queue;
struct reclaimer;
struct storage;
struct sleeper;
struct waker;

struct deployd {
    struct daemon_run *run;
    struct quota_machine machine;
    struct engine *engine;
    struct limiter *limiter;
    struct ipc_client *gate;
    struct db_batch *batch;
    struct event *batch_timer;
    struct converger *converger;
    struct queue *queue;
    struct images *images;
    struct storage *storage;
    struct sleeper *sleeper;
    struct waker *waker;
    struct owner_limits *owner_limits;
    struct reclaimer *reclaimer;
    struct bridges *bridges;
    struct pressure *pressure;
    struct enforcer *enforcer;
    struct job *sweep; /* empties the trash; NULL if none runs */
    struct event *housekeeping;
    char *gate_path;
    bool is_short_of_memory; /* an emergency: nothing new begins */
    /* A deployment came to its end: the next one may begin. */
    void (*on_deployment_end)(struct deployd *deployd);
};

/* Paths below the state directory; freed by the caller. */
char *deployd_site_path(const struct deployd *deployd, int64_t site_id, const char *part);
char *deployd_release_path(const struct deployd *deployd, int64_t site_id, int64_t deployment_id);
char *deployd_log_path(const struct deployd *deployd, int64_t site_id, int64_t deployment_id);
char *deployd_live_path(const struct deployd *deployd, const char *domain);

/* The names of our two networks and their bridges (at most 15 characters, IFNAMSIZ). */
enum deployd_network { DEPLOYD_PRODUCTION, DEPLOYD_DEVELOPMENT };
char *deployd_network_name(const struct deployd *deployd, enum deployd_network network);
char *deployd_bridge_name(const struct deployd *deployd, enum deployd_network network);

/* Tells those who watch; never fails. */
void deployd_tell_deployment(const struct deployd *deployd, int64_t site_id, int64_t deployment_id,
                             const char *state, const char *step);
void deployd_tell_log(const struct deployd *deployd, int64_t deployment_id, int64_t size_bytes);
void deployd_tell_site(const struct deployd *deployd, int64_t site_id, const char *domain,
                       const char *state);
