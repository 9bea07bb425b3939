/*
 * What the database and the engine say, read without the product's code, and held against the
 * reference. A text that comes back is what is wrong; NULL: all is well.
 */
#pragma once

#include <stdbool.h>

#include "tests/model/reference.h"

/* The database is opened (again); a crash closes it, too. */
void observe_open(void);
void observe_close(void);

/* The ids that the next site and the next deployment get. */
int64_t observe_next_site(void);
int64_t observe_next_deployment(void);

/* Rows and ledger. Takes what deployd did by itself over into the reference, if that may be. */
const char *observe_sites(struct reference *reference);

/* Limits, teams, members, shares. */
const char *observe_people(const struct reference *reference);

/* When everything has come to rest: no more is held and no more runs than should. */
const char *observe_rest(struct reference *reference);
