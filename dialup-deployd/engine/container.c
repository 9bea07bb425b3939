/*
 * Requests about containers; see the header. Each has a small struct that waits for the answer.
 */
#include "dialup-deployd/engine/container.h"

#include <stdio.h>

#include "dialup-deployd/engine/url.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"
#include "libdialup/json/writer.h"

enum { START_TIMEOUT_MS = 60000, STOP_EXTRA_MS = 30000 };

/* Who gets the answer; one of the functions is set. */
struct waiting {
    struct engine *engine;
    char id[CONTAINER_ID_SIZE];
    char *network;
    container_list_fn *on_list;
    container_id_fn *on_id;
    container_detail_fn *on_detail;
    container_done_fn *on_done;
    container_logs_fn *on_logs;
    engine_drop_fn *on_drop; /* of the context */
    void *context;
};

static struct waiting *waiting_new(struct engine *engine, void *context)
{
    struct waiting *waiting = xcalloc(1, sizeof(*waiting));
    waiting->engine = engine;
    waiting->context = context;
    return waiting;
}

static void waiting_free(struct waiting *waiting)
{
    free(waiting->network);
    free(waiting);
}

static void on_drop(void *context)
{
    struct waiting *waiting = context;
    if (waiting->on_drop) {
        waiting->on_drop(waiting->context);
    }
    waiting_free(waiting);
}

static void send(struct waiting *waiting, const char *method, const char *path, const char *body,
                 int64_t timeout_ms, engine_done_fn *on_done)
{
    const struct engine_request request = {
        .method = method,
        .path = path,
        .body = body,
        .timeout_ms = timeout_ms,
        .on_done = on_done,
        .on_drop = on_drop,
        .context = waiting,
    };
    engine_start(waiting->engine, &request);
}

static void on_simple_done(void *context, int status, const char *body, size_t size,
                           const struct error *err)
{
    struct waiting *waiting = context;
    waiting->on_done(waiting->context, err);
    waiting_free(waiting);
}

/* List --------------------------------------------------------------------------------------- */

static void on_listed(void *context, int status, const char *body, size_t size,
                      const struct error *err)
{
    struct waiting *waiting = context;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct container *list = NULL;
    size_t count = 0;
    struct error parse_error;
    if (!err && container_list_parse(arena, body, size, &list, &count, &parse_error) < 0) {
        err = &parse_error;
    }
    waiting->on_list(waiting->context, list, count, err);
    waiting_free(waiting);
}

void container_list(struct engine *engine, const char *instance, int64_t site_id,
                    container_list_fn *on_list, engine_drop_fn *on_drop_list, void *context)
{
    struct waiting *waiting = waiting_new(engine, context);
    waiting->on_drop = on_drop_list;
    AUTO_STRBUF struct strbuf filter = STRBUF_INIT;
    AUTO_STRBUF struct strbuf path = STRBUF_INIT;
    waiting->on_list = on_list;
    strbuf_printf(&filter, "{\"label\":[\"" CONTAINER_LABEL_INSTANCE "=%s\"", instance);
    if (site_id) {
        strbuf_printf(&filter, ",\"" CONTAINER_LABEL_SITE "=%lld\"", (long long)site_id);
    }
    strbuf_puts(&filter, "]}");
    strbuf_puts(&path, "/containers/json?all=1&filters=");
    engine_escape(&path, strbuf_text(&filter));
    send(waiting, "GET", strbuf_text(&path), NULL, 0, on_listed);
}

/* Create, start, inspect, update ------------------------------------------------------------- */

static void on_created(void *context, int status, const char *body, size_t size,
                       const struct error *err)
{
    struct waiting *waiting = context;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value = NULL;
    if (!err) {
        json_parse(arena, body, size, &value, NULL);
    }
    waiting->on_id(waiting->context, json_find_text(value, "Id", ""), err);
    waiting_free(waiting);
}

void container_create(struct engine *engine, const struct container_spec *spec,
                      container_id_fn *on_done, void *context)
{
    struct waiting *waiting = waiting_new(engine, context);
    AUTO_STRBUF struct strbuf path = STRBUF_INIT;
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    waiting->on_id = on_done;
    strbuf_puts(&path, "/containers/create");
    if (spec->name) {
        strbuf_puts(&path, "?name=");
        engine_escape(&path, spec->name);
    }
    container_spec_print(spec, &body);
    send(waiting, "POST", strbuf_text(&path), strbuf_text(&body), 0, on_created);
}

void container_start(struct engine *engine, const char *id, container_done_fn *on_done,
                     void *context)
{
    struct waiting *waiting = waiting_new(engine, context);
    AUTO_FREE char *path = xasprintf("/containers/%s/start", id);
    waiting->on_done = on_done;
    send(waiting, "POST", path, NULL, START_TIMEOUT_MS, on_simple_done);
}

static void on_inspected(void *context, int status, const char *body, size_t size,
                         const struct error *err)
{
    struct waiting *waiting = context;
    AUTO_ARENA struct arena *arena = arena_new();
    struct container_detail detail = {0};
    struct error parse_error;
    if (!err &&
        container_detail_parse(arena, body, size, waiting->network, &detail, &parse_error) < 0) {
        err = &parse_error;
    }
    waiting->on_detail(waiting->context, err ? NULL : &detail, err);
    waiting_free(waiting);
}

void container_inspect(struct engine *engine, const char *id, const char *network,
                       container_detail_fn *on_detail, void *context)
{
    struct waiting *waiting = waiting_new(engine, context);
    AUTO_FREE char *path = xasprintf("/containers/%s/json", id);
    waiting->on_detail = on_detail;
    waiting->network = network ? xstrdup(network) : NULL;
    send(waiting, "GET", path, NULL, 0, on_inspected);
}

void container_update(struct engine *engine, const char *id, int64_t memory_mib,
                      int64_t cpu_millicores, container_done_fn *on_done, void *context)
{
    struct waiting *waiting = waiting_new(engine, context);
    AUTO_FREE char *path = xasprintf("/containers/%s/update", id);
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    waiting->on_done = on_done;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    /* Memory alone above the old memory-and-swap is refused: both, always. */
    json_put_integer(&writer, "Memory", memory_mib << 20);
    json_put_integer(&writer, "MemorySwap", memory_mib << 20);
    json_put_integer(&writer, "NanoCpus", cpu_millicores * 1000000);
    json_put_integer(&writer, "CpuShares",
                     container_cpu_shares(CONTAINER_KIND_PRODUCTION, cpu_millicores));
    json_end_object(&writer);
    send(waiting, "POST", path, strbuf_text(&body), 0, on_simple_done);
}

void container_unpause(struct engine *engine, const char *id, container_done_fn *on_done,
                       void *context)
{
    struct waiting *waiting = waiting_new(engine, context);
    AUTO_FREE char *path = xasprintf("/containers/%s/unpause", id);
    waiting->on_done = on_done;
    send(waiting, "POST", path, NULL, 0, on_simple_done);
}

/* Stop and remove ---------------------------------------------------------------------------- */

void container_stop(struct engine *engine, const char *id, int grace_s, container_done_fn *on_done,
                    void *context)
{
    struct waiting *waiting = waiting_new(engine, context);
    AUTO_FREE char *path = xasprintf("/containers/%s/stop?t=%d", id, grace_s);
    waiting->on_done = on_done;
    send(waiting, "POST", path, NULL, grace_s * 1000 + STOP_EXTRA_MS, on_simple_done);
}

static void on_removed(void *context, int status, const char *body, size_t size,
                       const struct error *err)
{
    struct waiting *waiting = context;
    waiting->on_done(waiting->context, status == 404 ? NULL : err);
    waiting_free(waiting);
}

static void on_stopped(void *context, int status, const char *body, size_t size,
                       const struct error *err)
{
    struct waiting *waiting = context;
    /* Whatever stopping said: force makes it go. */
    AUTO_FREE char *path = xasprintf("/containers/%s?force=1&v=1", waiting->id);
    send(waiting, "DELETE", path, NULL, 0, on_removed);
}

void container_remove(struct engine *engine, const char *id, int grace_s,
                      container_done_fn *on_done, void *context)
{
    struct waiting *waiting = waiting_new(engine, context);
    AUTO_FREE char *path = xasprintf("/containers/%s/stop?t=%d", id, grace_s);
    waiting->on_done = on_done;
    str_copy(waiting->id, sizeof(waiting->id), id);
    send(waiting, "POST", path, NULL, grace_s * 1000 + STOP_EXTRA_MS, on_stopped);
}

/* Logs --------------------------------------------------------------------------------------- */

static void on_logs(void *context, int status, const char *body, size_t size,
                    const struct error *err)
{
    struct waiting *waiting = context;
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    if (!err) {
        container_unframe(body, size, &text);
    }
    waiting->on_logs(waiting->context, strbuf_text(&text), text.size, err);
    waiting_free(waiting);
}

void container_logs(struct engine *engine, const char *id, int64_t tail, container_logs_fn *on_done,
                    void *context)
{
    struct waiting *waiting = waiting_new(engine, context);
    AUTO_FREE char *path =
        xasprintf("/containers/%s/logs?stdout=1&stderr=1&tail=%lld", id, (long long)tail);
    waiting->on_logs = on_done;
    send(waiting, "GET", path, NULL, 0, on_logs);
}

/* Networks ----------------------------------------------------------------------------------- */

static void on_network(void *context, int status, const char *body, size_t size,
                       const struct error *err)
{
    struct waiting *waiting = context;
    waiting->on_done(waiting->context, status == 409 ? NULL : err); /* 409: it is there */
    waiting_free(waiting);
}

void container_ensure_network(struct engine *engine, const char *instance, const char *name,
                              const char *bridge, container_done_fn *on_done, void *context)
{
    struct waiting *waiting = waiting_new(engine, context);
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    waiting->on_done = on_done;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_text(&writer, "Name", name);
    json_put_bool(&writer, "CheckDuplicate", true);
    json_put_text(&writer, "Driver", "bridge");
    json_key(&writer, "Options");
    json_begin_object(&writer);
    json_put_text(&writer, "com.docker.network.bridge.name", bridge);
    json_put_text(&writer, "com.docker.network.bridge.enable_icc", "false");
    json_end_object(&writer);
    json_key(&writer, "Labels");
    json_begin_object(&writer);
    json_put_text(&writer, CONTAINER_LABEL_INSTANCE, instance);
    json_end_object(&writer);
    json_end_object(&writer);
    send(waiting, "POST", "/networks/create", strbuf_text(&body), 0, on_network);
}
