/*
 * Sites with a package.json: packages installed, the build script run, and how the result is
 * served.
 */
#pragma once

#include "dialup-deployd/jobs/build_work.h"

/* Installs and builds in limited containers; fills the release's serve, public_dir, image, argv,
 * environment and port. ERR_BUILD_FAILED with the step that failed. */
int node_build(struct build *build, struct error *err);
