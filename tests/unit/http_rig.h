/*
 * A real server on a unix socket in the test's own process, and clients that write raw bytes. All
 * in one loop; a wait that lasts longer than ten seconds ends the test.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/str.h"
#include "libdialup/http/server.h"

#define RIG_ORIGIN "https://admin.example.org"
/* The two sessions and the key that rig_authenticate knows. */
#define RIG_USER "UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU"
#define RIG_ADMIN "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD"
#define RIG_KEY "dud_KKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKK"

struct rig {
    struct event_base *base;
    struct http_server *server;
    char folder[64];
    char socket_path[96];
};

struct rig_client {
    int fd; /* -1 once closed by us */
    struct event *readable;
    struct strbuf received;
    bool ended; /* the server closed */
};

/* options gives routes, limits and files; socket, origin and look-up are the rig's. */
void rig_start(struct rig *rig, const struct http_options *options);
void rig_end(struct rig *rig);

int rig_authenticate(void *context, const struct http_credentials *credentials,
                     struct http_identity *ret_identity, struct error *err);

void rig_connect(struct rig *rig, struct rig_client *client);
void rig_send(struct rig_client *client, const char *data, size_t size);
void rig_say(struct rig_client *client, const char *text);
void rig_close(struct rig_client *client);

#define RIG_GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

const struct http_counters *rig_counters(const struct rig *rig);

/* Runs the loop until the condition holds. */
typedef bool rig_condition_fn(void *context);
void rig_wait(struct rig *rig, rig_condition_fn *condition, void *context);
void rig_wait_end(struct rig *rig, struct rig_client *client);
void rig_wait_text(struct rig *rig, struct rig_client *client, const char *text);

/* A rig_condition_fn; context is the rig. */
bool rig_nothing_open(void *context);

/* One turn of the loop, whatever is ready. */
void rig_turn(struct rig *rig);

/* Sends a whole request on a connection of its own and gives what came back until the close: the
 * request must say "Connection: close". Good until the next call. */
const char *rig_ask(struct rig *rig, const char *request);

/* As rig_ask; the request line, headers that end each in \r\n, and a body. */
const char *rig_request(struct rig *rig, const char *line, const char *headers, const char *body);

/* The three digits, 0 if that was no answer. */
int rig_status(const char *answer);
