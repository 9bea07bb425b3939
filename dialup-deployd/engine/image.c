/*
 * Requests about images; see the header.
 */
#include "dialup-deployd/engine/image.h"

#include <string.h>

#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/engine/url.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

/* Who gets the answer; one of the functions is set. */
struct asked {
    image_list_fn *on_list;
    image_done_fn *on_done;
    void *context;
};

static struct asked *asked_new(image_list_fn *on_list, image_done_fn *on_done, void *context)
{
    struct asked *asked = xcalloc(1, sizeof(*asked));
    *asked = (struct asked){on_list, on_done, context};
    return asked;
}

/* A name like "<none>:<none>" is none. */
static void read_tags(struct arena *arena, const struct json_value *item, struct image *image)
{
    const struct json_value *names = json_find(item, "RepoTags");
    size_t count = names && names->type == JSON_ARRAY ? names->item_count : 0;
    const char **tags = arena_calloc(arena, count, sizeof(*tags));
    for (size_t i = 0; i < count; i++) {
        const char *name = names->items[i]->type == JSON_STRING ? names->items[i]->text : "<none>";
        if (name[0] != '<') {
            tags[image->tag_count++] = name;
        }
    }
    image->tags = tags;
}

int image_list_parse(struct arena *arena, const char *json, size_t size,
                     const struct image **ret_list, size_t *ret_count, struct error *err)
{
    const struct json_value *value;
    int result = json_parse(arena, json, size, &value, err);
    if (result < 0 || value->type != JSON_ARRAY) {
        return error_set(err, ERR_UNAVAILABLE, "Docker's list of images is not understood");
    }
    struct image *list = arena_calloc(arena, value->item_count, sizeof(*list));
    for (size_t i = 0; i < value->item_count; i++) {
        const struct json_value *item = value->items[i];
        const struct json_value *labels = json_find(item, "Labels");
        list[i] = (struct image){
            .id = json_find_text(item, "Id", ""),
            .site_id = container_label_number(labels, CONTAINER_LABEL_SITE),
            .deployment_id = container_label_number(labels, CONTAINER_LABEL_DEPLOYMENT),
            .owner = json_find_text(labels, CONTAINER_LABEL_OWNER, ""),
        };
        read_tags(arena, item, &list[i]);
    }
    *ret_list = list;
    *ret_count = value->item_count;
    return 0;
}

static void on_listed(void *context, int status, const char *body, size_t size,
                      const struct error *err)
{
    AUTO_FREE struct asked *asked = context;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct image *list = NULL;
    size_t count = 0;
    struct error parse_error;
    if (!err && image_list_parse(arena, body, size, &list, &count, &parse_error) < 0) {
        err = &parse_error;
    }
    asked->on_list(asked->context, list, count, err);
}

void image_list(struct engine *engine, const char *instance, image_list_fn *on_list, void *context)
{
    AUTO_STRBUF struct strbuf path = STRBUF_INIT;
    AUTO_FREE char *filter =
        xasprintf("{\"label\":[\"" CONTAINER_LABEL_INSTANCE "=%s\"]}", instance);
    strbuf_puts(&path, "/images/json?filters=");
    engine_escape(&path, filter);
    const struct engine_request request = {
        .method = "GET",
        .path = strbuf_text(&path),
        .on_done = on_listed,
        .on_drop = free,
        .context = asked_new(on_list, NULL, context),
    };
    engine_start(engine, &request);
}

static void on_removed(void *context, int status, const char *body, size_t size,
                       const struct error *err)
{
    AUTO_FREE struct asked *asked = context;
    asked->on_done(asked->context, err && err->code == ERR_NOT_FOUND ? NULL : err);
}

void image_remove(struct engine *engine, const char *name, image_done_fn *on_done, void *context)
{
    AUTO_STRBUF struct strbuf path = STRBUF_INIT;
    strbuf_puts(&path, "/images/");
    engine_escape(&path, name);
    const struct engine_request request = {
        .method = "DELETE",
        .path = strbuf_text(&path),
        .on_done = on_removed,
        .on_drop = free,
        .context = asked_new(NULL, on_done, context),
    };
    engine_start(engine, &request);
}
