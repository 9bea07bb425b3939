/*
 * Verdicts as the contract shows them; rows are libdialup/view's.
 */
#pragma once

#include "libdialup/quota/quota.h"
#include "proto/deployd_rpc.h"

/* Checks live in the arena; the refusal's words, for action, as well. */
struct deployd_verdict view_verdict(const struct quota_verdict *verdict, const char *action,
                                    struct arena *arena);

/* As quota_refuse, and err carries every check, in the arena. */
int view_refusal(const struct quota_verdict *verdict, const char *action, struct arena *arena,
                 struct error *err);
