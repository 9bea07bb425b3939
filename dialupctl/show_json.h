/*
 * JSON for people: indented by two spaces, otherwise as it was.
 */
#pragma once

#include "libdialup/json/json.h"

/* On the standard output; ends with a line feed. */
void show_json(const struct json_value *value);
