/*
 * The product in a world of its own: deployd's handlers, admission, ledger and converger as they
 * are, on a real database; around them an engine, a gate and a clock that are made up. Nothing
 * happens by itself: answers wait until they are delivered, in any order.
 *
 * world_crash() is what a killed process leaves: no answer arrives any more, nothing is written,
 * and everything begins again from the database and the engine's containers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge/instances.h"
#include "dialup-deployd/deployd.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

struct ipc_method;

enum { WORLD_USERS = 6 }; /* with the ids 1 to 6 */

enum { WORLD_CONTAINERS = 256, WORLD_BAD_RELEASES = 4096 };

/* A container of the engine that is made up. */
struct world_container {
    char id[16]; /* "": free */
    int64_t site_id;
    int64_t deployment_id;
    int64_t generation;
    char owner[32];
    int64_t memory_mib;
    int64_t cpu_millicores;
    bool is_running;
    bool is_frozen;
    bool was_started;
};

struct world {
    char folder[96];
    char db_path[128];
    struct deployd deployd;
    struct daemon_run run;
    struct config *config;
    struct db *admind;
    struct world_container containers[WORLD_CONTAINERS];
    int64_t containers_made;
    bool is_bad[WORLD_BAD_RELEASES]; /* by deployment: it never answers */
    int64_t now_us;
    uint64_t random;
    int faults; /* so many calls of the engine fail from now on */
    bool wants_batch;
    int64_t refused[QUOTA_DIMENSION_COUNT]; /* by the last refusal: at how many levels */
};

/* The one that the stand-ins belong to. */
extern struct world world;

extern const struct quota_machine world_machine;

/* Makes the folder and an empty database in it, once; begins anew with that, as often as needed. */
void world_init(void);
void world_begin(void);
void world_end(void);
void world_fini(void);

void world_crash(void);

/* From 0 to below - 1; the seed is set with each operation. */
int64_t world_draw(int64_t below);

/* Calls a handler of deployd as its server would; what it answers is lost, an error is not. */
int world_call(const struct ipc_method *method, const void *params, struct error *err);

/* A build that ended well: queued and accepted as the queue does it. */
struct world_release {
    const char *type;
    bool is_files;
    bool is_bad;
    int64_t bytes;
};
int world_deploy(int64_t site_id, const struct world_release *release, struct error *err);

/* The queue begins no second one of a site before the first has ended. */
bool world_is_deploying(int64_t site_id);

/* What follows a changed limit. */
void world_kick_owner(bool is_team, int64_t owner_id);

/* What the sleeper does, with its conditions. */
int world_sleep(int64_t site_id, enum site_sleep depth);
int world_scale(int64_t site_id, int64_t instances, struct error *err);
int world_measure(int64_t site_id, int64_t bytes, struct error *err);
void world_wake(int64_t site_id);

/* A container of the site ends by itself; whether anybody hears of it is another matter. False if
 * none runs. */
bool world_die(int64_t site_id, bool is_heard);

/* Delivers at most so many answers, in an order that is drawn. */
void world_deliver(size_t most);

/* Until nobody waits for anything, retries included. False: it goes on for ever. */
bool world_settle(void);

/* Remembers which dimensions a refusal names, while its words are there. */
void world_note_refusal(const struct error *err);
