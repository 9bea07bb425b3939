/*
 * `events`: follows the daemons' events, a line of JSON for each, until Ctrl-C.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "dialupctl/command.h"
#include "dialupctl/peers.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/ipc/events.h"

struct follow;

struct followed {
    struct follow *follow;
    const struct peer *peer;
    struct ipc_subscriber *subscriber; /* NULL: not asked for */
    bool was_connected;
};

struct follow {
    struct event_base *base;
    struct followed peers[PEER_COUNT];
    int64_t left; /* events to show; 0: no end */
};

static void on_event(void *context, const struct ipc_event *event)
{
    struct followed *followed = context;
    AUTO_STRBUF struct strbuf line = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &line);
    json_begin_object(&writer);
    json_put_text(&writer, "daemon", followed->peer->name);
    json_put_integer(&writer, "seq", event->seq);
    json_put_text(&writer, "event", event->name);
    json_put_integer(&writer, "at_unix_ms", event->at_unix_ms);
    json_key(&writer, "data");
    json_write_value(&writer, event->data);
    json_end_object(&writer);
    puts(strbuf_text(&line));
    fflush(stdout);
    if (followed->follow->left > 0 && --followed->follow->left == 0) {
        event_base_loopbreak(followed->follow->base);
    }
}

static void on_gap(void *context)
{
    struct followed *followed = context;
    fprintf(stderr,
            followed->was_connected ? "%s: some events may be missing here\n" : "%s: following\n",
            followed->peer->name);
    followed->was_connected = true;
}

static void on_interrupt(evutil_socket_t fd, short events, void *context)
{
    event_base_loopbreak(context);
}

static int subscribe(struct ctl *ctl, struct follow *follow, const struct peer *peer,
                     struct error *err)
{
    struct followed *followed = &follow->peers[peer - peers];
    if (followed->subscriber) {
        return 0; /* named twice */
    }
    followed->follow = follow;
    followed->peer = peer;
    const struct ipc_subscriber_options options = {
        .path = arena_printf(ctl->arena, "%s/ipc/%s.events",
                             config_text(ctl->config, CONFIG_common_run_dir), peer->name),
        .on_event = on_event,
        .on_gap = on_gap,
        .context = followed,
    };
    return ipc_subscriber_open(follow->base, &options, &followed->subscriber, err);
}

static int subscribe_all(struct ctl *ctl, struct follow *follow, struct error *err)
{
    int result = 0;
    for (int i = optind; result == 0 && i < ctl->argc; i++) {
        const struct peer *peer;
        result = peer_find(ctl->argv[i], &peer, err);
        result = result == 0 ? subscribe(ctl, follow, peer, err) : result;
    }
    for (size_t i = 0; result == 0 && optind == ctl->argc && i < PEER_COUNT; i++) {
        result = subscribe(ctl, follow, &peers[i], err);
    }
    return result;
}

static int parse_words(struct ctl *ctl, int64_t *ret_count, struct error *err)
{
    static const struct option options[] = {{"count", required_argument, NULL, 'n'}, {0}};
    for (int option; (option = getopt_long(ctl->argc, ctl->argv, "", options, NULL)) != -1;) {
        if (option != 'n') {
            return command_wrong_use(ctl, err);
        }
        if (!str_parse_i64(optarg, 1, INT64_MAX, ret_count)) {
            return error_set(err, ERR_INVALID_ARGUMENT, "--count takes a number from 1 on");
        }
    }
    return 0;
}

int command_events(struct ctl *ctl, struct error *err)
{
    struct follow follow = {0};
    int result = parse_words(ctl, &follow.left, err);
    if (result < 0) {
        return result;
    }
    follow.base = event_base_new();
    struct event *interrupt = evsignal_new(follow.base, SIGINT, on_interrupt, follow.base);
    struct event *term = evsignal_new(follow.base, SIGTERM, on_interrupt, follow.base);
    event_add(interrupt, NULL);
    event_add(term, NULL);
    result = subscribe_all(ctl, &follow, err);
    if (result == 0) {
        event_base_dispatch(follow.base);
    }
    bool is_closed = true;
    for (size_t i = 0; i < PEER_COUNT; i++) {
        is_closed = ipc_subscriber_close(follow.peers[i].subscriber) && is_closed;
    }
    if (!is_closed) {
        _exit(result < 0 ? 1 : 0); /* the transport hangs */
    }
    event_free(interrupt);
    event_free(term);
    event_base_free(follow.base);
    return result;
}
