/*
 * The Docker client's JSON in both directions, and other parts of it that are pure.
 */
#include "dialup-deployd/engine/container.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/engine/image.h"
#include "dialup-deployd/engine/url.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"
#include "tests/unit/engine_rig.h"

static void case_spec(void)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    struct container_spec spec = make_spec();
    container_spec_print(&spec, &out);
    CHECK_STR(strbuf_text(&out), golden_spec);
    /* What is left to the image is not said at all. */
    spec.argv = NULL;
    spec.working_dir = NULL;
    spec.uid = -1;
    strbuf_clear(&out);
    container_spec_print(&spec, &out);
    static const char *const absent[] = {"Entrypoint", "Cmd", "WorkingDir", "User"};
    for (size_t i = 0; i < ARRAY_COUNT(absent); i++) {
        CHECK(!strstr(strbuf_text(&out), absent[i]));
    }
}

static void case_list_parse(void)
{
    static const char json[] =
        "[{\"Id\":\"abc\",\"State\":\"running\",\"Labels\":{\"dialup.site\":\"7\","
        "\"dialup.deployment\":\"12\",\"dialup.generation\":\"3\",\"dialup.owner\":\"user:7\","
        "\"dialup.kind\":\"production\"},\"New\":{\"x\":[1]},\"HostConfig\":{\"NetworkMode\":"
        "\"ours\"},"
        "\"NetworkSettings\":{\"Networks\":{\"theirs\":{\"IPAddress\":\"10.0.0.1\"},"
        "\"ours\":{\"IPAddress\":\"172.20.0.5\"}}}},"
        "{\"Id\":\"def\",\"State\":\"created\",\"Labels\":{\"dialup.site\":\"-1\","
        "\"dialup.deployment\":\"99999999999999999999\"}},"
        "{\"Id\":\"ghi\",\"State\":\"exited\",\"HostConfig\":{\"NetworkMode\":\"ours\"}},{\"Id\":"
        "\"jkl\",\"State\":\"paused\",\"Labels\":"
        "null},"
        "{},7]";
    static const struct {
        const char *id;
        int64_t site_id, deployment_id;
        bool is_running, was_started;
    } wanted[] = {
        {"abc", 7, 12, true, true}, {"def", 0, 0, false, false}, {"ghi", 0, 0, false, true},
        {"jkl", 0, 0, true, true},  {"", 0, 0, false, true},     {"", 0, 0, false, true},
    };
    AUTO_ARENA struct arena *arena = arena_new();
    const struct container *list;
    size_t count = 0;
    struct error err;
    CHECK_INT(container_list_parse(arena, json, strlen(json), &list, &count, &err), 0);
    if (!CHECK_INT(count, ARRAY_COUNT(wanted))) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_STR(list[i].id, wanted[i].id);
        CHECK_INT(list[i].site_id, wanted[i].site_id);
        CHECK_INT(list[i].deployment_id, wanted[i].deployment_id);
        CHECK_INT(list[i].is_running, wanted[i].is_running);
        CHECK_INT(list[i].was_started, wanted[i].was_started);
    }
    CHECK_INT(list[0].generation, 3);
    CHECK_STR(list[0].network, "ours");
    CHECK_STR(list[0].address, "172.20.0.5");
    CHECK_STR(list[2].network, "ours");
    CHECK_STR(list[2].address, "");
    CHECK(!list[0].is_paused && list[3].is_paused);
    CHECK_STR(list[0].owner, "user:7");
    CHECK_STR(list[0].kind, "production");
    static const char *const bad[] = {"", "{}", "[", "null", "<html>"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        CHECK_INT(container_list_parse(arena, bad[i], strlen(bad[i]), &list, &count, &err),
                  -ERR_UNAVAILABLE);
    }
}

static void case_image_list_parse(void)
{
    static const char json[] =
        "[{\"Id\":\"sha256:a\",\"RepoTags\":[\"d-site7:12-x\",\"d-site7:12-y\"],\"Labels\":{"
        "\"dialup.site\":\"7\",\"dialup.deployment\":\"12\",\"dialup.owner\":\"user:7\"}},"
        "{\"Id\":\"sha256:b\",\"RepoTags\":[\"<none>:<none>\",5],\"Labels\":{\"dialup.site\":\"x\"}"
        "},"
        "{\"Id\":\"sha256:c\",\"RepoTags\":null,\"Labels\":null},7]";
    AUTO_ARENA struct arena *arena = arena_new();
    const struct image *list;
    size_t count = 0;
    struct error err;
    CHECK_INT(image_list_parse(arena, json, strlen(json), &list, &count, &err), 0);
    if (!CHECK_INT(count, 4)) {
        return;
    }
    CHECK_INT(list[0].tag_count, 2);
    CHECK_STR(list[0].tags[1], "d-site7:12-y");
    CHECK_INT(list[0].site_id, 7);
    CHECK_INT(list[0].deployment_id, 12);
    CHECK_STR(list[0].owner, "user:7");
    for (size_t i = 1; i < count; i++) {
        CHECK_INT(list[i].tag_count, 0);
        CHECK_INT(list[i].site_id, 0);
        CHECK_STR(list[i].owner, "");
    }
    CHECK_INT(image_list_parse(arena, "{}", 2, &list, &count, &err), -ERR_UNAVAILABLE);
}

static void case_detail_parse(void)
{
    static const char json[] =
        "{\"State\":{\"Status\":\"exited\",\"Running\":false,\"OOMKilled\":true,\"ExitCode\":137,"
        "\"Pid\":0},\"HostConfig\":{\"Memory\":268435456,\"NanoCpus\":250000000,\"PidsLimit\":128},"
        "\"NetworkSettings\":{\"Networks\":{\"dialup-prod\":{\"IPAddress\":\"172.20.0.5\"},"
        "\"other\":{\"IPAddress\":\"255.255.255.255.255\"}}}}";
    AUTO_ARENA struct arena *arena = arena_new();
    struct container_detail detail;
    struct error err;
    CHECK_INT(container_detail_parse(arena, json, strlen(json), "dialup-prod", &detail, &err), 0);
    CHECK(!detail.is_running && detail.was_started && detail.was_oom_killed);
    CHECK_INT(detail.exit_code, 137);
    CHECK_INT(detail.memory_bytes, 268435456);
    CHECK_INT(detail.cpu_millicores, 250);
    CHECK_INT(detail.pids, 128);
    CHECK_STR(detail.address, "172.20.0.5");
    static const char *const networks[] = {"missing", NULL};
    for (size_t i = 0; i < ARRAY_COUNT(networks); i++) {
        CHECK_INT(container_detail_parse(arena, json, strlen(json), networks[i], &detail, &err), 0);
        CHECK_STR(detail.address, "");
    }
    CHECK_INT(container_detail_parse(arena, "{}", 2, "x", &detail, &err), 0);
    CHECK(!detail.is_running);
    CHECK_INT(container_detail_parse(arena, "{", 1, "x", &detail, &err), -ERR_UNAVAILABLE);
}

#define FRAME(stream, size, text) stream "\0\0\0\0\0\0" size text

static void case_unframe(void)
{
    static const char stream[] = FRAME("\1", "\3", "out") FRAME("\2", "\4", "err\n")
        FRAME("\1", "\0", "") FRAME("\1", "\2", "ab");
    static const char *const wanted[] = {"", "o", "ou", "out"};
    size_t size = sizeof(stream) - 1;
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    container_unframe(stream, size, &out);
    CHECK_STR(strbuf_text(&out), "outerr\nab");
    /* Cut anywhere: what is there of the text, and nothing of a header. */
    for (size_t cut = 0; cut <= size; cut++) {
        AUTO_FREE char *copy = xmalloc(cut); /* so that the sanitizer sees a read past it */
        memcpy(copy, stream, cut);
        strbuf_clear(&out);
        container_unframe(copy, cut, &out);
        CHECK(strncmp("outerr\nab", strbuf_text(&out), out.size) == 0);
        if (cut <= 11) {
            CHECK_STR(strbuf_text(&out), wanted[cut < 8 ? 0 : cut - 8]);
        }
    }
    static const char huge[] = "\1\0\0\0\xFF\xFF\xFF\xFFxyz";
    strbuf_clear(&out);
    container_unframe(huge, sizeof(huge) - 1, &out);
    CHECK_STR(strbuf_text(&out), "xyz");
}

static void case_versions(void)
{
    static const struct {
        const char *told;
        int minor; /* 0: refused */
    } rows[] = {
        {"1.40", 0},  {"1.41", 41}, {"1.44", 44}, {"1.47", 47},  {"1.52", 47}, {"1.99", 47},
        {"1.24", 0},  {"2.0", 0},   {"", 0},      {"1.", 0},     {"1.x", 0},   {"1.44.1", 0},
        {"1.-44", 0}, {"44", 0},    {"1", 0},     {"1.9999", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int minor = 0;
        struct error err;
        int result = engine_choose_version(rows[i].told, &minor, &err);
        bool good = CHECK_INT(minor, rows[i].minor);
        good = CHECK_INT(result, rows[i].minor ? 0 : -ERR_UNSUPPORTED) && good;
        if (!good) {
            printf("# \"%s\"\n", rows[i].told);
        }
    }
}

static void case_escape(void)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    engine_escape(&out, "aZ0-_.~ /?#%&=\"{\xC3\xA4");
    CHECK_STR(strbuf_text(&out), "aZ0-_.~%20%2F%3F%23%25%26%3D%22%7B%C3%A4");
}

static void case_shares(void)
{
    static const struct {
        const char *kind;
        int64_t millicores, shares;
    } rows[] = {
        {"production", 1000, 1024}, {"production", 250, 256}, {"build", 1000, 128},
        {"development", 300, 38},   {"production", 1, 2},     {"build", 0, 2},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        CHECK_INT(container_cpu_shares(rows[i].kind, rows[i].millicores), rows[i].shares);
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a container as JSON", case_spec},          {"a list of containers", case_list_parse},
        {"a list of images", case_image_list_parse}, {"a container in detail", case_detail_parse},
        {"frames of a log", case_unframe},           {"versions", case_versions},
        {"paths are escaped", case_escape},          {"weights of CPU", case_shares},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
