/*
 * The measuring job and its figures; see the header. Called by main.c.
 */
#include "dialup-deployd/storage.h"

#include <event2/event.h>
#include <stdlib.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/job_call.h"
#include "dialup-deployd/pressure/disk.h"
#include "dialup-deployd/pressure/evict.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/transaction.h"
#include "libdialup/json/json.h"
#include "libdialup/store/sites.h"
#include "libdialup/store/storage.h"
#include "proto/jobs_rpc.h"

enum {
    SOON_S = 3,
    TIMEOUT_MS = 900 * 1000,
    LOOK_S = 3,             /* at the disk */
    SHORTEST_PAUSE_S = 10,  /* between a measurement and one that the disk asks for */
    FULL_PAUSE_S = 60,      /* and one that follows as long as the disk is nearly full */
    PAUSE_PER_DURATION = 4, /* and so much longer than it took: Docker walks many files for it */
};

struct found {
    struct evict_writer *writers;
    size_t count;
};

struct storage {
    struct deployd *deployd;
    struct event *timer;
    struct job *job; /* NULL if none runs */
    bool is_kicked;  /* while it ran */
    struct event *look;
    struct disk_reading disk; /* the most that was free since the last measurement began */
    int64_t began_ms;         /* monotonic */
    int64_t ended_ms;
    int64_t pause_ms;    /* the least until one that the disk asks for */
    struct found found;  /* by this measurement */
    struct found former; /* by the one before */
    bool has_former;
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

/* By container, for a site may have begun anew meanwhile. Of what a former life found only the
 * site's figure is left: see note(). */
static bool has_grown(const struct storage *storage, const struct evict_writer *writer)
{
    const struct found *former = &storage->former;
    for (size_t i = 0; i < former->count; i++) {
        if (str_equal(former->writers[i].container_id, writer->container_id)) {
            return writer->size_bytes > former->writers[i].size_bytes ||
                   writer->inodes > former->writers[i].inodes;
        }
    }
    return storage->has_former;
}

static void add_writer(struct storage *storage, const struct jobs_wrote *wrote)
{
    struct found *found = &storage->found;
    found->writers = xreallocarray(found->writers, found->count + 1, sizeof(*found->writers));
    struct evict_writer *writer = &found->writers[found->count++];
    *writer = (struct evict_writer){
        .site_id = wrote->site_id, .size_bytes = wrote->size_bytes, .inodes = wrote->inodes};
    str_copy(writer->container_id, sizeof(writer->container_id), wrote->container_id);
    writer->has_grown = has_grown(storage, writer);
}

static void mark_grown(struct storage *storage, int64_t site_id)
{
    struct found *found = &storage->found;
    for (size_t i = 0; i < found->count; i++) {
        found->writers[i].has_grown |= found->writers[i].site_id == site_id;
    }
}

static int note(struct storage *storage, const struct jobs_measured *measured, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    struct db *db = storage->deployd->run->db;
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
    result = db_transaction_commit(&transaction, err);
    if (result == 0 && !storage->has_former && parts.container_bytes > before.container_bytes) {
        mark_grown(storage, site.id);
    }
    return result;
}

static void on_line(void *context, const char *line, size_t size)
{
    struct storage *storage = context;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value;
    struct jobs_progress progress;
    struct error err = {0};
    int result = json_parse(arena, line, size, &value, &err);
    if (result == 0) {
        result = json_decode(arena, value, &jobs_progress_shape, &progress, &err);
    }
    if (result == 0 && progress.wrote) {
        add_writer(storage, progress.wrote);
    } else if (result == 0 && progress.measured) {
        result = note(storage, progress.measured, &err);
    }
    if (result < 0 && result != -ERR_NOT_FOUND) {
        log_warning("what a site occupies is not noted: %s", err.message);
    } else if (result == 0 && progress.error) {
        log_warning("what sites occupy is not known: %s", progress.error->message);
    }
}

static bool read_disk(const struct storage *storage, struct disk_reading *ret_reading)
{
    const char *folder = converger_docker_folder(storage->deployd->converger);
    return folder && disk_read(folder, ret_reading);
}

/* What went frees its place in the ledger at the next measurement, so that follows soon. */
static void judge_writers(struct storage *storage)
{
    struct disk_reading now = {0};
    read_disk(storage, &now);
    if (evict_writers(storage->deployd, &now, storage->found.writers, storage->found.count) > 0) {
        storage->is_kicked = true;
    }
    free(storage->former.writers);
    storage->former = storage->found;
    storage->found = (struct found){0};
    storage->has_former = true;
}

static void on_done(void *context, const struct job_exit *exit)
{
    struct storage *storage = context;
    const struct config *config = storage->deployd->run->config;
    storage->job = NULL;
    storage->ended_ms = clock_monotonic_ms();
    storage->pause_ms = (storage->ended_ms - storage->began_ms) * PAUSE_PER_DURATION;
    if (exit->status != 0) {
        log_warning("measuring what sites occupy ended with status %d", exit->status);
    } else {
        judge_writers(storage);
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
    storage->began_ms = clock_monotonic_ms();
    storage->found.count = 0;
    read_disk(storage, &storage->disk);
    if (job_call_start(storage->deployd, &call, &storage->job, &err) < 0) {
        log_warning("cannot measure what sites occupy: %s", err.message);
        wait(storage, config_integer(config, CONFIG_deployd_storage_s));
    }
}

/* Between two measurements ------------------------------------------------------------------- */

static bool may_any_write(const struct storage *storage)
{
    AUTO_ARENA struct arena *arena = arena_new();
    size_t count;
    const struct running_container *running =
        converger_running(storage->deployd->converger, arena, 0, &count);
    for (size_t i = 0; i < count; i++) {
        if (running[i].has_writable_root) {
            return true;
        }
    }
    return false;
}

static bool is_due(const struct storage *storage, int64_t pause_s)
{
    int64_t waited_ms = clock_monotonic_ms() - storage->ended_ms;
    return waited_ms >= pause_s * 1000 && waited_ms >= storage->pause_ms;
}

static void on_look(evutil_socket_t fd, short events, void *context)
{
    struct storage *storage = context;
    struct disk_reading now;
    if (storage->job || !read_disk(storage, &now)) {
        return;
    }
    if (storage->disk.total_bytes == 0) {
        storage->disk = now;
    }
    bool is_wanted = (disk_has_fallen(&storage->disk, &now) && is_due(storage, SHORTEST_PAUSE_S)) ||
                     (disk_is_full(&now) && is_due(storage, FULL_PAUSE_S));
    disk_keep_highest(&storage->disk, &now);
    if (is_wanted && may_any_write(storage)) {
        log_debug("the disk has less room than a while ago: who wrote?");
        wait(storage, 0);
    }
}

struct storage *storage_new(struct deployd *deployd)
{
    struct storage *storage = xcalloc(1, sizeof(*storage));
    storage->deployd = deployd;
    storage->timer = evtimer_new(deployd->run->base, on_timer, storage);
    storage->look = event_new(deployd->run->base, -1, EV_PERSIST, on_look, storage);
    event_add(storage->look, &(struct timeval){LOOK_S, 0});
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
        event_free(storage->look);
        free(storage->found.writers);
        free(storage->former.writers);
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
