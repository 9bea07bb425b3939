/*
 * The events stream. Used by the converger (to wake early) and by the monitor's discovery.
 */
#include "dialup-deployd/docker/events.h"

#include <stdlib.h>

#include "dialup-deployd/docker/stream.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/writer.h"

struct watching {
    void (*on_event)(void *arg, const struct docker_event *event);
    docker_done_fn *on_done;
    void *arg;
    struct docker_lines lines;
};

static void on_line(void *arg, const char *line, size_t size)
{
    const struct watching *watching = arg;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value;
    if (json_parse(arena, line, size, &value, NULL) < 0) {
        return;
    }
    const struct json_value *actor = json_find(value, "Actor");
    struct docker_event event = {
        .action = json_find_text(value, "Action", ""),
        .id = json_find_text(actor, "ID", ""),
        .at_unix = json_find_integer(value, "time", 0),
        .exit_code = -1,
    };
    event.labels = docker_labels_read(arena, json_find(actor, "Attributes"), &event.label_count);
    const char *exit_code = docker_label_find(event.labels, event.label_count, "exitCode");
    if (exit_code) {
        str_parse_i64(exit_code, 0, 255, &event.exit_code);
    }
    watching->on_event(watching->arg, &event);
}

static int on_data(void *arg, const char *data, size_t size)
{
    struct watching *watching = arg;
    return docker_lines_feed(&watching->lines, data, size, on_line, watching);
}

static void on_done(void *arg, const struct docker_answer *answer, const struct error *err)
{
    const struct watching *watching = arg;
    struct error own;
    if (!err) {
        error_set(&own, ERR_UNAVAILABLE, "Docker ended the stream of events");
        err = &own;
    }
    watching->on_done(watching->arg, err);
}

static void release(void *arg)
{
    struct watching *watching = arg;
    docker_lines_fini(&watching->lines);
    free(watching);
}

static void put_filter(struct json_writer *writer, const char *name, const char *value)
{
    json_key(writer, name);
    json_begin_array(writer);
    json_text(writer, value);
    json_end_array(writer);
}

struct docker_request *docker_events(struct docker_client *client, const char *label,
                                     void (*on_event)(void *arg, const struct docker_event *event),
                                     docker_done_fn *on_ended, void *arg)
{
    AUTO_STRBUF struct strbuf filters = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &filters);
    json_begin_object(&writer);
    put_filter(&writer, "type", "container");
    put_filter(&writer, "label", label);
    json_end_object(&writer);
    struct watching *watching = xcalloc(1, sizeof(*watching));
    *watching = (struct watching){.on_event = on_event, .on_done = on_ended, .arg = arg};
    const struct docker_query query[] = {{"filters", strbuf_text(&filters)}, {0}};
    return docker_request(client, &(struct docker_call){
                                      .method = "GET",
                                      .path = (const char *[]){"events", NULL},
                                      .query = query,
                                      .action = "tell what happens",
                                      .timeout_ms = DOCKER_NO_TIMEOUT,
                                      .on_data = on_data,
                                      .on_done = on_done,
                                      .arg = watching,
                                      .release = release,
                                  });
}
