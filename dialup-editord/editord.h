/*
 * What dialup-editord has while it runs; shared by main.c and routes.c.
 */
#pragma once

#include <stddef.h>

#include "libdialup/http/server.h"

struct daemon_run;

struct editord {
    const struct daemon_run *run; /* borrowed */
    char *socket_path;            /* owned */
    char *origin;                 /* owned: "https://editor.example.org" */
    char *sites_suffix;           /* owned */
    struct http_server *server;
};

extern const struct http_route editord_routes[];
extern const size_t editord_route_count;

/* The look-up behind the session cookie; context is the struct editord. */
int editord_authenticate(void *context, const struct http_credentials *credentials,
                         struct http_identity *ret_identity, struct error *err);
