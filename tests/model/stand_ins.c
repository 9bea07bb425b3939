/*
 * See the header. Nothing here decides anything: what is asked is done, and what fails is drawn.
 */
#include "tests/model/stand_ins.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/bridges.h"
#include "dialup-deployd/converge/docker_watch.h"
#include "dialup-deployd/converge/limiter.h"
#include "dialup-deployd/converge/listening.h"
#include "dialup-deployd/converge/probe.h"
#include "dialup-deployd/converge/readback.h"
#include "dialup-deployd/images.h"
#include "dialup-deployd/owner_limits.h"
#include "dialup-deployd/queue/queue.h"
#include "dialup-deployd/reclaim.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/sleep/sleeper.h"
#include "dialup-deployd/trash.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/firewall/firewall.h"
#include "libdialup/ipc/client.h"
#include "libdialup/ipc/events.h"
#include "libdialup/ipc/request.h"
#include "proto/gate_rpc.h"
#include "tests/model/world.h"

/* Answers that wait -------------------------------------------------------------------------- */

enum pending_kind {
    PENDING_LIST,
    PENDING_CREATED,
    PENDING_DETAIL,
    PENDING_DONE,
    PENDING_LOGS,
    PENDING_GATE,
    PENDING_PROBE
};

struct pending {
    enum pending_kind kind;
    void *context;
    engine_drop_fn *on_drop;
    union {
        container_list_fn *on_list;
        container_id_fn *on_created;
        container_detail_fn *on_detail;
        container_done_fn *on_done;
        container_logs_fn *on_logs;
        ipc_reply_fn *on_reply;
        probe_done_fn *on_probed;
    } fn;
    int64_t site_id;
    char id[16];
    bool fails;
    bool is_hold; /* of the gate: only if nobody is there */
};

static struct pending *queue[4096];
static size_t queue_count;

static struct pending *expect(enum pending_kind kind, void *context)
{
    struct pending *pending = xcalloc(1, sizeof(*pending));
    ASSERT(queue_count < ARRAY_COUNT(queue));
    pending->kind = kind;
    pending->context = context;
    queue[queue_count++] = pending;
    return pending;
}

static void forget(size_t index)
{
    queue[index] = queue[--queue_count];
}

void stand_ins_drop_all(void)
{
    while (queue_count > 0) {
        struct pending *pending = queue[--queue_count];
        if (pending->on_drop) {
            pending->on_drop(pending->context);
        }
        free(pending);
    }
}

/* The engine --------------------------------------------------------------------------------- */

/* Whether this call fails, and then whether it had its effect all the same. */
static bool draw_fault(bool *ret_has_effect)
{
    *ret_has_effect = true;
    if (world.faults == 0) {
        return false;
    }
    world.faults--;
    *ret_has_effect = world_draw(3) == 0;
    return true;
}

static struct world_container *find(const char *id)
{
    for (size_t i = 0; i < WORLD_CONTAINERS; i++) {
        if (*id && strcmp(world.containers[i].id, id) == 0) {
            return &world.containers[i];
        }
    }
    return NULL;
}

static void print_address(const struct world_container *container, char address[16])
{
    size_t index = (size_t)(container - world.containers) + 2;
    snprintf(address, 16, "10.0.%zu.%zu", index / 250, index % 250);
}

static struct world_container *find_by_address(const struct sockaddr_in *address)
{
    uint32_t host = ntohl(address->sin_addr.s_addr);
    size_t index = (host >> 8 & 255) * 250 + (host & 255) - 2;
    return index < WORLD_CONTAINERS && *world.containers[index].id ? &world.containers[index]
                                                                   : NULL;
}

void container_list(struct engine *engine, const char *instance, int64_t site_id,
                    container_list_fn *on_list, engine_drop_fn *on_drop, void *context)
{
    struct pending *pending = expect(PENDING_LIST, context);
    bool has_effect;
    pending->fn.on_list = on_list;
    pending->on_drop = on_drop;
    pending->site_id = site_id;
    pending->fails = draw_fault(&has_effect);
}

static struct world_container *take_free(void)
{
    for (size_t i = 0; i < WORLD_CONTAINERS; i++) {
        if (!*world.containers[i].id) {
            return &world.containers[i];
        }
    }
    log_panic("the engine of the model is full");
}

void container_create(struct engine *engine, const struct container_spec *spec,
                      container_id_fn *on_created, void *context)
{
    struct pending *pending = expect(PENDING_CREATED, context);
    bool has_effect;
    pending->fn.on_created = on_created;
    pending->fails = draw_fault(&has_effect);
    if (has_effect) {
        struct world_container *made = take_free();
        *made = (struct world_container){.site_id = spec->site_id,
                                         .deployment_id = spec->deployment_id,
                                         .generation = spec->generation,
                                         .memory_mib = spec->memory_mib,
                                         .cpu_millicores = spec->cpu_millicores};
        snprintf(made->id, sizeof(made->id), "c%lld", (long long)++world.containers_made);
        str_copy(made->owner, sizeof(made->owner), spec->owner);
        str_copy(pending->id, sizeof(pending->id), made->id);
    }
}

/* A call that names a container and is answered with nothing. NULL: it had no effect. */
static struct world_container *ask(const char *id, container_done_fn *on_done, void *context)
{
    struct pending *pending = expect(PENDING_DONE, context);
    bool has_effect;
    struct world_container *container = find(id);
    pending->fn.on_done = on_done;
    pending->fails = draw_fault(&has_effect) || !container;
    return has_effect ? container : NULL;
}

void container_start(struct engine *engine, const char *id, container_done_fn *on_done,
                     void *context)
{
    struct world_container *container = ask(id, on_done, context);
    if (container) {
        container->is_running = true;
        container->was_started = true;
        container->is_frozen = false;
    }
}

/* The kernel is Docker's word here. */
void readback_look(struct site_work *work)
{
}

void limiter_set(struct limiter *limiter, const char *id, int64_t memory_mib,
                 int64_t cpu_millicores, container_done_fn *on_done, void *context)
{
    struct world_container *container = ask(id, on_done, context);
    if (container) {
        container->memory_mib = memory_mib;
        container->cpu_millicores = cpu_millicores;
    }
}

void container_unpause(struct engine *engine, const char *id, container_done_fn *on_done,
                       void *context)
{
    ask(id, on_done, context);
}

void container_stop(struct engine *engine, const char *id, int grace_s, container_done_fn *on_done,
                    void *context)
{
    struct world_container *container = ask(id, on_done, context);
    if (container) {
        container->is_running = false;
    }
}

void container_remove(struct engine *engine, const char *id, int grace_s,
                      container_done_fn *on_done, void *context)
{
    struct world_container *container = ask(id, on_done, context);
    if (container) {
        *container = (struct world_container){0};
    } else if (!find(id)) {
        queue[queue_count - 1]->fails = false; /* one that is not there is fine */
    }
}

void container_inspect(struct engine *engine, const char *id, const char *network,
                       container_detail_fn *on_detail, void *context)
{
    struct pending *pending = expect(PENDING_DETAIL, context);
    bool has_effect;
    pending->fn.on_detail = on_detail;
    pending->fails = draw_fault(&has_effect);
    str_copy(pending->id, sizeof(pending->id), id);
}

void container_logs(struct engine *engine, const char *id, int64_t tail, container_logs_fn *on_logs,
                    void *context)
{
    expect(PENDING_LOGS, context)->fn.on_logs = on_logs;
}

void container_ensure_network(struct engine *engine, const char *instance, const char *name,
                              const char *bridge, container_done_fn *on_done, void *context)
{
    expect(PENDING_DONE, context)->fn.on_done = on_done;
}

/* The gate and probes ------------------------------------------------------------------------ */

int ipc_client_call(struct ipc_client *client, const struct ipc_method *method, const void *params,
                    const struct ipc_call_options *options, ipc_reply_fn *on_reply, void *context,
                    struct error *err)
{
    if (method == &gate_methods[GATE_WANTED]) {
        return 0; /* nobody is ever wanted this way: the operations wake */
    }
    struct pending *pending = expect(PENDING_GATE, context);
    pending->fn.on_reply = on_reply;
    if (method == &gate_methods[GATE_DRAIN]) {
        pending->on_drop = free; /* what waits for a drain has memory of its own */
    }
    if (method == &gate_methods[GATE_ROUTE_SET]) {
        const struct gate_route_set_params *route = params;
        pending->is_hold = str_equal(route->state, "hold") && route->has_if_idle_ms;
    }
    return 0;
}

struct probe *probe_start(struct event_base *base, enum probe_depth depth,
                          const struct sockaddr_in *address, const char *host, int64_t timeout_ms,
                          probe_done_fn *on_done, probe_refused_fn *on_refused, void *context)
{
    struct pending *pending = expect(PENDING_PROBE, context);
    const struct world_container *container = find_by_address(address);
    pending->fn.on_probed = on_done;
    if (container) {
        str_copy(pending->id, sizeof(pending->id), container->id);
    }
    return (struct probe *)(void *)pending;
}

void probe_cancel(struct probe *probe)
{
    for (size_t i = 0; i < queue_count; i++) {
        if ((void *)queue[i] == (void *)probe) {
            free(queue[i]);
            forget(i);
            return;
        }
    }
}

/* Delivery ----------------------------------------------------------------------------------- */

static void deliver_list(const struct pending *pending, const struct error *err)
{
    static struct container list[WORLD_CONTAINERS];
    static char addresses[WORLD_CONTAINERS][16];
    AUTO_FREE char *network = deployd_network_name(&world.deployd, DEPLOYD_PRODUCTION);
    size_t count = 0;
    for (size_t i = 0; !err && i < WORLD_CONTAINERS; i++) {
        const struct world_container *has = &world.containers[i];
        if (*has->id && (pending->site_id == 0 || pending->site_id == has->site_id)) {
            print_address(has, addresses[count]);
            list[count] = (struct container){.id = has->id,
                                             .site_id = has->site_id,
                                             .deployment_id = has->deployment_id,
                                             .generation = has->generation,
                                             .owner = has->owner,
                                             .kind = "production",
                                             .network = network,
                                             .address = has->is_running ? addresses[count] : "",
                                             .is_running = has->is_running,
                                             .was_started = has->was_started};
            count++;
        }
    }
    pending->fn.on_list(pending->context, list, count, err);
}

static void deliver_detail(const struct pending *pending, const struct error *err)
{
    const struct world_container *container = find(pending->id);
    struct container_detail detail = {0};
    struct error gone;
    if (!container && !err) {
        error_set(&gone, ERR_NOT_FOUND, "No such container");
        err = &gone;
    }
    if (container) {
        detail = (struct container_detail){
            .is_running = container->is_running,
            .was_started = container->was_started,
            .pid = container->is_running ? container - world.containers + 1000 : 0,
            .memory_bytes = container->memory_mib << 20,
            .cpu_millicores = container->cpu_millicores,
            .pids = 256};
        if (container->is_running) {
            print_address(container, detail.address);
        }
    }
    pending->fn.on_detail(pending->context, &detail, err);
}

static void deliver_gate(const struct pending *pending)
{
    static const char nothing[256] = {0};
    struct error somebody;
    if (pending->is_hold && world_draw(8) == 0) {
        error_set(&somebody, ERR_CONFLICT, "Somebody visits it");
        pending->fn.on_reply(pending->context, NULL, &somebody);
        return;
    }
    pending->fn.on_reply(pending->context, nothing, NULL);
}

static void deliver_probe(const struct pending *pending)
{
    const struct world_container *container = find(pending->id);
    bool answers = container && container->is_running && !container->is_frozen &&
                   !world.is_bad[container->deployment_id % WORLD_BAD_RELEASES];
    const struct probe_result result = {.is_healthy = answers,
                                        .has_connected = answers,
                                        .status = answers ? 200 : 0,
                                        .duration_ms = 1};
    pending->fn.on_probed(pending->context, &result);
}

static void deliver(const struct pending *pending)
{
    struct error failed;
    const struct error *err = NULL;
    if (pending->fails) {
        error_set(&failed, world_draw(2) ? ERR_UNAVAILABLE : ERR_IO, "The engine failed");
        err = &failed;
    }
    switch (pending->kind) {
    case PENDING_LIST:
        deliver_list(pending, err);
        break;
    case PENDING_CREATED:
        pending->fn.on_created(pending->context, err ? NULL : pending->id, err);
        break;
    case PENDING_DETAIL:
        deliver_detail(pending, err);
        break;
    case PENDING_DONE:
        pending->fn.on_done(pending->context, err);
        break;
    case PENDING_LOGS:
        pending->fn.on_logs(pending->context, "", 0, NULL);
        break;
    case PENDING_GATE:
        deliver_gate(pending);
        break;
    case PENDING_PROBE:
        deliver_probe(pending);
        break;
    }
}

bool stand_ins_deliver_one(void)
{
    if (queue_count == 0) {
        return false;
    }
    size_t index = (size_t)world_draw((int64_t)queue_count);
    struct pending *pending = queue[index];
    forget(index);
    deliver(pending);
    free(pending);
    return true;
}

/* Control groups ----------------------------------------------------------------------------- */

int cgroup_freezer_find(const char *root, pid_t pid, struct cgroup_freezer *ret_freezer,
                        struct error *err)
{
    size_t index = (size_t)pid - 1000;
    if (index >= WORLD_CONTAINERS || !world.containers[index].is_running) {
        return error_set(err, ERR_NOT_FOUND, "That process has ended");
    }
    *ret_freezer = (struct cgroup_freezer){0};
    str_copy(ret_freezer->dir, sizeof(ret_freezer->dir), world.containers[index].id);
    return 0;
}

static int set_frozen(const struct cgroup_freezer *freezer, bool is_frozen, struct error *err)
{
    struct world_container *container = find(freezer->dir);
    if (!container || !container->is_running) {
        return error_set(err, ERR_NOT_FOUND, "That group is gone");
    }
    container->is_frozen = is_frozen;
    return 0;
}

int cgroup_freeze(const struct cgroup_freezer *freezer, struct error *err)
{
    return set_frozen(freezer, true, err);
}

int cgroup_thaw(const struct cgroup_freezer *freezer, struct error *err)
{
    return set_frozen(freezer, false, err);
}

/* Docker's events ---------------------------------------------------------------------------- */

struct docker_watch {
    struct docker_watch_hooks hooks;
};

static struct docker_watch *docker;

struct docker_watch *docker_watch_new(struct event_base *base, struct engine *engine,
                                      const char *instance, const struct docker_watch_hooks *hooks)
{
    docker = xcalloc(1, sizeof(*docker));
    docker->hooks = *hooks;
    return docker;
}

void docker_watch_free(struct docker_watch *watch)
{
    free(watch);
    docker = NULL;
}

void docker_watch_note(struct docker_watch *watch, const struct error *err)
{
}

int64_t docker_watch_seen_ms(const struct docker_watch *watch)
{
    return 0;
}

const char *docker_watch_error(const struct docker_watch *watch)
{
    return "";
}

const char *docker_watch_folder(const struct docker_watch *watch)
{
    return NULL;
}

const struct docker_watch_hooks *stand_ins_docker_hooks(void)
{
    return docker ? &docker->hooks : NULL;
}

/* The server's requests ---------------------------------------------------------------------- */

struct ipc_request {
    const struct ipc_method *method;
    struct arena *arena;
    int result;
    struct error err;
};

struct ipc_request *stand_ins_request_new(const struct ipc_method *method)
{
    struct ipc_request *request = xcalloc(1, sizeof(*request));
    request->method = method;
    request->arena = arena_new();
    request->result = IPC_LATER;
    return request;
}

int stand_ins_request_end(struct ipc_request *request, struct error *err)
{
    int result = request->result;
    ASSERT(result != IPC_LATER);
    if (result < 0) {
        *err = request->err;
        err->checks_json = NULL; /* it goes with the arena */
    }
    arena_free(request->arena);
    free(request);
    return result;
}

void ipc_request_reply(struct ipc_request *request, const void *result)
{
    request->result = 0;
}

void ipc_request_fail(struct ipc_request *request, const struct error *error)
{
    request->result = -(int)error->code;
    request->err = *error;
    world_note_refusal(error);
}

struct arena *ipc_request_arena(struct ipc_request *request)
{
    return request->arena;
}

const struct ipc_method *ipc_request_method(const struct ipc_request *request)
{
    return request->method;
}

const struct log_context *ipc_request_log_context(const struct ipc_request *request)
{
    return NULL;
}

const char *ipc_request_id(const struct ipc_request *request)
{
    return "";
}

/* The rest: what has no part in this --------------------------------------------------------- */

int64_t clock_unix(void)
{
    return world.now_us / 1000000;
}

int64_t clock_unix_ms(void)
{
    return world.now_us / 1000;
}

int64_t clock_monotonic_us(void)
{
    return world.now_us;
}

bool ipc_publisher_emit(struct ipc_publisher *publisher, const char *name,
                        const struct json_shape *shape, const void *data)
{
    return true;
}

void firewall_bridge_name(const char *instance, enum firewall_bridge bridge,
                          char ret_name[FIREWALL_BRIDGE_SIZE])
{
    *ret_name = '\0';
}

int firewall_close_bridge(const char *bridge, struct error *err)
{
    return 0;
}

void listening_explain(pid_t pid, uint16_t wanted_port, char *out, size_t size)
{
    str_copy(out, size, "");
}

bool listening_is_astray(pid_t pid, uint16_t wanted_port, char *out, size_t size)
{
    return false;
}

void reclaimer_add(struct reclaimer *reclaimer, const struct cgroup_freezer *freezer)
{
}

void bridges_close(struct bridges *bridges)
{
}

void images_sweep(struct images *images)
{
}

void trash_move(struct deployd *deployd, const char *path)
{
}

void trash_keep_site(struct deployd *deployd, int64_t site_id)
{
}

const struct idle_site *sleeper_sites(const struct sleeper *sleeper, struct arena *arena,
                                      size_t *ret_count)
{
    *ret_count = 0;
    return NULL;
}

int sleeper_put(struct sleeper *sleeper, const struct site *site, enum site_sleep sleep,
                const char *reason, struct error *err)
{
    return 0;
}

void sleeper_note_wake(struct sleeper *sleeper, const struct site *site)
{
}

void queue_stop_builds(struct queue *unused, int64_t site_id)
{
}

void owner_limits_tell(struct owner_limits *owner_limits, enum quota_entity owner_kind,
                       int64_t owner_id)
{
}

void owner_limits_tell_all(struct owner_limits *owner_limits)
{
}
