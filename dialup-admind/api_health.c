/*
 * Whether all is well: own checks and those of the other daemons, asked side by side. Called
 * through routes.c. Everybody sees what is well; reasons are for admins.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/ipc/client.h"
#include "proto/deployd_rpc.h"
#include "proto/http_api.h"

enum { ANSWER_MS = 1500, REQUEST_MS = 5000, MAX_CHECKS = 64 };

static const char *const peer_names[PEER_COUNT] = {"deployd", "gate", "monitord", "editord"};

/* Outlives its request if the client goes: the daemons' answers still come. */
struct survey {
    struct http_request *request; /* NULL once the client is gone */
    struct arena *arena;
    size_t waiting;
    size_t count;
    bool is_admin;
    struct http_health_check checks[MAX_CHECKS];
    struct question {
        struct survey *survey;
        enum admind_peer peer;
    } questions[PEER_COUNT];
};

static void add_check(struct survey *survey, const char *daemon, const char *name,
                      const char *status, const char *reason, const char *remedy)
{
    if (survey->count == MAX_CHECKS) {
        return;
    }
    survey->checks[survey->count++] = (struct http_health_check){
        .name = arena_printf(survey->arena, "%s.%.40s", daemon, name),
        .status = arena_strdup(survey->arena, status),
        .reason = survey->is_admin ? arena_strdup(survey->arena, reason) : "",
        .remedy = survey->is_admin ? arena_strdup(survey->arena, remedy) : "",
    };
}

static const char *worst_of(const struct survey *survey)
{
    enum health_status worst = HEALTH_OK;
    for (size_t i = 0; i < survey->count; i++) {
        for (enum health_status status = worst; status <= HEALTH_FAILING; status++) {
            if (str_equal(survey->checks[i].status, health_status_name(status))) {
                worst = status;
            }
        }
    }
    return health_status_name(worst);
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
    if (survey->request) {
        qsort(survey->checks, survey->count, sizeof(*survey->checks), compare_checks);
        const struct http_health health = {worst_of(survey), survey->checks, survey->count};
        http_reply_json(survey->request, 200, &http_health_shape, &health);
    }
    arena_free(survey->arena);
}

static void add_silent(struct survey *survey, enum admind_peer peer, const struct error *err)
{
    const char *remedy =
        arena_printf(survey->arena, "Start it: systemctl start dialup-%s", peer_names[peer]);
    add_check(survey, peer_names[peer], "process", health_status_name(HEALTH_FAILING), err->message,
              remedy);
}

static void on_answer(void *context, const void *result, const struct error *err)
{
    const struct question *question = context;
    struct survey *survey = question->survey;
    const struct common_health *health = result;
    if (err) {
        add_silent(survey, question->peer, err);
    }
    for (size_t i = 0; health && i < health->checks_count; i++) {
        const struct common_health_check *check = &health->checks[i];
        add_check(survey, peer_names[question->peer], check->name, check->status, check->reason,
                  check->remedy);
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

static void add_own(struct survey *survey, const struct admind *admind)
{
    const struct daemon *daemon = admind->run->daemon;
    add_check(survey, daemon->name, "process", "ok", "The process answers", "");
    for (size_t i = 0; i < daemon->check_count; i++) {
        struct health_finding finding = daemon->checks[i].check(admind->run->state);
        add_check(survey, daemon->name, daemon->checks[i].name, health_status_name(finding.status),
                  finding.reason, finding.remedy);
    }
}

int handle_health(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    struct arena *arena = arena_new();
    struct survey *survey = arena_alloc(arena, sizeof(*survey));
    survey->request = request;
    survey->arena = arena;
    survey->is_admin = access_is_admin(request);
    add_own(survey, admind);
    for (int i = 0; i < PEER_COUNT; i++) {
        ask(survey, admind, (enum admind_peer)i);
    }
    if (survey->waiting == 0) {
        finish(survey);
    } else {
        http_request_later(request, REQUEST_MS, on_gone, survey);
    }
    return 0;
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
