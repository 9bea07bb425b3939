/*
 * Server and key; see the header. Called by main.c before a command runs, and by log-in.
 */
#include "deploy/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/str.h"
#include "libdialup/json/json.h"
#include "libdialup/json/writer.h"

enum { FILE_MAX = 64 * 1024 };

int settings_path(struct arena *arena, const char **ret_path, struct error *err)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (config && config[0] == '/') {
        *ret_path = arena_printf(arena, "%s/dialup/credentials.json", config);
    } else if (home && home[0] == '/') {
        *ret_path = arena_printf(arena, "%s/.config/dialup/credentials.json", home);
    } else {
        error_set(err, ERR_INVALID_ARGUMENT, "There is no home folder to keep the log-in in");
        error_hint(err, "Set HOME or XDG_CONFIG_HOME");
        return -ERR_INVALID_ARGUMENT;
    }
    return 0;
}

static int parse_file(struct settings *settings, struct arena *arena, const struct strbuf *text,
                      const char *path, struct error *err)
{
    const struct json_value *root;
    if (json_parse(arena, strbuf_text(text), text->size, &root, NULL) < 0) {
        error_set(err, ERR_INVALID_ARGUMENT, "%s is not readable any more", path);
        error_hint(err, "Remove it and log in again");
        return -ERR_INVALID_ARGUMENT;
    }
    const char *key = json_find_text(root, "api_key", "");
    secret_set(&settings->api_key, key, strlen(key));
    settings->server = json_find_text(root, "server", NULL);
    settings->key_id = json_find_integer(root, "key_id", 0);
    settings->email = json_find_text(root, "email", NULL);
    settings->is_plain_http = settings->server && str_starts_with(settings->server, "http://");
    return 0;
}

int settings_load(struct settings *settings, struct arena *arena, struct error *err)
{
    *settings = (struct settings){0};
    const char *path;
    if (settings_path(arena, &path, NULL) < 0 || !fs_exists(path)) {
        return 0;
    }
    struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(path, FILE_MAX, &text, err);
    if (result == 0) {
        result = parse_file(settings, arena, &text, path, err);
    }
    if (text.data) {
        secret_wipe(text.data, text.size);
    }
    strbuf_fini(&text);
    return result;
}

static void print_file(const struct settings *settings, struct strbuf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_begin_object(&writer);
    json_put_text(&writer, "server", settings->server);
    json_put_text(&writer, "email", settings->email);
    json_put_integer(&writer, "key_id", settings->key_id);
    json_key(&writer, "api_key");
    json_text_len(&writer, settings->api_key.data, settings->api_key.size);
    json_end_object(&writer);
    strbuf_putc(out, '\n');
}

int settings_save(const struct settings *settings, struct arena *arena, struct error *err)
{
    const char *path;
    int result = settings_path(arena, &path, err);
    if (result < 0) {
        return result;
    }
    const char *slash = strrchr(path, '/');
    result = fs_make_dirs(arena_strndup(arena, path, (size_t)(slash - path)), 0700, err);
    if (result < 0) {
        return result;
    }
    struct strbuf text = STRBUF_INIT;
    print_file(settings, &text);
    result = fs_write_file(path, text.data, text.size, 0600, err);
    secret_wipe(text.data, text.size);
    strbuf_fini(&text);
    return result;
}

int settings_forget(struct arena *arena, struct error *err)
{
    const char *path;
    int result = settings_path(arena, &path, err);
    if (result == 0 && unlink(path) < 0 && errno != ENOENT) {
        result = error_set_errno(err, ERR_IO, errno, "Could not remove %s", path);
    }
    return result;
}

int settings_override(struct settings *settings, struct arena *arena, const char *server,
                      const char *api_key, bool allow_plain_http, struct error *err)
{
    /* A stored server was allowed when it was stored. */
    if (server) {
        const char *parsed;
        int result = settings_parse_server(arena, server, allow_plain_http, &parsed, err);
        if (result < 0) {
            return result;
        }
        if (!settings->server || !str_equal(parsed, settings->server)) {
            secret_fini(&settings->api_key);
            settings->key_id = 0;
            settings->email = NULL;
        }
        settings->server = parsed;
        settings->is_plain_http = str_starts_with(parsed, "http://");
    }
    if (api_key) {
        secret_set(&settings->api_key, api_key, strlen(api_key));
        settings->key_id = 0;
    }
    return 0;
}

void settings_fini(struct settings *settings)
{
    secret_fini(&settings->api_key);
}

bool settings_is_loopback(const char *host)
{
    return str_equal(host, "localhost") || str_ends_with(host, ".localhost") ||
           str_equal(host, "[::1]") ||
           (str_starts_with(host, "127.") && host[strspn(host, "0123456789.")] == '\0');
}

static int refuse_server(struct error *err, const char *text, const char *why)
{
    error_set_field(err, ERR_INVALID_ARGUMENT, "server", "\"%.100s\" %s", text, why);
    error_hint(err, "Give the panel's address, for example --server https://admin.example.org");
    return -ERR_INVALID_ARGUMENT;
}

/* The host of "host", "host:port" or "[v6]:port"; NULL if there is something else in it. */
static const char *take_host(struct arena *arena, const char *authority)
{
    size_t host_len = authority[0] == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":");
    if (host_len == 0 || host_len > strlen(authority)) {
        return NULL;
    }
    const char *rest = authority + host_len;
    int64_t port;
    if (rest[0] != '\0' && (rest[0] != ':' || !str_parse_i64(rest + 1, 1, 65535, &port))) {
        return NULL;
    }
    char *host = arena_strndup(arena, authority, host_len);
    for (char *c = host; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
        if (!isalnum((unsigned char)*c) && !strchr("-.:[]_", *c)) {
            return NULL;
        }
    }
    return host;
}

int settings_parse_server(struct arena *arena, const char *text, bool allow_plain_http,
                          const char **ret_server, struct error *err)
{
    bool is_plain = strncasecmp(text, "http://", 7) == 0;
    bool is_https = strncasecmp(text, "https://", 8) == 0;
    const char *authority = text + (is_plain ? 7 : is_https ? 8 : 0);
    size_t len = strlen(authority);
    if (len > 0 && authority[len - 1] == '/') {
        len--;
    }
    authority = arena_strndup(arena, authority, len);
    if (strpbrk(authority, "/?#@")) {
        return refuse_server(err, text, "is not the address of a server alone");
    }
    const char *host = take_host(arena, authority);
    if (!host) {
        return refuse_server(err, text, "is not the address of a server");
    }
    if (is_plain && !allow_plain_http && !settings_is_loopback(host)) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "server",
                        "http:// would send your key through the network for everybody to read");
        error_hint(err, "Use https://%s, or --insecure-http if you trust the network", authority);
        return -ERR_INVALID_ARGUMENT;
    }
    const char *port = authority + strlen(host);
    *ret_server = arena_printf(arena, "%s://%s%s", is_plain ? "http" : "https", host, port);
    return 0;
}
