/*
 * HTTP to the Docker Engine. One curl easy handle a call; curl tells which sockets and timers it
 * wants, libevent watches them (CURLMOPT_SOCKETFUNCTION(3), CURLMOPT_TIMERFUNCTION(3)).
 */
#include "dialup-deployd/engine/engine.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "dialup-deployd/engine/url.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

enum { CONNECT_TIMEOUT_MS = 5000, PING_TIMEOUT_MS = 10000 };

struct engine_call {
    struct engine_call *next;
    struct engine *engine;
    CURL *easy;
    struct curl_slist *headers;
    char *path;
    char *body;
    struct strbuf answer;
    struct engine_request request;
    bool is_added; /* curl has it; else it waits for the version */
    bool is_ping;
    bool is_too_large;
    bool is_refused; /* waited for a version that did not come */
    bool is_ended;   /* by our own on_data */
    char api_version[16];
};

struct engine {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    char *socket;
    struct engine_call *calls;
    struct engine_call *ping; /* in flight */
    int version;              /* minor; 0: not negotiated */
};

/* What curl and libevent tell each other ----------------------------------------------------- */

static void take_finished(struct engine *engine);

static void on_socket_event(evutil_socket_t fd, short events, void *context)
{
    struct engine *engine = context;
    int running;
    int mask =
        ((events & EV_READ) ? CURL_CSELECT_IN : 0) | ((events & EV_WRITE) ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(engine->multi, fd, mask, &running);
    take_finished(engine);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct engine *engine = context;
    int running;
    curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(engine);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    struct engine *engine = context;
    struct event *event = assigned;
    if (event) {
        event_free(event);
        event = NULL;
    }
    if (what != CURL_POLL_REMOVE) {
        short wanted = (short)(((what & CURL_POLL_IN) ? EV_READ : 0) |
                               ((what & CURL_POLL_OUT) ? EV_WRITE : 0) | EV_PERSIST);
        event = event_new(engine->base, fd, wanted, on_socket_event, engine);
        event_add(event, NULL);
    }
    curl_multi_assign(engine->multi, fd, event);
    return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct engine *engine = context;
    if (timeout_ms < 0) {
        evtimer_del(engine->timer);
    } else {
        struct timeval delay = clock_timeval_of_ms(timeout_ms);
        evtimer_add(engine->timer, &delay);
    }
    return 0;
}

/* Calls -------------------------------------------------------------------------------------- */

static size_t on_curl_data(char *data, size_t unit, size_t count, void *context)
{
    struct engine_call *call = context;
    size_t size = unit * count;
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (call->request.on_data && status < 400) {
        call->is_ended = !call->request.on_data(call->request.context, data, size);
        return call->is_ended ? 0 : size;
    }
    if (call->answer.size + size > ENGINE_MAX_ANSWER_BYTES) {
        call->is_too_large = true;
        return 0;
    }
    strbuf_append(&call->answer, data, size);
    return size;
}

static size_t on_curl_read(char *out, size_t unit, size_t count, void *context)
{
    struct engine_call *call = context;
    ssize_t got = call->request.read(call->request.context, out, unit * count);
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static size_t on_curl_header(char *data, size_t unit, size_t count, void *context)
{
    static const char name[] = "api-version:";
    struct engine_call *call = context;
    size_t size = unit * count;
    if (size > sizeof(name) && strncasecmp(data, name, strlen(name)) == 0) {
        AUTO_FREE char *line = xstrndup(data + strlen(name), size - strlen(name));
        sscanf(line, " %15s", call->api_version);
    }
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    bool is_last = size > 0 && (data[0] == '\r' || data[0] == '\n');
    if (is_last && call->request.on_open && status >= 200 && status < 400) {
        call->request.on_open(call->request.context);
    }
    return size;
}

static void call_free(struct engine_call *call)
{
    struct engine *engine = call->engine;
    for (struct engine_call **link = &engine->calls; *link; link = &(*link)->next) {
        if (*link == call) {
            *link = call->next;
            break;
        }
    }
    if (engine->ping == call) {
        engine->ping = NULL;
    }
    if (call->is_added) {
        curl_multi_remove_handle(engine->multi, call->easy);
    }
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    strbuf_fini(&call->answer);
    free(call->path);
    free(call->body);
    free(call);
}

static void set_body(struct engine_call *call)
{
    const char *type = "Content-Type: application/json";
    if (call->request.read) {
        type = "Content-Type: application/x-tar";
        curl_easy_setopt(call->easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, on_curl_read);
        curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
        call->headers = curl_slist_append(call->headers, "Transfer-Encoding: chunked");
    } else if (call->body) {
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body);
    } else if (strcmp(call->request.method, "POST") == 0) {
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, "");
    }
    call->headers = curl_slist_append(call->headers, type);
    call->headers = curl_slist_append(call->headers, "Expect:");
}

/* Hands the call to curl; from here on it runs. */
static void submit(struct engine_call *call)
{
    struct engine *engine = call->engine;
    AUTO_FREE char *url = call->is_ping
                              ? xasprintf("http://docker%s", call->path)
                              : xasprintf("http://docker/v1.%d%s", engine->version, call->path);
    set_body(call);
    curl_easy_setopt(call->easy, CURLOPT_URL, url);
    curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, call->request.method);
    curl_easy_setopt(call->easy, CURLOPT_UNIX_SOCKET_PATH, engine->socket);
    curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_curl_data);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_HEADERFUNCTION, on_curl_header);
    curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    int64_t timeout =
        call->request.timeout_ms ? call->request.timeout_ms : ENGINE_DEFAULT_TIMEOUT_MS;
    curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, timeout < 0 ? 0L : (long)timeout);
    call->is_added = true;
    CURLMcode code = curl_multi_add_handle(engine->multi, call->easy);
    ASSERT(code == CURLM_OK);
}

static struct engine_call *call_new(struct engine *engine, const struct engine_request *request)
{
    struct engine_call *call = xcalloc(1, sizeof(*call));
    call->engine = engine;
    call->request = *request;
    call->path = xstrdup(request->path);
    call->body = request->body ? xstrdup(request->body) : NULL;
    call->easy = curl_easy_init();
    ASSERT(call->easy);
    /* At the end: what waits is started in order. */
    struct engine_call **link = &engine->calls;
    while (*link) {
        link = &(*link)->next;
    }
    *link = call;
    return call;
}

static void on_pinged(void *context, int status, const char *body, size_t size,
                      const struct error *err)
{
    /* The end of the ping is handled in finish_ping, which sees its headers. */
}

static void start_ping(struct engine *engine)
{
    const struct engine_request request = {
        .method = "GET", .path = "/_ping", .timeout_ms = PING_TIMEOUT_MS, .on_done = on_pinged};
    engine->ping = call_new(engine, &request);
    engine->ping->is_ping = true;
    submit(engine->ping);
}

struct engine_call *engine_start(struct engine *engine, const struct engine_request *request)
{
    struct engine_call *call = call_new(engine, request);
    if (engine->version) {
        submit(call);
    } else if (!engine->ping) {
        start_ping(engine);
    }
    return call;
}

static void drop(struct engine_call *call)
{
    engine_drop_fn *on_drop = call->request.on_drop;
    void *context = call->request.context;
    call_free(call);
    if (on_drop) {
        on_drop(context);
    }
}

void engine_cancel(struct engine_call *call)
{
    if (call) {
        drop(call);
    }
}

/* Ends --------------------------------------------------------------------------------------- */

static int engine_is_away(const struct engine *engine, CURLcode code, struct error *err)
{
    int result = error_set(err, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_UNAVAILABLE,
                           "The Docker Engine does not answer at %s: %s", engine->socket,
                           curl_easy_strerror(code));
    error_hint(err, "Look at it with: systemctl status docker");
    return result;
}

/* Nobody there, or gone in the middle. */
static bool is_broken_off(CURLcode code)
{
    return code == CURLE_COULDNT_CONNECT || code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR ||
           code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE;
}

/* {"message": "..."} of the engine, as ours. */
static int explain_status(const struct engine_call *call, long status, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value = NULL;
    const char *message = "no reason given";
    if (json_parse(arena, strbuf_text(&call->answer), call->answer.size, &value, NULL) == 0) {
        message = json_find_text(value, "message", message);
    }
    /* 500 is also what a container gets that can never start: its user does not exist, and such. */
    enum error_code code = status == 404   ? ERR_NOT_FOUND
                           : status == 409 ? ERR_CONFLICT
                           : status == 400 ? ERR_INVALID_ARGUMENT
                           : status == 500 ? ERR_INTERNAL
                                           : ERR_UNAVAILABLE;
    return error_set(err, code, "Docker refused (%ld): %s", status, message);
}

static void finish(struct engine_call *call, CURLcode code)
{
    struct error err = {0};
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (call->is_too_large) {
        error_set(&err, ERR_TOO_LARGE, "Docker's answer is too large");
    } else if (call->is_ended) {
        error_set(&err, ERR_CONFLICT, "Docker's answer was cut off by ourselves");
    } else if (code != CURLE_OK) {
        engine_is_away(call->engine, code, &err);
        if (is_broken_off(code)) {
            call->engine->version = 0; /* it may come back as another version */
        }
    } else if (status >= 400) {
        explain_status(call, status, &err);
    }
    call->request.on_done(call->request.context, (int)status, strbuf_text(&call->answer),
                          call->answer.size, err.code ? &err : NULL);
}

/* Starts the calls that wait for the version. */
static void submit_waiting(struct engine *engine)
{
    for (struct engine_call *call = engine->calls; call; call = call->next) {
        if (!call->is_added) {
            submit(call);
        }
    }
}

static struct engine_call *find_refused(struct engine *engine)
{
    struct engine_call *call = engine->calls;
    while (call && !call->is_refused) {
        call = call->next;
    }
    return call;
}

/* Tells the calls that wait for the version why there is none. Their ends may start or cancel
 * others; what is started by them waits for the next ping. */
static void refuse_waiting(struct engine *engine, const struct error *err)
{
    for (struct engine_call *call = engine->calls; call; call = call->next) {
        call->is_refused = !call->is_added;
    }
    for (struct engine_call *call; (call = find_refused(engine));) {
        engine_done_fn *on_done = call->request.on_done;
        void *context = call->request.context;
        call_free(call);
        on_done(context, 0, "", 0, err);
    }
}

static void finish_ping(struct engine_call *ping, CURLcode code)
{
    struct engine *engine = ping->engine;
    struct error err = {0};
    if (code != CURLE_OK) {
        engine_is_away(engine, code, &err);
    } else {
        engine_choose_version(ping->api_version, &engine->version, &err);
    }
    call_free(ping);
    if (err.code) {
        refuse_waiting(engine, &err);
    } else {
        submit_waiting(engine);
    }
}

static void take_finished(struct engine *engine)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(engine->multi, &left));) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        struct engine_call *call;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        if (call->is_ping) {
            finish_ping(call, code);
        } else {
            finish(call, code);
            call_free(call);
        }
    }
}

/* Life --------------------------------------------------------------------------------------- */

int engine_open(struct event_base *base, const char *socket, struct engine **ret_engine,
                struct error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return error_set(err, ERR_INTERNAL, "Cannot start libcurl");
    }
    struct engine *engine = xcalloc(1, sizeof(*engine));
    engine->base = base;
    engine->socket = xstrdup(socket);
    engine->timer = evtimer_new(base, on_timer, engine);
    engine->multi = curl_multi_init();
    ASSERT(engine->multi);
    curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
    curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
    *ret_engine = engine;
    return 0;
}

void engine_close(struct engine *engine)
{
    if (!engine) {
        return;
    }
    while (engine->calls) {
        drop(engine->calls);
    }
    curl_multi_cleanup(engine->multi);
    event_free(engine->timer);
    free(engine->socket);
    free(engine);
    curl_global_cleanup();
}
