/*
 * What stands in the address of a call: the version that is spoken, and text from outside. Pure.
 */
#pragma once

#include "libdialup/base/error.h"
#include "libdialup/base/str.h"

/* Minor versions of API 1.x. 1.41 is Docker 20.10 (Debian 12), 1.47 is Docker 27. */
enum { ENGINE_API_OLDEST = 41, ENGINE_API_NEWEST = 47 };

/* Appends text with everything but unreserved characters percent-encoded. */
void engine_escape(struct strbuf *out, const char *text);

/* Pure: the version to speak, from the Api-Version that the engine told; ERR_UNSUPPORTED. */
int engine_choose_version(const char *api_version, int *ret_minor, struct error *err);
