/*
 * Images that were built for a site: what they say about being run. Deployd throws them away.
 */
#pragma once

#include "dialup-deployd/jobs/build_work.h"

enum { IMAGES_DEFAULT_PORT = 3000 };

/* The first TCP port that the image exposes, or IMAGES_DEFAULT_PORT. ERR_BUILD_FAILED for an image
 * that does not say what to start. */
int images_find_port(struct build *build, const char *image, int64_t *ret_port, struct error *err);
