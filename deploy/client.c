/*
 * libcurl, wrapped; see the header. Called through run.c and by the upload.
 */
#include "deploy/client.h"

#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "deploy/interrupt.h"
#include "deploy/settings.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

#define NETWORK_FIELD "network"
#define COOKIE_NAME "__Host-dud="

enum {
    ANSWER_MAX = 8 * 1024 * 1024,
    CONNECT_TIMEOUT_MS = 10000,
    CALL_TIMEOUT_MS = 60000,
    STALL_TIMEOUT_S = 60,
};

struct client {
    CURL *curl;
    char *server;
    struct secret api_key;
    struct secret cookie; /* "__Host-dud=..." of a session */
    struct secret csrf;
    struct strbuf error_document;
    struct error error; /* what error_document became */
    char curl_error[CURL_ERROR_SIZE];
};

/* Where an answer goes, and how much of it. */
struct sink {
    struct client *client;
    struct strbuf *out;
    size_t max_size;
};

struct source {
    const char *data;
    size_t size;
};

static int to_error(struct client *client, CURLcode code, struct error *err);
static int check_status(struct client *client, const struct strbuf *body, bool is_kept,
                        struct error *err);

struct client *client_open(const char *server, const struct secret *api_key)
{
    struct client *client = xcalloc(1, sizeof(*client));
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->curl = curl_easy_init();
    ASSERT(client->curl);
    client->server = xstrdup(server);
    client_set_key(client, api_key);
    return client;
}

void client_close(struct client *client)
{
    if (client) {
        curl_easy_cleanup(client->curl);
        free(client->server);
        secret_fini(&client->api_key);
        secret_fini(&client->cookie);
        secret_fini(&client->csrf);
        strbuf_fini(&client->error_document);
        free(client);
    }
}

void client_set_key(struct client *client, const struct secret *api_key)
{
    secret_fini(&client->api_key);
    if (api_key && api_key->size > 0) {
        secret_set(&client->api_key, api_key->data, api_key->size);
    }
    secret_fini(&client->csrf);
}

void client_set_session(struct client *client, const char *csrf)
{
    secret_fini(&client->csrf);
    secret_set(&client->csrf, csrf, strlen(csrf));
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct sink *sink = context;
    if (sink->out->size + size * count > sink->max_size) {
        return 0;
    }
    strbuf_append(sink->out, data, size * count);
    return size * count;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct sink *sink = context;
    size_t len = size * count;
    size_t name_len = strlen("set-cookie: " COOKIE_NAME);
    if (len > name_len && strncasecmp(data, "set-cookie: " COOKIE_NAME, name_len) == 0) {
        const char *cookie = data + strlen("set-cookie: ");
        size_t cookie_len = 0;
        while (cookie + cookie_len < data + len && !strchr("; \r\n", cookie[cookie_len])) {
            cookie_len++;
        }
        secret_fini(&sink->client->cookie);
        secret_set(&sink->client->cookie, cookie, cookie_len);
    }
    return len;
}

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct source *source = context;
    size_t taken = size * count < source->size ? size * count : source->size;
    memcpy(out, source->data, taken);
    source->data += taken;
    source->size -= taken;
    return taken;
}

static int on_tick(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                   curl_off_t up)
{
    const struct client_request *request = context;
    return interrupt_pending() && !request->is_aside;
}

/* "Name: value", in memory that is wiped by the caller. */
static void add_header(struct curl_slist **headers, const char *name, const char *value)
{
    AUTO_FREE char *line = xasprintf("%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*headers, line);
    ASSERT(longer);
    *headers = longer;
    secret_wipe(line, strlen(line));
}

static struct curl_slist *make_headers(const struct client *client,
                                       const struct client_request *request)
{
    struct curl_slist *headers = NULL;
    add_header(&headers, "Accept", "application/json");
    add_header(&headers, "Expect", "");
    if (request->data) {
        add_header(&headers, "Content-Type", request->content_type);
    }
    if (client->csrf.size > 0 && client->cookie.size > 0) {
        add_header(&headers, "Cookie", client->cookie.data);
        add_header(&headers, "X-CSRF", client->csrf.data);
        add_header(&headers, "Origin", client->server);
    } else if (client->api_key.size > 0) {
        AUTO_FREE char *value = xasprintf("Bearer %s", client->api_key.data);
        add_header(&headers, "Authorization", value);
        secret_wipe(value, strlen(value));
    }
    return headers;
}

static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *at = headers; at; at = at->next) {
        secret_wipe(at->data, strlen(at->data));
    }
    curl_slist_free_all(headers);
}

static void set_security(CURL *curl, const char *server)
{
    const char *ca_file = getenv("SSL_CERT_FILE");
    if (ca_file && ca_file[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    }
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    const char *host = strstr(server, "://") + 3;
    AUTO_FREE char *name =
        xstrndup(host, host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":"));
    if (settings_is_loopback(name)) {
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    }
}

static void set_limits(CURL *curl, const struct client_request *request)
{
    long timeout_ms = request->timeout_ms ? request->timeout_ms : CALL_TIMEOUT_MS;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms > 0 ? timeout_ms : 0L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, timeout_ms > 0 ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_tick);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)(uintptr_t)request); /* on_tick reads it */
}

static void set_method(CURL *curl, const struct client_request *request, struct source *source)
{
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (!request->data && str_equal(request->method, "GET")) {
        return;
    }
    /* An upload with a length known in advance, also of nothing: servers want the length. */
    *source = (struct source){request->data, request->data ? request->size : 0};
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, source);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)source->size);
}

int client_call(struct client *client, const struct client_request *request, struct strbuf *answer,
                struct error *err)
{
    CURL *curl = client->curl;
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct source source = {0};
    struct sink sink = {client, &body,
                        request->max_answer_size ? request->max_answer_size : ANSWER_MAX};
    AUTO_FREE char *url = xasprintf("%s%s", client->server, request->path);
    struct curl_slist *headers = make_headers(client, request);

    if (!request->is_aside) {
        strbuf_clear(&client->error_document);
    }
    client->curl_error[0] = '\0';
    curl_easy_reset(curl);
    set_security(curl, client->server);
    set_limits(curl, request);
    set_method(curl, request, &source);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "dialup-deploy/" DIALUP_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &sink);
    CURLcode code = curl_easy_perform(curl);
    free_headers(headers);

    int result = code == CURLE_OK ? check_status(client, &body, !request->is_aside, err)
                                  : to_error(client, code, err);
    if (result == 0) {
        strbuf_append(answer, strbuf_text(&body), body.size);
    }
    return result;
}

bool client_is_network_error(const struct error *err)
{
    return str_equal(err->field, NETWORK_FIELD);
}

const char *client_error_document(const struct client *client, const struct error *err)
{
    bool is_same =
        client->error.code == err->code && str_equal(client->error.message, err->message);
    return client->error_document.size > 0 && is_same ? client->error_document.data : NULL;
}

static int network_error(struct error *err, enum error_code error, const char *format,
                         const char *server, const char *detail)
{
    int result = error_set_field(err, error, NETWORK_FIELD, format, server, detail);
    error_hint(err, "Check your network and the server's address, then try again");
    return result;
}

static int to_error(struct client *client, CURLcode code, struct error *err)
{
    const char *detail = client->curl_error[0] ? client->curl_error : curl_easy_strerror(code);
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return error_set(err, ERR_IO, "Stopped");
    case CURLE_WRITE_ERROR:
        return error_set(err, ERR_TOO_LARGE, "The server's answer is too large");
    case CURLE_OPERATION_TIMEDOUT:
        return network_error(err, ERR_TIMEOUT, "%s did not answer in time: %s", client->server,
                             detail);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        error_set(err, ERR_UNAVAILABLE, "The certificate of %s cannot be trusted: %s",
                  client->server, detail);
        error_hint(err, "If the server uses an authority of its own, name its certificate in "
                        "SSL_CERT_FILE");
        return -ERR_UNAVAILABLE;
    case CURLE_SSL_CONNECT_ERROR:
        network_error(err, ERR_UNAVAILABLE, "%s cannot be reached: %s", client->server, detail);
        error_hint(err, "Does the server speak https there? One on this machine may be http://");
        return -ERR_UNAVAILABLE;
    default:
        return network_error(err, ERR_UNAVAILABLE, "%s cannot be reached: %s", client->server,
                             detail);
    }
}

/* For an answer that is none of ours: a proxy's page, for example. */
static enum error_code code_of_status(long status)
{
    for (int code = 1; code < ERR_COUNT; code++) {
        if (error_info((enum error_code)code)->http_status == status) {
            return (enum error_code)code;
        }
    }
    return status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID_REQUEST;
}

static void read_error(const struct json_value *error, enum error_code fallback, struct error *err)
{
    enum error_code code = error_by_name(json_find_text(error, "name", ""));
    error_set_field(err, code ? code : fallback, json_find_text(error, "field", ""), "%s",
                    json_find_text(error, "message", ""));
    error_hint(err, "%s", json_find_text(error, "hint", ""));
}

/* An answer that is none of the panel's: of Caddy in front of it, or of another server. */
static void strange_answer(const struct client *client, long status, struct error *err)
{
    enum error_code code = code_of_status(status);
    if (status >= 502 && status <= 504) {
        error_set_field(err, code, NETWORK_FIELD,
                        "The panel at %s is away (status %ld); sites go on without it",
                        client->server, status);
        error_hint(err, "Most likely it is being restarted: try again in a few seconds. If this "
                        "lasts, tell the admin");
        return;
    }
    error_set(err, code, "%s answered with status %ld", client->server, status);
    error_hint(err, "Is this the address of a Dial Up Deploy panel?");
}

static int check_status(struct client *client, const struct strbuf *body, bool is_kept,
                        struct error *err)
{
    long status = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
        return 0;
    }
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *root = NULL;
    struct error local;
    if (json_parse(arena, strbuf_text(body), body->size, &root, NULL) == 0 &&
        json_find(root, "error")) {
        read_error(json_find(root, "error"), code_of_status(status), &local);
        if (is_kept) {
            strbuf_append(&client->error_document, body->data, body->size);
            client->error = local;
        }
    } else {
        strange_answer(client, status, &local);
    }
    if (err) {
        *err = local;
    }
    return -(int)local.code;
}
