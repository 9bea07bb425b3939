/*
 * A team as the API shows it. Reads the database.
 */
#pragma once

#include "dialup-admind/access.h"

/* Answers with the whole team as it is now: to a plain member without what others could still bring
 * in. */
int team_reply(const struct admind *admind, struct http_request *request, int status,
               const struct access_team *team, struct error *err);
