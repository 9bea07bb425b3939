/*
 * Whether all is well, or one part of it: own checks and those of the other daemons, asked side by
 * side. Called through routes.c. Everybody gets the word; what is behind it is for admins, and for
 * those who ask on the socket itself, past the proxy: they are on this machine and may open it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/daemon/common.h"
#include "libdialup/ipc/client.h"
#include "proto/deployd_rpc.h"
#include "proto/http_api.h"

enum { ANSWER_MS = 1500, REQUEST_MS = 5000, MAX_CHECKS = 64 };

static const char *const peer_names[PEER_COUNT] = {"deployd", "gate", "monitord", "editord"};

/* A check that can be asked for alone, and who has it. */
struct part {
    const char *name;
    bool is_own; /* this daemon's too */
    bool is_of[PEER_COUNT];
};

static const struct part parts[] = {
    {"database",
     true,
     {[PEER_DEPLOYD] = true, [PEER_GATE] = true, [PEER_MONITORD] = true, [PEER_EDITORD] = true}},
    {"docker", false, {[PEER_DEPLOYD] = true}},
    {"storage", false, {[PEER_DEPLOYD] = true}},
    {"memory", false, {[PEER_DEPLOYD] = true}},
};

/* Outlives its request if the client goes: the daemons' answers still come. */
struct survey {
    struct http_request *request; /* NULL once the client is gone */
    struct arena *arena;
    const struct part *part; /* NULL: all */
    size_t waiting;
    size_t count;
    bool tells_all;
    enum health_status worst;
    struct http_health_check checks[MAX_CHECKS];
    struct question {
        struct survey *survey;
        enum admind_peer peer;
    } questions[PEER_COUNT];
};

static enum health_status status_by_name(const char *name)
{
    for (enum health_status status = HEALTH_OK; status < HEALTH_FAILING; status++) {
        if (str_equal(name, health_status_name(status))) {
            return status;
        }
    }
    return HEALTH_FAILING;
}

static void add_check(struct survey *survey, const char *daemon,
                      const struct common_health_check *check)
{
    enum health_status status = status_by_name(check->status);
    survey->worst = status > survey->worst ? status : survey->worst;
    if (survey->count == MAX_CHECKS || !survey->tells_all) {
        return;
    }
    survey->checks[survey->count++] = (struct http_health_check){
        .name = arena_printf(survey->arena, "%s.%.40s", daemon, check->name),
        .status = health_status_name(status),
        .reason = arena_strdup(survey->arena, check->reason),
        .remedy = arena_strdup(survey->arena, check->remedy),
    };
}

static void add_answer(struct survey *survey, const char *daemon,
                       const struct common_health *health)
{
    for (size_t i = 0; i < health->checks_count; i++) {
        if (!survey->part || str_equal(health->checks[i].name, survey->part->name)) {
            add_check(survey, daemon, &health->checks[i]);
        }
    }
}

/* Who does not answer fails every part that is asked of it. */
static void add_silent(struct survey *survey, enum admind_peer peer, const struct error *err)
{
    const char *remedy =
        arena_printf(survey->arena, "Start it: systemctl start dialup-%s", peer_names[peer]);
    const struct common_health_check check = {"process", health_status_name(HEALTH_FAILING),
                                              err->message, remedy};
    add_check(survey, peer_names[peer], &check);
}

static int compare_checks(const void *a, const void *b)
{
    const struct http_health_check *left = a;
    const struct http_health_check *right = b;
    return strcmp(left->name, right->name);
}

/* In the same order each time, whoever answered first. */
static void finish(struct survey *survey)
{
    enum { OK = 200, UNAVAILABLE = 503 };
    if (survey->request) {
        qsort(survey->checks, survey->count, sizeof(*survey->checks), compare_checks);
        const struct http_health health = {health_status_name(survey->worst), survey->checks,
                                           survey->count};
        http_reply_json(survey->request, survey->worst == HEALTH_FAILING ? UNAVAILABLE : OK,
                        &http_health_shape, &health);
    }
    arena_free(survey->arena);
}

static void on_answer(void *context, const void *result, const struct error *err)
{
    const struct question *question = context;
    struct survey *survey = question->survey;
    if (err) {
        add_silent(survey, question->peer, err);
    } else {
        add_answer(survey, peer_names[question->peer], result);
    }
    if (--survey->waiting == 0) {
        finish(survey);
    }
}

static void on_gone(void *context, struct http_request *request)
{
    struct survey *survey = context;
    survey->request = NULL;
}

static void ask(struct survey *survey, const struct admind *admind, enum admind_peer peer)
{
    const struct ipc_call_options options = {.deadline_ms = ANSWER_MS};
    struct error err;
    survey->questions[peer] = (struct question){survey, peer};
    /* deployd's row stands for all: every daemon answers this method alike. */
    if (deployd_call_health(admind->peers[peer], NULL, &options, on_answer,
                            &survey->questions[peer], &err) < 0) {
        add_silent(survey, peer, &err);
    } else {
        survey->waiting++;
    }
}

static bool may_know_all(const struct http_request *request)
{
    return access_is_admin(request) || !http_request_header(request, "X-Forwarded-For");
}

static void begin(struct http_request *request, const struct admind *admind,
                  const struct part *part)
{
    struct arena *arena = arena_new();
    struct survey *survey = arena_calloc(arena, 1, sizeof(*survey));
    survey->request = request;
    survey->arena = arena;
    survey->part = part;
    survey->tells_all = may_know_all(request);
    if (!part || part->is_own) {
        const struct common_health own = common_health_of(admind->run, arena);
        add_answer(survey, admind->run->daemon->name, &own);
    }
    for (int i = 0; i < PEER_COUNT; i++) {
        if (!part || part->is_of[i]) {
            ask(survey, admind, (enum admind_peer)i);
        }
    }
    if (survey->waiting == 0) {
        finish(survey);
    } else {
        http_request_later(request, REQUEST_MS, on_gone, survey);
    }
}

int handle_health(struct http_request *request, void *context, struct error *err)
{
    begin(request, context, NULL);
    return 0;
}

int handle_health_part(struct http_request *request, void *context, struct error *err)
{
    const char *name = http_request_param(request, "part");
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        if (str_equal(parts[i].name, name)) {
            begin(request, context, &parts[i]);
            return 0;
        }
    }
    error_set_field(err, ERR_NOT_FOUND, "part", "There is no part of that name to ask about.");
    error_hint(err, "There are database, docker, storage and memory; /health tells of all.");
    return -ERR_NOT_FOUND;
}

int handle_version(struct http_request *request, void *context, struct error *err)
{
    const struct http_version version = {"Dial Up Deploy", DIALUP_VERSION};
    http_reply_json(request, 200, &http_version_shape, &version);
    return 0;
}

int handle_bare_home(struct http_request *request, void *context, struct error *err)
{
    static const char text[] =
        "Dial Up Deploy runs here.\n\n"
        "The panel is not installed on this server; the command line works:\n"
        "    deploy --help\n";
    http_reply_text(request, 200, text, sizeof(text) - 1);
    return 0;
}
