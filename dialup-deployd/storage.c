/*
 * The measuring job and its figures; see the header. Called by main.c.
 */
#include "dialup-deployd/storage.h"

#include <event2/event.h>
#include <stdlib.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/job_call.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/transaction.h"
#include "libdialup/json/json.h"
#include "libdialup/store/sites.h"
#include "libdialup/store/storage.h"
#include "proto/jobs_rpc.h"

enum { SOON_S = 3, TIMEOUT_MS = 900 * 1000 };

struct storage {
    struct deployd *deployd;
    struct event *timer;
    struct job *job; /* NULL if none runs */
    bool is_kicked;  /* while it ran */
};

static void wait(struct storage *storage, int64_t seconds)
{
    const struct timeval delay = {seconds, 0};
    evtimer_add(storage->timer, &delay);
}

static bool is_known(const struct site *site, const struct storage_parts *before,
                     const struct storage_parts *parts, int64_t inodes)
{
    return before->releases_bytes == parts->releases_bytes &&
           before->images_bytes == parts->images_bytes &&
           before->container_bytes == parts->container_bytes &&
           before->logs_bytes == parts->logs_bytes && site->storage_inodes == inodes;
}

static int note(struct deployd *deployd, const struct jobs_measured *measured, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    struct db *db = deployd->run->db;
    const struct storage_parts parts = {
        .releases_bytes = measured->releases_bytes,
        .images_bytes = measured->images_bytes,
        .container_bytes = measured->container_bytes,
        .logs_bytes = measured->logs_bytes,
    };
    struct storage_parts before;
    struct site site;
    int64_t now = clock_unix();
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 || (result = sites_find(db, arena, measured->site_id, &site, err)) < 0 ||
        (result = storage_find(db, site.id, &before, err)) < 0) {
        return result;
    }
    if (site.desired == SITE_WANT_DELETED || is_known(&site, &before, &parts, measured->inodes)) {
        return 0;
    }
    if ((result = storage_put(db, site.id, &parts, measured->inodes, now, err)) < 0 ||
        (result = admission_note_storage(db, &site, storage_charged(&parts, measured->inodes), now,
                                         err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}

static void on_line(void *context, const char *line, size_t size)
{
    const struct storage *storage = context;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value;
    struct jobs_progress progress;
    struct error err = {0};
    int result = json_parse(arena, line, size, &value, &err);
    if (result == 0) {
        result = json_decode(arena, value, &jobs_progress_shape, &progress, &err);
    }
    if (result == 0 && progress.measured) {
        result = note(storage->deployd, progress.measured, &err);
    }
    if (result < 0 && result != -ERR_NOT_FOUND) {
        log_warning("what a site occupies is not noted: %s", err.message);
    } else if (result == 0 && progress.error) {
        log_warning("what sites occupy is not known: %s", progress.error->message);
    }
}

static void on_done(void *context, const struct job_exit *exit)
{
    struct storage *storage = context;
    const struct config *config = storage->deployd->run->config;
    storage->job = NULL;
    if (exit->status != 0) {
        log_warning("measuring what sites occupy ended with status %d", exit->status);
    }
    wait(storage, storage->is_kicked ? SOON_S : config_integer(config, CONFIG_deployd_storage_s));
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct storage *storage = context;
    const struct config *config = storage->deployd->run->config;
    AUTO_FREE char *sites = config_state_path(config, "sites");
    AUTO_FREE char *network = deployd_network_name(storage->deployd, DEPLOYD_PRODUCTION);
    const struct jobs_measure_params params = {
        .instance = config_text(config, CONFIG_common_instance),
        .sites_dir = sites,
        .network = network,
        .docker_socket = config_text(config, CONFIG_deployd_docker_socket),
    };
    const struct job_call call = {
        .name = "measure",
        .shape = &jobs_measure_params_shape,
        .params = &params,
        .timeout_ms = TIMEOUT_MS,
        .on_line = on_line,
        .on_done = on_done,
        .context = storage,
    };
    struct error err;
    storage->is_kicked = false;
    if (job_call_start(storage->deployd, &call, &storage->job, &err) < 0) {
        log_warning("cannot measure what sites occupy: %s", err.message);
        wait(storage, config_integer(config, CONFIG_deployd_storage_s));
    }
}

struct storage *storage_new(struct deployd *deployd)
{
    struct storage *storage = xcalloc(1, sizeof(*storage));
    storage->deployd = deployd;
    storage->timer = evtimer_new(deployd->run->base, on_timer, storage);
    storage_kick(storage);
    return storage;
}

void storage_free(struct storage *storage)
{
    if (storage) {
        if (storage->job) {
            job_abandon(storage->job);
        }
        event_free(storage->timer);
        free(storage);
    }
}

void storage_kick(struct storage *storage)
{
    storage->is_kicked = true;
    if (!storage->job) {
        wait(storage, SOON_S);
    }
}
