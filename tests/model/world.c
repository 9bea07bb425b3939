/*
 * See the header. Called by operations.c; what deployd asks of others comes to stand_ins.c.
 */
#include "tests/model/world.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/adjust.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/converge/docker_watch.h"
#include "dialup-deployd/converge/orphans.h"
#include "dialup-deployd/queue/accept.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/rpc.h"
#include "dialup-deployd/sleep/waker.h"
#include "dialup-deployd/withdraw.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/daemon/config.h"
#include "libdialup/db/batch.h"
#include "libdialup/db/migrate.h"
#include "libdialup/db/transaction.h"
#include "libdialup/json/json.h"
#include "libdialup/site/strategy.h"
#include "libdialup/store/sites.h"
#include "libdialup/store/storage.h"
#include "libdialup/store/store.h"
#include "libdialup/store/users.h"
#include "proto/deployd_rpc.h"
#include "tests/model/dying_disk.h"
#include "tests/model/stand_ins.h"

enum { MACHINE_MEMORY_MIB = 4096, MACHINE_MILLICORES = 4000, MACHINE_STORAGE_MIB = 8192 };
enum { DELIVERIES_MOST = 50000, ROUNDS_MOST = 12, ROUNDS_LEAST = 3 };

struct world world;

const struct quota_machine world_machine = {MACHINE_MEMORY_MIB, MACHINE_MILLICORES,
                                            MACHINE_STORAGE_MIB};

/* rpc.c's, without the table of all handlers: half of them ask Docker. */
struct deployd *rpc_deployd(void *context)
{
    return ((struct daemon_run *)context)->state;
}

enum quota_entity rpc_owner_kind(const char *name)
{
    return str_equal(name, "team") ? QUOTA_TEAM : QUOTA_USER;
}

int rpc_find_site(struct db *db, struct arena *arena, int64_t id, struct site *ret_site,
                  struct error *err)
{
    int result = sites_find(db, arena, id, ret_site, err);
    if (result == 0 && ret_site->desired == SITE_WANT_DELETED) {
        return error_set(err, ERR_NOT_FOUND, "The site %s was deleted", ret_site->domain);
    }
    return result;
}

int64_t world_draw(int64_t below)
{
    world.random ^= world.random >> 12;
    world.random ^= world.random << 25;
    world.random ^= world.random >> 27;
    return (int64_t)(world.random * 2685821657736338717U >> 33) % below;
}

/* Life --------------------------------------------------------------------------------------- */

static void must(int result, const struct error *err)
{
    if (result < 0) {
        log_panic("world: %s", err->message);
    }
}

static void add_users(struct db *db)
{
    struct error err;
    for (int i = 1; i <= WORLD_USERS; i++) {
        char email[32];
        int64_t id;
        snprintf(email, sizeof(email), "user%d@example.org", i);
        const struct user user = {.email = email,
                                  .name = "A name",
                                  .profile = "standard",
                                  .can_create_sites = true,
                                  .is_active = true};
        must(users_create(db, &user, 1000, &id, &err), &err);
        ASSERT(id == i);
    }
}

static void on_needs_run(void *context, int delay_ms)
{
    world.wants_batch = true;
}

static void on_deployment_end(struct deployd *deployd)
{
}

void world_init(void)
{
    struct error err;
    struct db_migrate_result migrated;
    world = (struct world){.folder = "/dev/shm/dialup-model-XXXXXX"};
    if (!mkdtemp(world.folder)) {
        str_copy(world.folder, sizeof(world.folder), "/tmp/dialup-model-XXXXXX");
        ASSERT(mkdtemp(world.folder));
    }
    snprintf(world.db_path, sizeof(world.db_path), "%s/dialup.db", world.folder);
    AUTO_FREE char *live = xasprintf("%s/live", world.folder);
    AUTO_FREE char *template = xasprintf("%s/template.db", world.folder);
    must(fs_make_dirs(live, 0755, &err), &err);
    dying_disk_install();
    must(db_migrate(template, &store_schema, NULL, NULL, &migrated, &err), &err);
    struct db *db;
    must(store_open(template, "admind", &db, &err), &err);
    add_users(db);
    db_close(db);
    world.config = config_new();
    must(config_set(world.config, "common.state_dir", world.folder, &err), &err);
    world.run.config = world.config;
    world.run.base = event_base_new();
    world.run.state = &world.deployd;
}

void world_fini(void)
{
    event_base_free(world.run.base);
    config_free(world.config);
    fs_remove_tree(world.folder, NULL);
}

static void open_all(void)
{
    struct error err;
    struct deployd *deployd = &world.deployd;
    must(store_open(world.db_path, "admind", &world.admind, &err), &err);
    must(store_open(world.db_path, "deployd", &world.run.db, &err), &err);
    *deployd = (struct deployd){
        .run = &world.run, .machine = world_machine, .on_deployment_end = on_deployment_end};
    deployd->batch = db_batch_new(world.run.db, on_needs_run, NULL);
    deployd->converger = converger_new(deployd);
    deployd->waker = waker_new(deployd);
}

static void close_all(void)
{
    struct deployd *deployd = &world.deployd;
    stand_ins_drop_all();
    waker_close(deployd->waker);
    converger_free(deployd->converger);
    waker_free(deployd->waker);
    db_batch_free(deployd->batch);
    db_close(world.run.db);
    db_close(world.admind);
    world.wants_batch = false;
}

static void copy_template(void)
{
    AUTO_FREE char *template = xasprintf("%s/template.db", world.folder);
    AUTO_FREE char *wal = xasprintf("%s-wal", world.db_path);
    AUTO_FREE char *shm = xasprintf("%s-shm", world.db_path);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct error err;
    unlink(wal);
    unlink(shm);
    must(fs_read_file(template, 16 << 20, &text, &err), &err);
    must(fs_write_file(world.db_path, strbuf_text(&text), text.size, 0600, &err), &err);
}

void world_begin(void)
{
    dying_disk_set_writes(-1);
    copy_template();
    memset(world.containers, 0, sizeof(world.containers));
    memset(world.is_bad, 0, sizeof(world.is_bad));
    world.containers_made = 0;
    world.faults = 0;
    world.random = 1;
    world.now_us = 1000000 * 1000000LL;
    open_all();
}

void world_end(void)
{
    close_all();
}

void world_crash(void)
{
    close_all();
    dying_disk_set_writes(-1);
    world.faults = 0;
    open_all();
}

/* What is asked of deployd ------------------------------------------------------------------- */

static void run_batch(void)
{
    while (world.wants_batch) {
        world.wants_batch = false;
        db_batch_run(world.deployd.batch);
    }
}

void world_note_refusal(const struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *checks;
    memset(world.refused, 0, sizeof(world.refused));
    if (err->code != ERR_QUOTA_EXCEEDED || !err->checks_json ||
        json_parse(arena, err->checks_json, strlen(err->checks_json), &checks, NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < checks->item_count; i++) {
        const struct json_value *check = checks->items[i];
        enum quota_dimension dimension;
        if (!json_find_bool(check, "allowed", true) &&
            quota_dimension_parse(json_find_text(check, "dimension", ""), &dimension)) {
            world.refused[dimension]++;
        }
    }
}

static ipc_handler_fn *find_handler(const struct ipc_method *method)
{
    static ipc_handler_fn *const handlers[DEPLOYD_METHOD_COUNT] = {
        [DEPLOYD_SITE_CREATE] = handle_site_create,
        [DEPLOYD_SITE_UPDATE] = handle_site_update,
        [DEPLOYD_SITE_SET_DESIRED] = handle_site_set_desired,
        [DEPLOYD_SITE_RESTART] = handle_site_restart,
        [DEPLOYD_SITE_DELETE] = handle_site_delete,
    };
    return handlers[method - deployd_methods];
}

int world_call(const struct ipc_method *method, const void *params, struct error *err)
{
    struct ipc_request *request = stand_ins_request_new(method);
    int result = find_handler(method)(&world.run, request, params, NULL, err);
    ASSERT(result == IPC_LATER);
    run_batch();
    return stand_ins_request_end(request, err);
}

int world_deploy(int64_t site_id, const struct world_release *release, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct deployment row = {
        .site_id = site_id, .source = "u", .commit_ref = "", .message = "", .created_by = "user:1"};
    const struct jobs_release built = {.type = release->type,
                                       .reason = "",
                                       .serve = release->is_files ? "files" : "container",
                                       .public_dir = ".",
                                       .image = "image",
                                       .port = 3000,
                                       .site_bytes = release->bytes};
    int64_t id = 0;
    int result = deployments_create(world.run.db, &row, world.now_us / 1000000, &id, err);
    if (result < 0) {
        return result;
    }
    world.is_bad[id % WORLD_BAD_RELEASES] = release->is_bad;
    result = accept_release(&world.deployd, arena, site_id, id, &built, err);
    if (result < 0) {
        world_note_refusal(err);
        release_finish(&world.deployd, id, err);
    } else {
        converger_kick(world.deployd.converger, site_id);
    }
    err->checks_json = NULL;
    return result;
}

bool world_is_deploying(int64_t site_id)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct deployments_list list;
    struct error err;
    must(deployments_list_unfinished(world.run.db, arena, &list, &err), &err);
    for (size_t i = 0; i < list.count; i++) {
        if (list.rows[i].site_id == site_id) {
            return true;
        }
    }
    return false;
}

void world_kick_owner(bool is_team, int64_t owner_id)
{
    converger_kick_owner(world.deployd.converger, is_team ? QUOTA_TEAM : QUOTA_USER, owner_id);
}

/* What deployd does by itself ---------------------------------------------------------------- */

static bool is_container_site(const struct site *site)
{
    return site->memory_mib > 0 && site->desired == SITE_WANT_RUNNING &&
           site->state == SITE_RUNNING && site->live_deployment &&
           site->live_deployment == site->desired_deployment;
}

int world_sleep(int64_t site_id, enum site_sleep depth)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct site site;
    struct error err;
    int result = sites_find(world.run.db, arena, site_id, &site, &err);
    if (result < 0 || !is_container_site(&site) || site.sleep >= depth ||
        !site_strategy_find(site.strategy)->may_sleep) {
        return result;
    }
    result = sites_set_sleep(world.run.db, site_id, depth, world.now_us / 1000000, &err);
    if (result == 0) {
        converger_kick(world.deployd.converger, site_id);
    }
    return result;
}

int world_scale(int64_t site_id, int64_t instances, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct site site;
    int result = sites_find(world.run.db, arena, site_id, &site, err);
    if (result < 0) {
        return result;
    }
    const struct admission admission =
        admission_for(&world.deployd, site.owner_kind, site.owner_id);
    result = adjust_instances(&admission, arena, &site, instances, world.now_us / 1000000, err);
    if (result < 0) {
        world_note_refusal(err);
        err->checks_json = NULL;
    } else {
        converger_kick(world.deployd.converger, site_id);
    }
    return result;
}

int world_measure(int64_t site_id, int64_t bytes, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    const struct storage_parts parts = {.releases_bytes = bytes};
    struct site site;
    int64_t now = world.now_us / 1000000;
    int result = db_transaction_begin(&transaction, world.run.db, err);
    if (result < 0 || (result = sites_find(world.run.db, arena, site_id, &site, err)) < 0 ||
        (result = storage_put(world.run.db, site_id, &parts, 1, now, err)) < 0 ||
        (result = admission_note_storage(world.run.db, &site, bytes, now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}

void world_wake(int64_t site_id)
{
    waker_wake(world.deployd.waker, site_id);
}

bool world_die(int64_t site_id, bool is_heard)
{
    const struct docker_watch_hooks *hooks = stand_ins_docker_hooks();
    for (size_t i = 0; i < WORLD_CONTAINERS; i++) {
        struct world_container *container = &world.containers[i];
        if (*container->id && container->site_id == site_id && container->is_running) {
            container->is_running = false;
            container->is_frozen = false;
            if (is_heard) {
                hooks->on_container_died(hooks->context, site_id, container->id);
            }
            return true;
        }
    }
    return false;
}

/* Delivery ----------------------------------------------------------------------------------- */

void world_deliver(size_t most)
{
    for (size_t i = 0; i < most && stand_ins_deliver_one(); i++) {
        world.now_us += 1000;
    }
}

/* What queue.c does when it looks: a former life may have left something that nobody wants. */
static void close_left_overs(struct arena *arena)
{
    struct deployments_list list;
    struct error err;
    struct error reason;
    error_set(&reason, ERR_CONFLICT, "The site did not want this release any more");
    must(deployments_list_unfinished(world.run.db, arena, &list, &err), &err);
    for (size_t i = 0; i < list.count; i++) {
        struct site site;
        bool was_open;
        must(sites_find(world.run.db, arena, list.rows[i].site_id, &site, &err), &err);
        const struct admission admission =
            admission_for(&world.deployd, site.owner_kind, site.owner_id);
        if (withdraw_is_due(&list.rows[i], &site) || list.rows[i].state == DEPLOYMENT_QUEUED) {
            must(withdraw_one(&admission, arena, &list.rows[i], &reason, world.now_us / 1000000,
                              &was_open, &err),
                 &err);
        }
    }
}

static void kick_all(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct sites_list list;
    struct error err;
    must(sites_list(world.run.db, arena, &(struct sites_page){0}, &list, &err), &err);
    close_left_overs(arena);
    for (size_t i = 0; i < list.count; i++) {
        converger_kick(world.deployd.converger, list.rows[i].id);
    }
    orphans_remove(&world.deployd);
}

static uint64_t fingerprint(void)
{
    uint64_t hash = 14695981039346656037U;
    const unsigned char *bytes = (const unsigned char *)world.containers;
    for (size_t i = 0; i < sizeof(world.containers); i++) {
        hash = (hash ^ bytes[i]) * 1099511628211U;
    }
    return hash;
}

bool world_settle(void)
{
    uint64_t before = 0;
    world.faults = 0;
    for (int round = 0; round < ROUNDS_MOST; round++) {
        size_t delivered = 0;
        kick_all();
        while (delivered < DELIVERIES_MOST && stand_ins_deliver_one()) {
            delivered++;
        }
        if (delivered == DELIVERIES_MOST) {
            return false;
        }
        world.now_us += 1000000;
        uint64_t after = fingerprint();
        if (round >= ROUNDS_LEAST && before == after) {
            return true;
        }
        before = after;
    }
    return false;
}
