/*
 * Commands about who one is: login, logout, whoami.
 *
 * A log-in with a password makes an API key named after this machine and keeps that; the password
 * is forgotten at once. Neither is ever printed.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "deploy/handlers.h"
#include "deploy/output.h"
#include "libdialup/base/str.h"

static int require_server(const struct run *run, struct error *err)
{
    if (run->settings.server) {
        return 0;
    }
    error_set_field(err, ERR_MISSING_FIELD, "server", "Which server?");
    error_hint(err, "deploy login --server https://admin.example.org");
    return -ERR_MISSING_FIELD;
}

static int ask_credentials(struct run *run, struct strbuf *email, struct secret *password,
                           struct error *err)
{
    const char *given = args_option(&run->args, "email");
    int result = 0;
    if (given) {
        strbuf_puts(email, given);
    } else {
        result = terminal_ask(&run->terminal, "Email: ", email, err);
    }
    return result < 0 ? result : terminal_ask_secret(&run->terminal, "Password: ", password, err);
}

static int open_session(struct run *run, const char *email, const struct secret *password,
                        const struct json_value **ret_me, struct error *err)
{
    struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_text(&writer, "email", email);
    json_key(&writer, "password");
    json_text_len(&writer, password->data, password->size);
    json_end_object(&writer);
    int result = run_call(run, "POST", "/api/login", &body, ret_me, err);
    secret_wipe(body.data, body.size);
    strbuf_fini(&body);
    if (result < 0) {
        return result;
    }
    client_set_session(run->client, json_find_text(*ret_me, "csrf", ""));
    return 0;
}

/* A key of this machine's own, in exchange for the session. */
static int make_key(struct run *run, struct error *err)
{
    char host[65] = "";
    gethostname(host, sizeof(host) - 1);
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_text(&writer, "name", arena_printf(run->arena, "deploy on %s", host));
    json_end_object(&writer);
    const struct json_value *answer;
    int result = run_call(run, "POST", "/api/keys", &body, &answer, err);
    if (result < 0) {
        return result;
    }
    const char *key = json_find_text(answer, "key", "");
    secret_set(&run->settings.api_key, key, strlen(key));
    run->settings.key_id = json_find_integer(answer, "id", 0);
    /* The session has served its purpose; if it cannot be ended, it ends by itself. */
    run_call(run, "POST", "/api/logout", NULL, NULL, NULL);
    client_set_key(run->client, &run->settings.api_key);
    return 0;
}

static int login_with_password(struct run *run, const struct json_value **ret_me, struct error *err)
{
    AUTO_STRBUF struct strbuf email = STRBUF_INIT;
    AUTO_SECRET struct secret password = SECRET_INIT;
    int result = ask_credentials(run, &email, &password, err);
    if (result == 0) {
        client_set_key(run->client, NULL);
        result = open_session(run, strbuf_text(&email), &password, ret_me, err);
    }
    return result != 0 ? result : make_key(run, err);
}

int handle_login(struct run *run, struct error *err)
{
    int result = require_server(run, err);
    if (result < 0) {
        return result;
    }
    if (!run->client) {
        run->client = client_open(run->settings.server, &run->settings.api_key);
    }
    const struct json_value *me;
    bool has_key = args_has(&run->args, "api-key") || args_has(&run->args, "key-stdin");
    if (args_has(&run->args, "key-stdin")) {
        result = terminal_ask_secret(&run->terminal, "API key: ", &run->settings.api_key, err);
        client_set_key(run->client, &run->settings.api_key);
    }
    if (result == 0) {
        result = has_key ? run_me(run, &me, err) : login_with_password(run, &me, err);
    }
    if (result != 0) {
        return result;
    }
    run->settings.email = json_find_text(json_find(me, "user"), "email", "");
    result = settings_save(&run->settings, run->arena, err);
    if (result == 0) {
        terminal_say(&run->terminal, "Welcome, %s. You are logged in at %s.",
                     output_text(run, json_find_text(json_find(me, "user"), "name", "")),
                     run->settings.server);
        terminal_say(&run->terminal, "Next: deploy site --domain mysite FOLDER");
        run_print_json(run, json_find(me, "user"));
    }
    return result;
}

/* Takes back the key that log-in made. That it is gone already is fine. */
static int revoke_own_key(struct run *run, struct error *err)
{
    struct error local;
    run->client = client_open(run->settings.server, &run->settings.api_key);
    const char *path = arena_printf(run->arena, "/api/keys/%" PRId64, run->settings.key_id);
    int result = run_call(run, "DELETE", path, NULL, NULL, &local);
    if (result == 0 || result == -ERR_NOT_FOUND || result == -ERR_UNAUTHENTICATED) {
        return 0;
    }
    *err = local;
    error_hint(err, "The log-in is kept. Forget it on this machine alone with --local");
    return result;
}

int handle_logout(struct run *run, struct error *err)
{
    bool made_key = run->settings.server && run->settings.key_id > 0;
    int result = 0;
    if (made_key && !args_has(&run->args, "local")) {
        result = revoke_own_key(run, err);
    }
    if (result == 0) {
        result = settings_forget(run->arena, err);
    }
    if (result < 0) {
        return result;
    }
    terminal_say(&run->terminal, "You are logged out on this machine.%s",
                 run->settings.key_id == 0 && run->settings.api_key.size > 0
                     ? " The key itself stays valid: deploy keys revoke"
                     : "");
    if (run->is_json) {
        static const struct json_value done = {.type = JSON_OBJECT};
        run_print_json(run, &done);
    }
    return 0;
}

int handle_whoami(struct run *run, struct error *err)
{
    const struct json_value *me;
    int result = run_me(run, &me, err);
    if (result < 0) {
        return result;
    }
    const struct json_value *user = json_find(me, "user");
    output_field(run, "Name:", "%s", json_find_text(user, "name", ""));
    output_field(run, "Email:", "%s", json_find_text(user, "email", ""));
    output_field(run, "Role:", "%s", json_find_text(user, "role", ""));
    output_field(run, "Profile:", "%s", json_find_text(user, "profile", ""));
    output_field(run, "Server:", "%s (version %s)", run->settings.server,
                 json_find_text(me, "server_version", "?"));
    output_field(run, "Sites end in:", "%s", json_find_text(me, "sites_suffix", "-"));
    run_print_json(run, me);
    return 0;
}
