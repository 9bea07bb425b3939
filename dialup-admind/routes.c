/*
 * THE table of the API, in the order of proto/http.openapi.json. Read by the HTTP server, which
 * checks role, body, query and rate by it before a handler runs.
 */
#include "dialup-admind/admind.h"
#include "dialup-admind/handlers.h"
#include "libdialup/base/memory.h"
#include "proto/http_api.h"

#define MIB ((size_t)1024 * 1024)

static const char *const archive_types[] = {"application/gzip", "application/x-tar", NULL};

#define READ(p, role, h, ...)                                                                      \
    {                                                                                              \
        .method = "GET", .path = (p), .least_role = HTTP_##role, .handle = (h), __VA_ARGS__        \
    }
#define WRITE(m, p, role, h, ...)                                                                  \
    {                                                                                              \
        .method = (m), .path = (p), .least_role = HTTP_##role, .handle = (h), __VA_ARGS__          \
    }
#define TAKES(name) .body_kind = HTTP_BODY_JSON, .body = &http_##name##_shape
#define QUERY(operation) .query = &http_##operation##_query_shape
#define LATER .answers_later = true
#define SAYS(text) .summary = (text)

const struct http_route admind_routes[] = {
    /* How often is in the settings: main.c puts it in. */
    WRITE("POST", "/api/login", ANYONE, handle_login, TAKES(login_request), LATER, SAYS("Log in")),
    WRITE("POST", "/api/logout", USER, handle_logout, SAYS("Log out")),
    READ("/api/me", USER, handle_me, SAYS("Who I am")),
    /* As often as a log-in: main.c puts it in. */
    WRITE("PUT", "/api/me/password", USER, handle_password_put, TAKES(password_change), LATER,
          SAYS("Change my password")),

    READ("/api/me/notices", USER, handle_notices, QUERY(get_me_notices),
         SAYS("What happened to my account and my teams")),
    WRITE("POST", "/api/me/notices/{id}/read", USER, handle_notices_read,
          SAYS("I have read a notice")),

    READ("/api/keys", USER, handle_keys_list, SAYS("My API keys")),
    WRITE("POST", "/api/keys", USER, handle_keys_create, TAKES(api_key_create),
          .requests_a_minute = 60, SAYS("Make an API key; it is shown once")),
    WRITE("DELETE", "/api/keys/{id}", USER, handle_keys_revoke, SAYS("Revoke an API key")),

    READ("/api/users", ADMIN, handle_users_list, QUERY(get_users), SAYS("All accounts")),
    WRITE("POST", "/api/users", ADMIN, handle_users_create, TAKES(user_create), LATER,
          SAYS("Create an account")),
    /* The document's role "self": of their own account users see all, and may change the name;
     * the handlers keep them to that. */
    READ("/api/users/{id}", USER, handle_users_get, SAYS("One account")),
    WRITE("PATCH", "/api/users/{id}", USER, handle_users_change, TAKES(user_change), LATER,
          SAYS("Change an account")),
    READ("/api/profiles", USER, handle_profiles, SAYS("The named sets of limits")),
    WRITE("POST", "/api/profiles", ADMIN, handle_profiles_create, TAKES(profile_create),
          SAYS("Make a profile")),
    WRITE("PUT", "/api/profiles/{name}", ADMIN, handle_profiles_change, TAKES(profile_change),
          SAYS("Change a profile; accounts that have it keep what they have")),
    WRITE("DELETE", "/api/profiles/{name}", ADMIN, handle_profiles_delete,
          SAYS("Delete a profile that no account has")),
    WRITE("POST", "/api/profiles/{name}/apply", ADMIN, handle_profiles_apply, TAKES(profile_apply),
          SAYS("Copy a profile's limits to accounts")),

    READ("/api/quotas/user/{id}", USER, handle_quotas_get, SAYS("Limits of an account")),
    WRITE("PUT", "/api/quotas/user/{id}", ADMIN, handle_quotas_put, TAKES(quotas_change), LATER,
          SAYS("Change limits; running sites follow at once")),
    /* The document's roles "member" and "lead": the handlers look into the team. */
    READ("/api/quotas/team/{id}", USER, handle_quotas_team_get, SAYS("Limits of a team")),
    WRITE("PUT", "/api/quotas/team/{id}", ADMIN, handle_quotas_team_put, TAKES(quotas_change),
          LATER, SAYS("Change a team's pool; running sites follow at once")),
    READ("/api/quotas/system", ADMIN, handle_quotas_system_get,
         SAYS("What may be promised on this server")),
    WRITE("PUT", "/api/quotas/system", ADMIN, handle_quotas_system_put, TAKES(quotas_change), LATER,
          SAYS("Change what may be promised on this server")),
    WRITE("POST", "/api/quotas/validate", USER, handle_quotas_validate, TAKES(validate_request),
          LATER, SAYS("Would this fit? Reserves nothing")),
    READ("/api/quotas/fit", USER, handle_quotas_fit, QUERY(get_quotas_fit),
         SAYS("The largest request that would fit now")),
    READ("/api/quotas/violations", USER, handle_violations, QUERY(get_quotas_violations),
         SAYS("Where limits were reached or passed")),
    WRITE("POST", "/api/quotas/enforce", ADMIN, handle_quotas_enforce, TAKES(enforce_request),
          LATER, SAYS("Hold owners to their limits now")),
    READ("/api/usage/user/{id}", USER, handle_usage, LATER, SAYS("What an account uses")),
    READ("/api/usage/user/{id}/history", USER, handle_usage_history,
         QUERY(get_usage_user_id_history), SAYS("What an account used over time")),
    READ("/api/usage/team/{id}", USER, handle_team_usage, LATER, SAYS("What a team uses")),
    READ("/api/usage/team/{id}/history", USER, handle_team_history,
         QUERY(get_usage_team_id_history), SAYS("What a team used over time")),
    READ("/api/usage/analytics", ADMIN, handle_usage_analytics, QUERY(get_usage_analytics),
         SAYS("Who uses the server, and how full it is and becomes")),

    READ("/api/teams", USER, handle_teams_list, QUERY(get_teams), SAYS("Teams")),
    WRITE("POST", "/api/teams", USER, handle_teams_create, TAKES(team_create), SAYS("Make a team")),
    READ("/api/teams/{id}", USER, handle_teams_get, SAYS("One team")),
    WRITE("PATCH", "/api/teams/{id}", USER, handle_teams_change, TAKES(team_change),
          SAYS("Rename a team")),
    WRITE("DELETE", "/api/teams/{id}", USER, handle_teams_delete,
          SAYS("Delete a team that has no sites")),
    /* Who adds by address learns which addresses have accounts: not many a minute. */
    WRITE("POST", "/api/teams/{id}/members", USER, handle_members_add, TAKES(team_member_add),
          .requests_a_minute = 60, SAYS("Add a member")),
    WRITE("PATCH", "/api/teams/{id}/members/{user}", USER, handle_members_change,
          TAKES(team_member_change), SAYS("Change a member's role, or what they bring in")),
    WRITE("DELETE", "/api/teams/{id}/members/{user}", USER, handle_members_remove,
          SAYS("Remove a member, or leave")),
    WRITE("POST", "/api/teams/{id}/move", USER, handle_teams_move, TAKES(team_move),
          SAYS("Move what members bring in; all moves or none")),
    READ("/api/teams/{id}/advice", USER, handle_teams_advice, QUERY(get_teams_id_advice),
         SAYS("What is near its limit, and moves that would help")),

    READ("/api/sites", USER, handle_sites_list, QUERY(get_sites), SAYS("Sites")),
    WRITE("POST", "/api/sites", USER, handle_sites_create, TAKES(site_create), LATER,
          SAYS("Create a site")),
    READ("/api/sites/{domain}", USER, handle_sites_get, SAYS("One site")),
    WRITE("PATCH", "/api/sites/{domain}", USER, handle_sites_change, TAKES(site_change), LATER,
          SAYS("Change how a site is kept, its memory or its CPU")),
    WRITE("DELETE", "/api/sites/{domain}", USER, handle_sites_delete, LATER,
          SAYS("Delete a site; its files stay in the trash for 7 days")),
    WRITE("POST", "/api/sites/{domain}/start", USER, handle_sites_start, LATER,
          SAYS("Start a site")),
    WRITE("POST", "/api/sites/{domain}/stop", USER, handle_sites_stop, LATER, SAYS("Stop a site")),
    WRITE("POST", "/api/sites/{domain}/restart", USER, handle_sites_restart, LATER,
          SAYS("Restart a site")),
    WRITE("POST", "/api/sites/{domain}/rollback", USER, handle_rollback, TAKES(rollback_request),
          LATER, SAYS("Go back to a release that was live before")),
    READ("/api/sites/{domain}/logs", USER, handle_sites_logs, QUERY(get_sites_domain_logs), LATER,
         SAYS("What the site's container wrote")),
    READ("/api/sites/{domain}/limits", USER, handle_sites_limits, LATER,
         SAYS("Limits declared and in force")),

    READ("/api/sites/{domain}/deployments", USER, handle_deployments_list,
         QUERY(get_sites_domain_deployments), SAYS("Deployments, newest first")),
    WRITE("POST", "/api/sites/{domain}/deployments", USER, handle_deployments_create,
          .body_kind = HTTP_BODY_JSON_OR_RAW, .body = &http_deployment_create_shape,
          .raw_types = archive_types, .max_body_bytes = 8 * MIB, LATER,
          SAYS("Deploy an upload, or a small archive sent right here")),
    READ("/api/sites/{domain}/manifest", USER, handle_manifest,
         SAYS("The files of the newest release")),
    WRITE("POST", "/api/sites/{domain}/uploads", USER, handle_uploads_create,
          .requests_a_minute = 120, SAYS("Begin to send an archive in parts")),
    READ("/api/uploads/{id}", USER, handle_uploads_get, SAYS("How much of an upload has arrived")),
    WRITE("PUT", "/api/uploads/{id}", USER, handle_uploads_put, .body_kind = HTTP_BODY_RAW,
          .max_body_bytes = 4 * MIB, QUERY(put_uploads_id), SAYS("Send the next part")),
    WRITE("DELETE", "/api/uploads/{id}", USER, handle_uploads_drop,
          SAYS("Drop an upload that no deployment has taken")),
    READ("/api/deployments/{id}", USER, handle_deployments_get, SAYS("One deployment")),
    READ("/api/deployments/{id}/log", USER, handle_deployment_log, QUERY(get_deployments_id_log),
         LATER, SAYS("A deployment's log from an offset; waits for more if asked to")),

    READ("/api/health", ANYONE, handle_health, LATER, .requests_a_minute = 240,
         SAYS("Whether all is well")),
    READ("/api/health/{part}", ANYONE, handle_health_part, LATER, .requests_a_minute = 240,
         SAYS("Whether one part is well")),
    READ("/health", ANYONE, handle_health, LATER, .requests_a_minute = 240,
         SAYS("Whether all is well, where monitors look for it")),
    READ("/health/{part}", ANYONE, handle_health_part, LATER, .requests_a_minute = 240,
         SAYS("Whether one part is well, where monitors look for it")),
    READ("/api/version", ANYONE, handle_version, SAYS("Name and version")),
};

const size_t admind_route_count = ARRAY_COUNT(admind_routes);

const struct http_route admind_bare_route =
    READ("/", ANYONE, handle_bare_home, SAYS("Where the panel would be"));
