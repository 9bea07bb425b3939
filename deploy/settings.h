/*
 * Which server, and as whom: from the command line, the environment, or the file that log-in left.
 *
 * The file is $XDG_CONFIG_HOME/dialup/credentials.json (~/.config if unset), readable by its owner
 * alone. Functions block on the disk.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/base/secret.h"

struct settings {
    const char *server; /* "https://admin.example.org", NULL if none is known; in the arena */
    struct secret api_key;
    int64_t key_id;     /* of a key that log-in made, 0 if it was given */
    const char *email;  /* of the file, NULL if unknown; in the arena */
    bool is_plain_http; /* the server is asked without encryption */
};

/* Where the file is. ERR_INVALID_ARGUMENT if there is no home. */
int settings_path(struct arena *arena, const char **ret_path, struct error *err);

/* What the file says; everything is empty if there is no file. A stored key belongs to the stored
 * server alone. */
int settings_load(struct settings *settings, struct arena *arena, struct error *err);

/* Writes the file, with the right permissions. */
int settings_save(const struct settings *settings, struct arena *arena, struct error *err);

/* Removes the file; fine if there is none. */
int settings_forget(struct arena *arena, struct error *err);

/* Replaces what was loaded by what was given (NULL: nothing). A key that was stored for another
 * server is dropped. */
int settings_override(struct settings *settings, struct arena *arena, const char *server,
                      const char *api_key, bool allow_plain_http, struct error *err);

void settings_fini(struct settings *settings);

/* "admin.example.org" and "https://Admin.example.org/" are https://admin.example.org. Plain http
 * only to this machine unless it is allowed. ERR_INVALID_ARGUMENT with the field "server". */
int settings_parse_server(struct arena *arena, const char *text, bool allow_plain_http,
                          const char **ret_server, struct error *err);

/* Whether a host's name means this machine: localhost, *.localhost, 127.x.x.x, ::1. */
bool settings_is_loopback(const char *host);
