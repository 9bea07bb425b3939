/*
 * Watching a deployment until it is live or has failed.
 */
#pragma once

#include <stdint.h>

#include "deploy/run.h"

/* Shows the log as it grows and ends with the site's address, or with the deployment's error:
 * ERR_BUILD_FAILED and so on. After Ctrl-C: ERR_IO, and a word that the server goes on.
 * deployment is what the server answered when it was queued; summary is what was sent, in words
 * ("" for nothing). Prints the deployment for --json. */
int follow_deployment(struct run *run, const char *domain, const struct json_value *deployment,
                      const char *summary, struct error *err);

/* Shows the log of a deployment of this id; of one that is under way, as it grows, to its end. */
int follow_log(struct run *run, const char *domain, int64_t id, struct error *err);
