/*
 * Whom a word means: an account or a team, by its number or its name.
 */
#pragma once

#include "deploy/run.h"

/* Fit for a path or a query: everything but letters, digits and a few marks as %XX. In the run's
 * arena. */
const char *find_escape(struct run *run, const char *text);

/* An account: a number, or an email that is looked up (admins). ERR_NOT_FOUND. */
int find_user(struct run *run, const char *word, int64_t *ret_id, struct error *err);

/* A team that the caller may see, in any case; its row of the list. ERR_NOT_FOUND, with what there
 * is. */
int find_team(struct run *run, const char *word, const struct json_value **ret_team,
              struct error *err);
