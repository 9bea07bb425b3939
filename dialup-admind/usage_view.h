/*
 * What an account, a team or the server uses, as the API shows it.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/store/scope.h"
#include "proto/http_api.h"

/* Of an owner, or of the system (id 0). In the arena. */
int usage_view(const struct admind *admind, struct arena *arena, const struct scope *whose,
               struct http_usage *ret_usage, struct error *err);

/* Whose a scope is. */
enum quota_entity usage_entity_of(const struct scope *whose);
