/*
 * The browser's files: a folder that is read once at start into a table.
 *
 * A request is looked up in the table and never touches the file system, so no path can lead out
 * of it, and a daemon serves one whole set of files until it is restarted, whatever is written to
 * the folder meanwhile (replaced by rename, never in place). Names with the build's hash
 * ("app-3XK2P7QZ.js") are cached for ever, all others are checked by ETag each time. "x.gz" and
 * "x.br" beside "x" are its compressed forms. A path without a dot that is not in the table is a
 * page of the application: it gets index.html.
 */
#pragma once

#include <stdbool.h>

#include "libdialup/base/error.h"

struct http_static_files;

struct http_static_options {
    const char *folder;
    /* NULL: the panel's policy. "@NONCE@" in it and in index.html becomes a fresh value for each
     * reply. */
    const char *content_security_policy;
    bool origin_agent_cluster; /* a process of its own in the browser: the editor's wish */
};

/* Reads all files; blocks on the disk. ERR_NOT_FOUND if there is no index.html, ERR_IO. */
int http_static_open(const struct http_static_options *options,
                     struct http_static_files **ret_files, struct error *err);

/* NULL is fine. */
void http_static_close(struct http_static_files *files);
