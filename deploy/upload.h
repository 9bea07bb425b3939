/*
 * Sending an archive in parts. A part that breaks is tried again from where the server stands.
 */
#pragma once

#include <stdint.h>

#include "deploy/run.h"

enum { UPLOAD_ID_SIZE = 65 };

/* Sends size_bytes of fd to a new upload of the site, with progress, and gives its id: on failure,
 * too, "" if the server made none. */
int upload_send(struct run *run, const char *domain, int fd, int64_t size_bytes,
                char ret_upload_id[UPLOAD_ID_SIZE], struct error *err);

/* Nobody will use it: takes it off the server, if that is possible. "" is fine. */
void upload_drop(struct run *run, const char *upload_id);
