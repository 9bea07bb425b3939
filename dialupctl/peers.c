/*
 * The table of daemons, from their contracts. Used by every command that asks one.
 */
#include "dialupctl/peers.h"

#include <string.h>

#include "dialupctl/command.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/nearest.h"
#include "libdialup/base/str.h"
#include "proto/admind_rpc.h"
#include "proto/deployd_rpc.h"
#include "proto/editord_rpc.h"
#include "proto/gate_rpc.h"
#include "proto/monitord_rpc.h"

const struct peer peers[PEER_COUNT] = {
    {"gate", "dialup-gate", gate_methods, GATE_METHOD_COUNT},
    {"deployd", "dialup-deployd", deployd_methods, DEPLOYD_METHOD_COUNT},
    {"monitord", "dialup-monitord", monitord_methods, MONITORD_METHOD_COUNT},
    {"admind", "dialup-admind", admind_methods, ADMIND_METHOD_COUNT},
    {"editord", "dialup-editord", editord_methods, EDITORD_METHOD_COUNT},
};

int peer_find(const char *name, const struct peer **ret_peer, struct error *err)
{
    for (size_t i = 0; i < PEER_COUNT; i++) {
        if (str_equal(peers[i].name, name) || str_equal(peers[i].program, name)) {
            *ret_peer = &peers[i];
            return 0;
        }
    }
    const char *meant = nearest_word(name, peers, PEER_COUNT, sizeof(peers[0]));
    error_set(err, ERR_INVALID_ARGUMENT, "There is no daemon \"%s\"", name);
    if (meant) {
        error_hint(err, "Did you mean %s?", meant);
    } else {
        error_hint(err, "There are gate, deployd, monitord, admind and editord");
    }
    return -ERR_INVALID_ARGUMENT;
}

const struct ipc_method *peer_method(const struct peer *peer, const char *name)
{
    for (size_t i = 0; i < peer->method_count; i++) {
        if (str_equal(peer->methods[i].name, name)) {
            return &peer->methods[i];
        }
    }
    return NULL;
}

struct ipc_client_options peer_socket(const struct peer *peer, const struct config *config,
                                      struct arena *arena)
{
    enum { CONNECT_MS = 1000 };
    return (struct ipc_client_options){
        .daemon = peer->program,
        .path = arena_printf(arena, "%s/ipc/%s.sock", config_text(config, CONFIG_common_run_dir),
                             peer->name),
        .connect_ms = CONNECT_MS,
    };
}

int peer_ask(struct ctl *ctl, const char *daemon, const char *method, const struct strbuf *params,
             const struct json_value **ret_answer, struct error *err)
{
    const struct peer *peer;
    const char *json;
    int result = peer_find(daemon, &peer, err);
    if (result < 0) {
        return result;
    }
    const struct ipc_method *known = peer_method(peer, method);
    const struct ipc_client_options socket = peer_socket(peer, ctl->config, ctl->arena);
    const struct ipc_call_options options = {.deadline_ms = known ? known->deadline_ms : 0};
    result = ipc_client_call_json_wait(&socket, method, strbuf_text(params), &options, ctl->arena,
                                       &json, err);
    return result < 0 ? result : json_parse(ctl->arena, json, strlen(json), ret_answer, err);
}
