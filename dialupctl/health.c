/*
 * `health`: asks all daemons at once and, with --wait, again until all are well. With names only
 * what they name counts and is shown: daemons, and checks whoever has them.
 *
 * A round ends when each has answered or was given up; the clients stay open between rounds.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "dialupctl/command.h"
#include "dialupctl/peers.h"
#include "dialupctl/show_json.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/json/writer.h"
#include "proto/common_rpc.h"

enum { NEXT_ROUND_MS = 200, WAIT_MAX_S = 3600, US_PER_S = 1000000 };

struct round;

struct question {
    struct round *round;
    const struct peer *peer;
    struct ipc_client *client;
    struct ipc_client_options socket;
    struct common_health answer; /* in the round's arena */
    bool is_silent;
};

struct round {
    char **names;        /* NULL-terminated; empty: everything */
    const char *unknown; /* a name that is no daemon's and no check's of those who answered */
    struct event_base *base;
    struct event *again;
    struct arena *arena; /* of the answers of this round */
    struct question questions[PEER_COUNT];
    size_t open;
    int64_t until_us; /* clock_monotonic_us; 0: one round */
};

static void ask_all(struct round *round);

static const char *worse_of(const char *one, const char *other)
{
    return str_equal(other, "failing") || str_equal(one, "ok") ? other : one;
}

static bool is_named(char **names, const char *name)
{
    for (; *names; names++) {
        if (str_equal(*names, name)) {
            return true;
        }
    }
    return false;
}

static bool is_peer_named(const struct question *question)
{
    char **names = question->round->names;
    return is_named(names, question->peer->name) || is_named(names, question->peer->program);
}

static bool is_known(const struct round *round, const char *name)
{
    for (size_t i = 0; i < PEER_COUNT; i++) {
        const struct question *question = &round->questions[i];
        if (str_equal(question->peer->name, name) || str_equal(question->peer->program, name)) {
            return true;
        }
        for (size_t j = 0; j < question->answer.checks_count; j++) {
            if (str_equal(question->answer.checks[j].name, name)) {
                return true;
            }
        }
    }
    return false;
}

static const char *find_unknown(const struct round *round)
{
    for (char **name = round->names; *name; name++) {
        if (!is_known(round, *name)) {
            return *name;
        }
    }
    return NULL;
}

/* The checks that were asked for become the daemon's answer, and the worst of them its status. */
static void keep_named(struct round *round, struct common_health *answer)
{
    struct common_health_check *kept =
        arena_calloc(round->arena, answer->checks_count, sizeof(*kept));
    struct common_health named = {.status = "ok", .checks = kept};
    for (size_t i = 0; i < answer->checks_count; i++) {
        if (is_named(round->names, answer->checks[i].name)) {
            kept[named.checks_count++] = answer->checks[i];
            named.status = worse_of(named.status, answer->checks[i].status);
        }
    }
    *answer = named;
}

/* A check that nobody has may be that of a daemon that is silent: then that one counts. */
static void apply_names(struct round *round)
{
    round->unknown = find_unknown(round);
    for (size_t i = 0; i < PEER_COUNT && *round->names; i++) {
        struct question *question = &round->questions[i];
        if (!is_peer_named(question) && !(question->is_silent && round->unknown)) {
            keep_named(round, &question->answer);
        }
    }
}

static const char *worst_status(const struct round *round)
{
    const char *worst = "ok";
    for (size_t i = 0; i < PEER_COUNT; i++) {
        worst = worse_of(worst, round->questions[i].answer.status);
    }
    return worst;
}

static bool all_are_well(const struct round *round)
{
    return !round->unknown && str_equal(worst_status(round), "ok");
}

static void end_round(struct round *round)
{
    apply_names(round);
    if (all_are_well(round) || clock_monotonic_us() >= round->until_us) {
        event_base_loopbreak(round->base);
        return;
    }
    const struct timeval pause = clock_timeval_of_ms(NEXT_ROUND_MS);
    event_add(round->again, &pause);
}

static void note_silence(struct question *question, const struct error *err)
{
    struct arena *arena = question->round->arena;
    struct common_health_check *check = arena_calloc(arena, 1, sizeof(*check));
    *check = (struct common_health_check){
        .name = "process",
        .status = "failing",
        .reason = arena_strdup(arena, err->message),
        .remedy = arena_printf(arena, "Start it (systemctl start %s) and look at its log.",
                               question->peer->program),
    };
    question->answer =
        (struct common_health){.status = "failing", .checks = check, .checks_count = 1};
}

/* The answer's texts live as long as the callback alone. */
static void note_answer(struct question *question, const struct common_health *health)
{
    struct arena *arena = question->round->arena;
    struct common_health_check *checks = arena_calloc(arena, health->checks_count, sizeof(*checks));
    for (size_t i = 0; i < health->checks_count; i++) {
        const struct common_health_check *check = &health->checks[i];
        checks[i] = (struct common_health_check){
            .name = arena_strdup(arena, check->name),
            .status = arena_strdup(arena, check->status),
            .reason = arena_strdup(arena, check->reason),
            .remedy = arena_strdup(arena, check->remedy),
        };
    }
    question->answer = (struct common_health){.status = arena_strdup(arena, health->status),
                                              .checks = checks,
                                              .checks_count = health->checks_count};
}

static void on_reply(void *context, const void *result, const struct error *err)
{
    struct question *question = context;
    question->is_silent = !result;
    if (result) {
        note_answer(question, result);
    } else {
        note_silence(question, err);
    }
    if (--question->round->open == 0) {
        end_round(question->round);
    }
}

static void ask_all(struct round *round)
{
    arena_reset(round->arena);
    round->open = PEER_COUNT;
    for (size_t i = 0; i < PEER_COUNT; i++) {
        struct question *question = &round->questions[i];
        const struct ipc_method *method = peer_method(question->peer, "health");
        struct error err;
        if (ipc_client_call(question->client, method, NULL, NULL, on_reply, question, &err) < 0) {
            on_reply(question, NULL, &err);
        }
    }
}

static void on_again(evutil_socket_t fd, short events, void *context)
{
    ask_all(context);
}

static int open_clients(struct round *round, struct ctl *ctl, struct error *err)
{
    for (size_t i = 0; i < PEER_COUNT; i++) {
        struct question *question = &round->questions[i];
        question->round = round;
        question->peer = &peers[i];
        question->socket = peer_socket(&peers[i], ctl->config, ctl->arena);
        int result = ipc_client_open(round->base, &question->socket, &question->client, err);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

/* False if the transport hangs: then only _exit ends the program. */
static bool close_clients(struct round *round)
{
    bool is_closed = true;
    for (size_t i = 0; i < PEER_COUNT; i++) {
        is_closed = ipc_client_close(round->questions[i].client) && is_closed;
    }
    return is_closed;
}

static void print_table(const struct round *round)
{
    enum { DAEMON_WIDTH = 9, CHECK_WIDTH = 14, STATUS_WIDTH = 8 };
    for (size_t i = 0; i < PEER_COUNT; i++) {
        const struct question *question = &round->questions[i];
        for (size_t j = 0; j < question->answer.checks_count; j++) {
            const struct common_health_check *check = &question->answer.checks[j];
            printf("%-*s %-*s %-*s %s\n", DAEMON_WIDTH, question->peer->name, CHECK_WIDTH,
                   check->name, STATUS_WIDTH, check->status, check->reason);
            if (check->remedy[0]) {
                printf("%*s %s\n", DAEMON_WIDTH + CHECK_WIDTH + STATUS_WIDTH + 2, "",
                       check->remedy);
            }
        }
    }
}

static void write_daemon(struct json_writer *writer, const struct question *question)
{
    json_begin_object(writer);
    json_put_text(writer, "name", question->peer->name);
    json_put_text(writer, "status", question->answer.status);
    json_key(writer, "checks");
    json_begin_array(writer);
    for (size_t i = 0; i < question->answer.checks_count; i++) {
        json_encode(writer, &common_health_check_shape, &question->answer.checks[i]);
    }
    json_end_array(writer);
    json_end_object(writer);
}

static void print_json(const struct round *round)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_begin_object(&writer);
    json_put_text(&writer, "status", worst_status(round));
    json_key(&writer, "daemons");
    json_begin_array(&writer);
    for (size_t i = 0; i < PEER_COUNT; i++) {
        write_daemon(&writer, &round->questions[i]);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    const struct json_value *value;
    if (json_parse(round->arena, strbuf_text(&text), text.size, &value, NULL) == 0) {
        show_json(value);
    }
}

static int parse_words(struct ctl *ctl, int64_t *ret_wait_s, bool *ret_json, struct error *err)
{
    static const struct option options[] = {
        {"wait", required_argument, NULL, 'w'}, {"json", no_argument, NULL, 'j'}, {0}};
    for (int option; (option = getopt_long(ctl->argc, ctl->argv, "", options, NULL)) != -1;) {
        if (option == 'j') {
            *ret_json = true;
        } else if (option != 'w') {
            return command_wrong_use(ctl, err);
        } else if (!str_parse_i64(optarg, 0, WAIT_MAX_S, ret_wait_s)) {
            return error_set(err, ERR_INVALID_ARGUMENT, "--wait takes 0 to %d seconds, not \"%s\"",
                             WAIT_MAX_S, optarg);
        }
    }
    return 0;
}

/* All answered, and none has such a check. */
static int refuse_unknown(const struct round *round, struct error *err)
{
    for (size_t i = 0; i < PEER_COUNT; i++) {
        if (round->questions[i].is_silent) {
            return 1;
        }
    }
    error_set(err, ERR_INVALID_ARGUMENT, "No daemon and no check is called \"%s\"", round->unknown);
    error_hint(err, "`dialupctl health` shows all of them.");
    return -ERR_INVALID_ARGUMENT;
}

static int show(const struct round *round, bool as_json, struct error *err)
{
    int result = round->unknown ? refuse_unknown(round, err) : all_are_well(round) ? 0 : 1;
    if (result >= 0) {
        (as_json ? print_json : print_table)(round);
        fflush(stdout);
    }
    return result;
}

int command_health(struct ctl *ctl, struct error *err)
{
    int64_t wait_s = 0;
    bool as_json = false;
    int result = parse_words(ctl, &wait_s, &as_json, err);
    if (result < 0) {
        return result;
    }
    struct round round = {.base = event_base_new(), .arena = arena_new()};
    round.names = ctl->argv + optind;
    round.until_us = clock_monotonic_us() + wait_s * US_PER_S;
    round.again = evtimer_new(round.base, on_again, &round);
    result = open_clients(&round, ctl, err);
    if (result == 0) {
        ask_all(&round);
        event_base_dispatch(round.base);
        result = show(&round, as_json, err);
    }
    event_free(round.again);
    if (!close_clients(&round)) {
        _exit(result < 0 ? 1 : result);
    }
    event_base_free(round.base);
    arena_free(round.arena);
    return result;
}
