/*
 * Typed calls about networks. Used by the converger at start.
 */
#include "dialup-deployd/docker/networks.h"

#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/docker/answers.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/writer.h"

static const char bridge_option[] = "com.docker.network.bridge.name";
static const char icc_option[] = "com.docker.network.bridge.enable_icc";

struct ensuring {
    struct docker_client *client;
    docker_done_fn *on_done;
    void *arg;
    char *name;
    char *bridge;
    char *body; /* of the create request */
    bool may_create;
};

static void look(struct ensuring *ensuring);

static void release(void *arg)
{
    struct ensuring *ensuring = arg;
    free(ensuring->name);
    free(ensuring->bridge);
    free(ensuring->body);
    free(ensuring);
}

/* The next request owns what this one has. */
static struct ensuring *pass_on(struct ensuring *ensuring)
{
    struct ensuring *next = xmalloc(sizeof(*next));
    *next = *ensuring;
    ensuring->name = ensuring->bridge = ensuring->body = NULL;
    return next;
}

static void on_created(void *arg, const struct docker_answer *answer, const struct error *err)
{
    struct ensuring *ensuring = arg;
    /* Somebody else was faster: what they made is looked at like any other. */
    if (err && err->code == ERR_CONFLICT) {
        struct ensuring *next = pass_on(ensuring);
        next->may_create = false;
        look(next);
        return;
    }
    ensuring->on_done(ensuring->arg, err);
}

static void create(struct ensuring *ensuring)
{
    docker_request(ensuring->client, &(struct docker_call){
                                         .method = "POST",
                                         .path = (const char *[]){"networks", "create", NULL},
                                         .action = "make the network",
                                         .json = ensuring->body,
                                         .on_done = on_created,
                                         .arg = ensuring,
                                         .release = release,
                                     });
}

static int check_network(const struct ensuring *ensuring, const struct docker_answer *answer,
                         struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value;
    int rc = docker_answer_parse(arena, answer, &value, err);
    if (rc < 0) {
        return rc;
    }
    const struct json_value *options = json_find(value, "Options");
    bool is_ours = str_equal(json_find_text(value, "Driver", ""), "bridge") &&
                   str_equal(json_find_text(options, bridge_option, ""), ensuring->bridge) &&
                   str_equal(json_find_text(options, icc_option, ""), "false");
    if (is_ours) {
        return 0;
    }
    error_set(err, ERR_CONFLICT,
              "The Docker network %s exists, but is not a bridge %s that keeps sites apart",
              ensuring->name, ensuring->bridge);
    error_hint(err, "Remove it with: docker network rm %s", ensuring->name);
    return -ERR_CONFLICT;
}

static void on_looked(void *arg, const struct docker_answer *answer, const struct error *err)
{
    struct ensuring *ensuring = arg;
    if (err && err->code == ERR_NOT_FOUND && ensuring->may_create) {
        create(pass_on(ensuring));
        return;
    }
    struct error own;
    if (!err && check_network(ensuring, answer, &own) < 0) {
        err = &own;
    }
    ensuring->on_done(ensuring->arg, err);
}

static void look(struct ensuring *ensuring)
{
    docker_request(ensuring->client, &(struct docker_call){
                                         .method = "GET",
                                         .path = (const char *[]){"networks", ensuring->name, NULL},
                                         .action = "describe the network",
                                         .on_done = on_looked,
                                         .arg = ensuring,
                                         .release = release,
                                     });
}

static void put_ipam(struct json_writer *writer, const char *subnet)
{
    json_key(writer, "IPAM");
    json_begin_object(writer);
    json_key(writer, "Config");
    json_begin_array(writer);
    json_begin_object(writer);
    json_put_text(writer, "Subnet", subnet);
    json_end_object(writer);
    json_end_array(writer);
    json_end_object(writer);
}

static char *write_spec(const struct docker_network_spec *spec)
{
    struct strbuf body = STRBUF_INIT;
    AUTO_STRBUF struct strbuf labels = STRBUF_INIT;
    docker_labels_write(spec->labels, spec->label_count, &labels);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_text(&writer, "Name", spec->name);
    json_put_bool(&writer, "CheckDuplicate", true);
    json_put_text(&writer, "Driver", "bridge");
    json_key(&writer, "Options");
    json_begin_object(&writer);
    json_put_text(&writer, bridge_option, spec->bridge);
    json_put_text(&writer, icc_option, "false");
    json_end_object(&writer);
    if (spec->subnet) {
        put_ipam(&writer, spec->subnet);
    }
    json_key(&writer, "Labels");
    json_raw(&writer, strbuf_text(&labels), labels.size);
    json_end_object(&writer);
    return strbuf_take(&body);
}

void docker_network_ensure(struct docker_client *client, const struct docker_network_spec *spec,
                           docker_done_fn *on_done, void *arg)
{
    struct ensuring *ensuring = xmalloc(sizeof(*ensuring));
    *ensuring = (struct ensuring){
        .client = client,
        .on_done = on_done,
        .arg = arg,
        .name = xstrdup(spec->name),
        .bridge = xstrdup(spec->bridge),
        .body = write_spec(spec),
        .may_create = true,
    };
    look(ensuring);
}

struct docker_request *docker_network_remove(struct docker_client *client, const char *name,
                                             docker_done_fn *on_done, void *arg)
{
    return docker_request(client, &(struct docker_call){
                                      .method = "DELETE",
                                      .path = (const char *[]){"networks", name, NULL},
                                      .action = "remove the network",
                                      .on_done = docker_plain_done,
                                      .arg = docker_plain_new(on_done, arg),
                                      .release = free,
                                  });
}
