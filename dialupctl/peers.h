/*
 * The daemons that can be asked: their names, sockets and methods.
 */
#pragma once

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/base/str.h"
#include "libdialup/daemon/config.h"
#include "libdialup/ipc/client.h"
#include "libdialup/ipc/method.h"
#include "libdialup/json/json.h"

struct peer {
    const char *name;    /* "deployd" */
    const char *program; /* "dialup-deployd" */
    const struct ipc_method *methods;
    size_t method_count;
};

/* In the order in which they start. */
enum { PEER_COUNT = 5 };
extern const struct peer peers[PEER_COUNT];

/* The program's name is fine too. ERR_INVALID_ARGUMENT, with the name that was probably meant. */
int peer_find(const char *name, const struct peer **ret_peer, struct error *err);

/* NULL if this version knows no such method. */
const struct ipc_method *peer_method(const struct peer *peer, const char *name);

struct ctl;

/* Asks one daemon and waits, as long as the method's contract says. params is a JSON object; the
 * answer is in the arena. */
int peer_ask(struct ctl *ctl, const char *daemon, const char *method, const struct strbuf *params,
             const struct json_value **ret_answer, struct error *err);

/* Where it listens; texts in the arena. */
struct ipc_client_options peer_socket(const struct peer *peer, const struct config *config,
                                      struct arena *arena);
