/*
 * What a Dockerfile may not ask for: ADD from somewhere else than its own folder, and what only
 * BuildKit knows, which is better said before the build than in Docker's words.
 *
 * The engine fetches such a source itself, from the host and past the rules that keep containers
 * away from it, so "ADD http://127.0.0.1/..." would read the host's own services. Pure.
 */
#pragma once

#include "libdialup/base/error.h"

/* ERR_INVALID_ARGUMENT with the line's number. What is refused: an ADD (also after ONBUILD) with
 * "://", "git@" or a variable in it; options of RUN, COPY and ADD that need BuildKit, and those
 * that begin with a here-document. Everything else is left to the engine. */
int dockerfile_check(const char *text, struct error *err);
