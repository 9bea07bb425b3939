/*
 * What an account, a team or the server uses, as the API shows it.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/store/scope.h"
#include "proto/http_api.h"

/* What passes the gate, at the last cycle of monitoring. */
struct gate_use {
    int64_t connections;
    int64_t kbit_per_s;
};

/* Of an owner, or of the system (id 0). In the arena. gate NULL: not known, and left out. */
int usage_view(const struct admind *admind, struct arena *arena, const struct scope *whose,
               const struct gate_use *gate, struct http_usage *ret_usage, struct error *err);

/* What is used and does not stand in the ledger: uploads on their way, which are all that is kept
 * for a while, the hours of today, and what passes the gate (NULL: not known). */
int usage_read_beside(const struct admind *admind, const struct scope *whose,
                      const struct gate_use *gate, struct quota_amounts *used, struct error *err);

/* Whether a use can be told: the ledger's, what is added up over a day, what the gate counts. */
bool usage_is_known(enum quota_dimension dimension, const struct gate_use *gate);

/* Of what is measured: from when on a sample still tells what is used at the time at. */
int64_t usage_fresh_since(const struct admind *admind, int64_t at);

/* Whose a scope is. */
enum quota_entity usage_entity_of(const struct scope *whose);
