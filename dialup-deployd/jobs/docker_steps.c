/*
 * See the header. Called by dockerfile.c.
 */
#include "dialup-deployd/jobs/docker_steps.h"

#include <string.h>

#include "dialup-deployd/engine/engine.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/json/json.h"

enum { NOT_FOUND = 404 };

void docker_steps_note(struct docker_steps *steps, const char *stream)
{
    static const char words[] = " ---> Running in ";
    const size_t id_len = DOCKER_STEPS_ID_SIZE - 1;
    if (!str_starts_with(stream, words)) {
        return;
    }
    const char *id = stream + strlen(words);
    if (strspn(id, "0123456789abcdef") != id_len) {
        return;
    }
    if (steps->count == DOCKER_STEPS_MAX) {
        steps->is_overfull = true;
        return;
    }
    struct docker_step *step = &steps->steps[steps->count++];
    *step = (struct docker_step){0};
    memcpy(step->id, id, id_len);
}

static void look_at_next(struct docker_steps *steps);

static void on_size(void *context, int status, const char *body, size_t size,
                    const struct error *err)
{
    struct docker_steps *steps = context;
    struct docker_step *step = &steps->steps[steps->next];
    const struct json_value *value;
    AUTO_ARENA struct arena *arena = arena_new();
    steps->call = NULL;
    if (status == NOT_FOUND) {
        steps->gone_bytes += step->size_bytes;
        *step = steps->steps[--steps->count];
    } else {
        if (!err && json_parse(arena, body, size, &value, NULL) == 0) {
            step->size_bytes = json_find_integer(value, "SizeRw", step->size_bytes);
        }
        steps->next++;
    }
    look_at_next(steps);
}

static void look_at_next(struct docker_steps *steps)
{
    if (steps->next >= steps->count) {
        return;
    }
    AUTO_FREE char *path = xasprintf("/containers/%s/json?size=1", steps->steps[steps->next].id);
    const struct engine_request request = {
        .method = "GET", .path = path, .on_done = on_size, .context = steps};
    steps->call = engine_start(steps->engine, &request);
}

void docker_steps_look(struct docker_steps *steps, struct engine *engine)
{
    if (!steps->call) {
        steps->engine = engine;
        steps->next = 0;
        look_at_next(steps);
    }
}

int64_t docker_steps_size_bytes(const struct docker_steps *steps)
{
    int64_t size_bytes = steps->gone_bytes;
    for (size_t i = 0; i < steps->count; i++) {
        size_bytes += steps->steps[i].size_bytes;
    }
    return steps->is_overfull ? INT64_MAX : size_bytes;
}

void docker_steps_stop(struct docker_steps *steps)
{
    engine_cancel(steps->call);
    steps->call = NULL;
}
