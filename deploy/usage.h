/*
 * What is used of what one may use: the lines of status --resources, for an account or a team.
 */
#pragma once

#include "deploy/run.h"

struct usage {
    const struct json_value *dimensions; /* the list of the API's usage */
    const struct json_value *limits;     /* the list of its quotas; NULL: not known */
    bool hides_empty;                    /* a team has nothing in most dimensions */
};

/* A line for each dimension, parts below their whole; then those that have a limit alone. False if
 * there was nothing to show. */
bool usage_print(struct run *run, const struct usage *usage);

/* "1 site, 256MB of memory": what a list of the API has in a member of its rows ("amount"), each
 * with its dimension; without sums and what is 0. "" if that is all of it. In the run's arena. */
const char *usage_amounts_text(struct run *run, const struct json_value *rows, const char *member);
