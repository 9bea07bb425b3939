/*
 * What the commands about teams share.
 */
#pragma once

#include "deploy/run.h"

/* The whole team that the first word names: its members, shares and limits. */
int team_read(struct run *run, const struct json_value **ret_team, struct error *err);

/* The API's path of a team, with below ("/members") behind it. In the arena. */
const char *team_path(struct run *run, const struct json_value *team, const char *below);

/* As team show does: asks for its use and its sites, too. Nothing with --json. */
void team_print(struct run *run, const struct json_value *team);

/* A member by number, email or name, in any case. ERR_NOT_FOUND, with who is in it. */
int team_find_member(struct run *run, const struct json_value *team, const char *word,
                     const struct json_value **ret_member, struct error *err);

/* Asks for word to be typed, unless --yes is there. ERR_INVALID_ARGUMENT if it was not. */
int team_confirm(struct run *run, const char *question, const char *word, struct error *err);
