/*
 * Limits of an account or a team: shown, and changed by --set. What users limits and team limits
 * share.
 */
#pragma once

#include "deploy/run.h"

/* Reads every --set as a limit before anything is sent. path is "/api/quotas/user/7". */
int limits_handle(struct run *run, const char *path, struct error *err);

/* The values of every --set, checked; nobody is asked. */
int limits_check(const struct run *run, struct error *err);
