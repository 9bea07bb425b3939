/*
 * What the rows of commands.c call. Each returns 0 or a negative error, as everywhere, and prints
 * its answer itself.
 */
#pragma once

#include "deploy/run.h"

/* account.c */
int handle_login(struct run *run, struct error *err);
int handle_logout(struct run *run, struct error *err);
int handle_whoami(struct run *run, struct error *err);

/* site.c */
int handle_site(struct run *run, struct error *err);

/* status.c */
int handle_status(struct run *run, struct error *err);

/* sites.c */
int handle_sites_list(struct run *run, struct error *err);
int handle_sites_show(struct run *run, struct error *err);
int handle_sites_change(struct run *run, struct error *err); /* start, stop, restart */
int handle_sites_delete(struct run *run, struct error *err);

/* sites_set.c */
int handle_sites_set(struct run *run, struct error *err);

/* history.c */
int handle_sites_logs(struct run *run, struct error *err);
int handle_sites_deployments(struct run *run, struct error *err);
int handle_sites_rollback(struct run *run, struct error *err);

/* keys.c */
int handle_keys_list(struct run *run, struct error *err);
int handle_keys_create(struct run *run, struct error *err);
int handle_keys_revoke(struct run *run, struct error *err);

/* users.c */
int handle_users_list(struct run *run, struct error *err);
int handle_users_create(struct run *run, struct error *err);
int handle_users_limits(struct run *run, struct error *err);
int handle_users_activate(struct run *run, struct error *err); /* activate, deactivate */

/* team.c */
int handle_team_list(struct run *run, struct error *err);
int handle_team_show(struct run *run, struct error *err);
int handle_team_create(struct run *run, struct error *err);
int handle_team_rename(struct run *run, struct error *err);
int handle_team_limits(struct run *run, struct error *err);
int handle_team_delete(struct run *run, struct error *err);

/* team_members.c */
int handle_team_add(struct run *run, struct error *err);
int handle_team_remove(struct run *run, struct error *err);
int handle_team_role(struct run *run, struct error *err);
int handle_team_bring(struct run *run, struct error *err);
int handle_team_move(struct run *run, struct error *err);
int handle_team_advice(struct run *run, struct error *err);

/* validate.c */
int handle_validate(struct run *run, struct error *err);

/* fit.c */
int handle_fit(struct run *run, struct error *err);

/* notices.c */
int handle_notices(struct run *run, struct error *err);

/* generate.c */
int handle_generate_man(struct run *run, struct error *err);

/* complete.c */
int handle_generate_completion(struct run *run, struct error *err);
