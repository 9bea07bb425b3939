/*
 * What a Dockerfile may not ask the engine for, which does it itself, as root on the host; and what
 * only BuildKit knows, which is better said before the build than in Docker's words.
 *
 * ADD from somewhere else than its own folder: fetched from the host and past the rules that keep
 * containers away from it, so "ADD http://127.0.0.1/..." would read the host's own services. An
 * image by its id: the first digits of one are enough, so that anybody could look into anybody's.
 * Pure.
 */
#pragma once

#include "libdialup/base/error.h"

/*
 * ERR_INVALID_ARGUMENT with the line's number. What is refused, however it is quoted: an ADD (also
 * after ONBUILD) with "://", "git@" or a variable in it; FROM and COPY --from with what could be an
 * image's id; a line of which it is not clear whether it goes on; another escape character; options
 * of RUN, COPY and ADD that need BuildKit, and those that begin with a here-document. Everything
 * else is left to the engine.
 */
int dockerfile_check(const char *text, struct error *err);
