/*
 * The server's HTTP API, one request at a time, blocking. The only file that includes libcurl.
 *
 * HTTPS is verified against the system's certificates (or the file in SSL_CERT_FILE). Redirects
 * are not followed: a key is sent to the server it belongs to and to nobody else. An answer that
 * is an error becomes a struct error; its document is kept for --json.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/error.h"
#include "libdialup/base/secret.h"
#include "libdialup/base/str.h"

struct client;

/* server as settings_parse_server gives it. Both are copied; api_key may be empty. */
struct client *client_open(const char *server, const struct secret *api_key);
void client_close(struct client *client);

/* Uses another key (or none) from now on. */
void client_set_key(struct client *client, const struct secret *api_key);

/* After a log-in with a password, until a key is set: sends the session's cookie with this token
 * in X-CSRF. */
void client_set_session(struct client *client, const char *csrf);

struct client_request {
    const char *method;       /* "GET" */
    const char *path;         /* "/api/me", with a query perhaps */
    const char *content_type; /* of data */
    const void *data;         /* NULL: no body */
    size_t size;
    size_t max_answer_size; /* 0: 8 MiB */
    int timeout_ms;         /* 0: a minute; negative: as long as bytes flow */
    bool is_aside; /* tidying up: Ctrl-C does not end it, the last error's document stays */
};

/* Appends the answer's body. ERR_UNAVAILABLE, ERR_TIMEOUT (field "network") if the server cannot
 * be reached or the connection breaks; the server's own error otherwise; ERR_IO after Ctrl-C. */
int client_call(struct client *client, const struct client_request *request, struct strbuf *answer,
                struct error *err);

/* Whether an error came from the network, so that trying again may help. */
bool client_is_network_error(const struct error *err);

/* The server's document that err was made from; NULL if err is not the last call's, or our own. */
const char *client_error_document(const struct client *client, const struct error *err);
