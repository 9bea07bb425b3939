/*
 * JSON for people: indented by two spaces, otherwise as it was. Pure.
 */
#pragma once

#include "libdialup/base/str.h"
#include "libdialup/json/json.h"

/* Ends with a line feed. */
void show_json(const struct json_value *value, struct strbuf *out);
