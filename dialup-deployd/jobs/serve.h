/*
 * How a release is served: looks at its files and fills the release's serve, public_dir, image,
 * argv, environment and port.
 */
#pragma once

#include "dialup-deployd/jobs/build_work.h"

/* Files as they were sent. ERR_INVALID_ARGUMENT without an index.html, saying what was looked for;
 * or with a link that leads out. */
int serve_plain(struct build *build, struct error *err);

/* After a build: files that it wrote, or a server. What a build left was written by a stranger. */
int serve_built(struct build *build, struct error *err);
