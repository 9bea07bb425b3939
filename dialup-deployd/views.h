/*
 * Rows as the contract shows them. Texts are borrowed from the rows.
 */
#pragma once

#include "libdialup/quota/quota.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"
#include "proto/deployd_rpc.h"

struct deployd_site view_site(const struct site *site);
struct deployd_deployment view_deployment(const struct deployment *deployment);

/* Checks live in the arena; the refusal's words, for action, as well. */
struct deployd_verdict view_verdict(const struct quota_verdict *verdict, const char *action,
                                    struct arena *arena);

/* As quota_refuse, and err carries every check, in the arena. */
int view_refusal(const struct quota_verdict *verdict, const char *action, struct arena *arena,
                 struct error *err);
