/*
 * The engine's images. Called by dockerfile.c.
 */
#include "dialup-deployd/jobs/images.h"

#include <string.h>

#include "dialup-deployd/engine/engine.h"
#include "dialup-deployd/engine/url.h"
#include "dialup-deployd/engine/wait.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

static int get(struct build *build, const char *path, const struct json_value **ret_value,
               struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct engine_request request = {.method = "GET", .path = path};
    int result = engine_wait(build->engine, build->base, &request, &body, err);
    return result < 0 ? result
                      : json_parse(build->arena, strbuf_text(&body), body.size, ret_value, err);
}

static bool has_items(const struct json_value *list)
{
    return list && list->type == JSON_ARRAY && list->item_count > 0;
}

static int check_starts(const struct json_value *settings, struct error *err)
{
    if (has_items(json_find(settings, "Cmd")) || has_items(json_find(settings, "Entrypoint"))) {
        return 0;
    }
    error_set_field(err, ERR_BUILD_FAILED, "Dockerfile",
                    "The Dockerfile does not say what to start: there is no CMD or ENTRYPOINT");
    error_hint(err, "Add a last line such as: CMD [\"node\", \"server.js\"]");
    return -ERR_BUILD_FAILED;
}

int images_find_port(struct build *build, const char *image, int64_t *ret_port, struct error *err)
{
    AUTO_STRBUF struct strbuf path = STRBUF_INIT;
    const struct json_value *value;
    strbuf_puts(&path, "/images/");
    engine_escape(&path, image);
    strbuf_puts(&path, "/json");
    int result = get(build, strbuf_text(&path), &value, err);
    *ret_port = IMAGES_DEFAULT_PORT;
    if (result < 0) {
        return result;
    }
    const struct json_value *settings = json_find(value, "Config");
    if ((result = check_starts(settings, err)) < 0) {
        return result;
    }
    const struct json_value *ports = json_find(settings, "ExposedPorts");
    size_t count = ports && ports->type == JSON_OBJECT ? ports->member_count : 0;
    for (size_t i = 0; i < count; i++) {
        AUTO_FREE char *name = xstrdup(ports->members[i].name); /* "8080/tcp" */
        char *slash = strchr(name, '/');
        if (slash && str_equal(slash, "/tcp")) {
            *slash = '\0';
            if (str_parse_i64(name, 1, 65535, ret_port)) {
                return 0;
            }
        }
    }
    return 0;
}
