/*
 * See the header. Called by converge.c.
 */
#include "dialup-deployd/converge/docker_watch.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/engine/url.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

enum { RECONNECT_S = 2, MAX_EVENT_BYTES = 1 << 20 };

struct docker_watch {
    struct engine *engine;
    const char *instance;
    struct docker_watch_hooks hooks;
    struct event *reconnect;
    struct strbuf text; /* whole lines are taken by on_lines, outside of curl */
    struct event *lines;
    int64_t seen_ms;
    char error[256];
    char *folder; /* owned; NULL until Docker has told */
};

/* Health ------------------------------------------------------------------------------------- */

void docker_watch_note(struct docker_watch *watch, const struct error *err)
{
    if (!err) {
        watch->seen_ms = clock_monotonic_ms();
        if (watch->error[0]) {
            log_info("Docker answers again");
        }
        watch->error[0] = '\0';
    } else if (err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT) {
        if (!watch->error[0]) {
            log_warning("%s. Sites that run go on", err->message);
        }
        str_copy(watch->error, sizeof(watch->error), err->message);
    }
}

int64_t docker_watch_seen_ms(const struct docker_watch *watch)
{
    return watch->seen_ms;
}

const char *docker_watch_error(const struct docker_watch *watch)
{
    return watch->error;
}

const char *docker_watch_folder(const struct docker_watch *watch)
{
    return watch->folder;
}

static void on_info(void *context, int status, const char *body, size_t size,
                    const struct error *err)
{
    struct docker_watch *watch = context;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *info;
    docker_watch_note(watch, err);
    if (err || json_parse(arena, body, size, &info, NULL) < 0) {
        return;
    }
    const char *folder = json_find_text(info, "DockerRootDir", "");
    free(watch->folder);
    watch->folder = folder[0] == '/' ? xstrdup(folder) : NULL;
}

/* Each time it is there again: with another configuration, maybe. */
static void ask_for_folder(struct docker_watch *watch)
{
    const struct engine_request request = {
        .method = "GET", .path = "/info", .on_done = on_info, .context = watch};
    engine_start(watch->engine, &request);
}

/* Events ------------------------------------------------------------------------------------- */

static void take_event(struct docker_watch *watch, const char *line, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value;
    if (json_parse(arena, line, size, &value, NULL) < 0) {
        return;
    }
    const struct json_value *actor = json_find(value, "Actor");
    const struct json_value *attributes = json_find(actor, "Attributes");
    int64_t site_id;
    if (!str_parse_i64(json_find_text(attributes, CONTAINER_LABEL_SITE, ""), 1, INT64_MAX,
                       &site_id)) {
        return;
    }
    if (str_equal(json_find_text(value, "Action", ""), "pause")) {
        watch->hooks.on_container_paused(watch->hooks.context, site_id);
    } else {
        watch->hooks.on_container_died(watch->hooks.context, site_id,
                                       json_find_text(actor, "ID", ""));
    }
}

static bool on_data(void *context, const char *data, size_t size)
{
    struct docker_watch *watch = context;
    struct timeval now = {0, 0};
    strbuf_append(&watch->text, data, size);
    evtimer_add(watch->lines, &now);
    return watch->text.size < MAX_EVENT_BYTES;
}

static void on_lines(evutil_socket_t fd, short events, void *context)
{
    struct docker_watch *watch = context;
    AUTO_STRBUF struct strbuf text = watch->text;
    watch->text = STRBUF_INIT;
    size_t at = 0;
    for (const char *end; (end = memchr(strbuf_text(&text) + at, '\n', text.size - at));) {
        size_t size = (size_t)(end - text.data) - at;
        take_event(watch, text.data + at, size);
        at += size + 1;
    }
    strbuf_append(&watch->text, strbuf_text(&text) + at, text.size - at);
}

static void on_end(void *context, int status, const char *body, size_t size,
                   const struct error *err)
{
    struct docker_watch *watch = context;
    struct timeval delay = {RECONNECT_S, 0};
    docker_watch_note(watch, err);
    evtimer_add(watch->reconnect, &delay);
}

static void follow(struct docker_watch *watch)
{
    AUTO_STRBUF struct strbuf path = STRBUF_INIT;
    AUTO_FREE char *filter = xasprintf("{\"type\":[\"container\"],\"event\":[\"die\",\"pause\"],"
                                       "\"label\":[\"" CONTAINER_LABEL_INSTANCE "=%s\"]}",
                                       watch->instance);
    strbuf_puts(&path, "/events?filters=");
    engine_escape(&path, filter);
    strbuf_clear(&watch->text);
    const struct engine_request request = {
        .method = "GET",
        .path = strbuf_text(&path),
        .on_data = on_data,
        .timeout_ms = -1,
        .on_done = on_end,
        .context = watch,
    };
    engine_start(watch->engine, &request);
    ask_for_folder(watch);
}

static void on_reconnect(evutil_socket_t fd, short events, void *context)
{
    struct docker_watch *watch = context;
    follow(watch);
    watch->hooks.on_return(watch->hooks.context);
}

/* Life --------------------------------------------------------------------------------------- */

struct docker_watch *docker_watch_new(struct event_base *base, struct engine *engine,
                                      const char *instance, const struct docker_watch_hooks *hooks)
{
    struct docker_watch *watch = xcalloc(1, sizeof(*watch));
    watch->engine = engine;
    watch->instance = instance;
    watch->hooks = *hooks;
    watch->reconnect = evtimer_new(base, on_reconnect, watch);
    watch->lines = evtimer_new(base, on_lines, watch);
    follow(watch);
    return watch;
}

void docker_watch_free(struct docker_watch *watch)
{
    if (!watch) {
        return;
    }
    event_free(watch->reconnect);
    event_free(watch->lines);
    strbuf_fini(&watch->text);
    free(watch->folder);
    free(watch);
}
