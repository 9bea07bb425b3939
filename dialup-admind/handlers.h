/*
 * The handlers of the API, for routes.c. Each is an http_handler_fn with the struct admind as
 * context; what they answer is said in proto/http.openapi.json.
 */
#pragma once

#include "libdialup/http/route.h"
#include "libdialup/quota/dimensions.h"

struct admind;
struct ipc_event;

/* api_session.c */
http_handler_fn handle_login;
http_handler_fn handle_logout;
http_handler_fn handle_me;

/* api_keys.c */
http_handler_fn handle_keys_list;
http_handler_fn handle_keys_create;
http_handler_fn handle_keys_revoke;

/* api_users.c */
http_handler_fn handle_users_list;
http_handler_fn handle_users_create;
http_handler_fn handle_users_get;
http_handler_fn handle_users_change;

/* api_profiles.c */
http_handler_fn handle_profiles;
http_handler_fn handle_profiles_create;
http_handler_fn handle_profiles_change;
http_handler_fn handle_profiles_delete;
http_handler_fn handle_profiles_apply;

/* api_quotas.c */
http_handler_fn handle_quotas_get;
http_handler_fn handle_quotas_put;
http_handler_fn handle_quotas_team_get;
http_handler_fn handle_quotas_team_put;
http_handler_fn handle_quotas_system_get;
http_handler_fn handle_quotas_system_put;

/* api_validate.c */
http_handler_fn handle_quotas_validate;
http_handler_fn handle_quotas_fit;

/* api_enforce.c */
http_handler_fn handle_quotas_enforce;

/* api_violations.c */
http_handler_fn handle_violations;

/* api_notices.c */
http_handler_fn handle_notices;
http_handler_fn handle_notices_read;

/* api_teams.c */
http_handler_fn handle_teams_list;
http_handler_fn handle_teams_create;
http_handler_fn handle_teams_get;
http_handler_fn handle_teams_change;
http_handler_fn handle_teams_delete;

/* api_members.c */
http_handler_fn handle_members_add;
http_handler_fn handle_members_change;
http_handler_fn handle_members_remove;

/* api_moves.c */
http_handler_fn handle_teams_move;
http_handler_fn handle_teams_advice;

/* api_usage.c */
http_handler_fn handle_usage;
http_handler_fn handle_team_usage;

/* api_history.c */
http_handler_fn handle_usage_history;
http_handler_fn handle_team_history;
http_handler_fn handle_usage_analytics;

/* api_sites.c */
http_handler_fn handle_sites_list;
http_handler_fn handle_sites_create;
http_handler_fn handle_sites_get;
http_handler_fn handle_sites_change;
http_handler_fn handle_sites_delete;
http_handler_fn handle_sites_start;
http_handler_fn handle_sites_stop;
http_handler_fn handle_sites_restart;
http_handler_fn handle_sites_logs;
http_handler_fn handle_sites_limits;

/* api_uploads.c */
http_handler_fn handle_uploads_create;
http_handler_fn handle_uploads_get;
http_handler_fn handle_uploads_put;
http_handler_fn handle_uploads_drop;

/* api_deployments.c */
http_handler_fn handle_deployments_list;
http_handler_fn handle_deployments_create;
http_handler_fn handle_deployments_get;
http_handler_fn handle_rollback;
http_handler_fn handle_manifest;

/* api_log.c; the two below are a subscriber's, for main.c. */
http_handler_fn handle_deployment_log;
void log_on_event(void *context, const struct ipc_event *event);
void log_on_gap(void *context);

/* api_password.c */
http_handler_fn handle_password_put;

/* api_health.c */
http_handler_fn handle_health;
http_handler_fn handle_health_part;
http_handler_fn handle_version;
http_handler_fn handle_bare_home;
