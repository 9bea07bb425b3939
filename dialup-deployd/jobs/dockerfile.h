/*
 * Sites with a Dockerfile: an image is built by the engine's own (classic) builder, which unlike
 * BuildKit takes limits: memory, CPU, network, and a cgroup that bounds processes.
 */
#pragma once

#include "dialup-deployd/jobs/build_work.h"

enum { DOCKERFILE_PIDS = 512 };

/* Fills the release's image, port and environment. ERR_BUILD_FAILED with what Docker said. */
int dockerfile_build(struct build *build, struct error *err);
