/*
 * curl's multi interface on libevent. Used by client.c.
 *
 * curl must not be called from its own callbacks, so starting, cancelling and reporting all happen
 * in one event of our own (on_work), between curl's.
 */
#include "dialup-deployd/docker/transfer.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum { CONNECT_TIMEOUT_MS = 2000, CONNECTIONS_KEPT = 16 };

enum phase { QUEUED, RUNNING, FINISHED, CANCELLED };

struct transfer {
    TAILQ_ENTRY(transfer) link;
    struct transfers *transfers;
    struct transfer_spec spec;
    enum phase phase;
    CURL *easy;
    struct curl_slist *headers;
    struct strbuf target;
    struct strbuf body; /* of the request */
    struct strbuf answer;
    char api_version[16];
    enum transfer_outcome outcome;
    bool is_too_large;
};

struct transfers {
    struct event_base *base;
    char *socket_path;
    CURLM *multi;
    struct event timer;
    struct event work;
    TAILQ_HEAD(, transfer) list;
};

struct watch {
    struct event event;
    struct transfers *transfers;
};

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watch);
static int on_timer_change(CURLM *multi, long timeout_ms, void *arg);
static void on_timer(evutil_socket_t fd, short what, void *arg);
static void on_work(evutil_socket_t fd, short what, void *arg);
static void wake(struct transfers *transfers);
static void release(struct transfer *transfer);

struct transfers *transfers_new(struct event_base *base, const char *socket_path)
{
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
        return NULL;
    }
    struct transfers *transfers = xcalloc(1, sizeof(*transfers));
    transfers->base = base;
    transfers->socket_path = xstrdup(socket_path);
    transfers->multi = curl_multi_init();
    ASSERT(transfers->multi);
    TAILQ_INIT(&transfers->list);
    evtimer_assign(&transfers->timer, base, on_timer, transfers);
    evtimer_assign(&transfers->work, base, on_work, transfers);
    CURLM *multi = transfers->multi;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, transfers);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_change);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, transfers);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    if (!transfers) {
        return;
    }
    struct transfer *transfer;
    while ((transfer = TAILQ_FIRST(&transfers->list))) {
        release(transfer);
    }
    curl_multi_cleanup(transfers->multi);
    event_del(&transfers->timer);
    event_del(&transfers->work);
    free(transfers->socket_path);
    free(transfers);
    curl_global_cleanup();
}

struct transfer *transfer_start(struct transfers *transfers, const struct transfer_spec *spec)
{
    struct transfer *transfer = xcalloc(1, sizeof(*transfer));
    transfer->transfers = transfers;
    transfer->spec = *spec;
    strbuf_printf(&transfer->target, "http://docker%s", spec->target);
    if (spec->body) {
        strbuf_append(&transfer->body, spec->body, spec->body_size);
    }
    TAILQ_INSERT_TAIL(&transfers->list, transfer, link);
    wake(transfers);
    return transfer;
}

void transfer_cancel(struct transfer *transfer)
{
    transfer->phase = CANCELLED;
    wake(transfer->transfers);
}

static void wake(struct transfers *transfers)
{
    event_active(&transfers->work, EV_TIMEOUT, 0);
}

static void release(struct transfer *transfer)
{
    struct transfers *transfers = transfer->transfers;
    TAILQ_REMOVE(&transfers->list, transfer, link);
    if (transfer->easy) {
        curl_multi_remove_handle(transfers->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    strbuf_fini(&transfer->target);
    strbuf_fini(&transfer->body);
    strbuf_fini(&transfer->answer);
    free(transfer);
}

static size_t on_answer(char *data, size_t unit, size_t size, void *arg)
{
    struct transfer *transfer = arg;
    if (transfer->phase == CANCELLED) {
        return 0;
    }
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->spec.on_data && status / 100 == 2) {
        return transfer->spec.on_data(transfer->spec.arg, data, size) < 0 ? 0 : size;
    }
    if (size > transfer->spec.answer_size_max - transfer->answer.size) {
        transfer->is_too_large = true;
        return 0;
    }
    strbuf_append(&transfer->answer, data, size);
    return size;
}

static size_t on_header(char *data, size_t unit, size_t size, void *arg)
{
    struct transfer *transfer = arg;
    static const char name[] = "api-version:";
    size_t name_len = strlen(name);
    if (size > name_len && strncasecmp(data, name, name_len) == 0) {
        AUTO_FREE char *value = xstrndup(data + name_len, size - name_len);
        char *start = value + strspn(value, " \t");
        start[strcspn(start, " \t\r\n")] = '\0';
        str_copy(transfer->api_version, sizeof(transfer->api_version), start);
    }
    return size;
}

static size_t on_body_wanted(char *data, size_t unit, size_t size, void *arg)
{
    struct transfer *transfer = arg;
    if (transfer->phase == CANCELLED) {
        return CURL_READFUNC_ABORT;
    }
    ssize_t got = transfer->spec.read(transfer->spec.arg, data, unit * size);
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static void add_header(struct transfer *transfer, const char *text)
{
    transfer->headers = curl_slist_append(transfer->headers, text);
    ASSERT(transfer->headers);
}

static void set_body(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    const char *type = transfer->spec.content_type;
    AUTO_FREE char *line = type ? xasprintf("Content-Type: %s", type) : xstrdup("Content-Type:");
    add_header(transfer, line); /* without a value it keeps curl from inventing one */
    add_header(transfer, "Expect:");
    if (transfer->spec.read) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_body_wanted);
        curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
        add_header(transfer, "Transfer-Encoding: chunked");
    } else if (transfer->spec.body || strcmp(transfer->spec.method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)transfer->body.size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, strbuf_text(&transfer->body));
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void start(struct transfer *transfer)
{
    CURL *easy = transfer->easy = curl_easy_init();
    ASSERT(easy);
    transfer->phase = RUNNING;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, transfer->transfers->socket_path);
    curl_easy_setopt(easy, CURLOPT_URL, strbuf_text(&transfer->target));
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)transfer->spec.timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    set_body(transfer);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->spec.method);
    curl_multi_add_handle(transfer->transfers->multi, easy);
}

static enum transfer_outcome outcome_of(const struct transfer *transfer, CURLcode code)
{
    if (transfer->is_too_large) {
        return TRANSFER_TOO_LARGE;
    }
    switch (code) {
    case CURLE_OK:
        return TRANSFER_DONE;
    case CURLE_COULDNT_CONNECT:
        return TRANSFER_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return TRANSFER_LATE;
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
        return TRANSFER_ABORTED;
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: bytes without a status line */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return TRANSFER_NOT_HTTP;
    default:
        return TRANSFER_BROKEN;
    }
}

static void collect_finished(struct transfers *transfers)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(transfers->multi, &left))) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        struct transfer *transfer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        transfer->outcome = outcome_of(transfer, message->data.result);
        if (transfer->phase == RUNNING) {
            transfer->phase = FINISHED;
        }
        wake(transfers);
    }
}

static void report(struct transfer *transfer)
{
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    struct transfer_result result = {
        .outcome = transfer->outcome,
        .status = (int)status,
        .body = strbuf_text(&transfer->answer),
        .size = transfer->answer.size,
        .api_version = transfer->api_version,
    };
    transfer->spec.on_done(transfer->spec.arg, &result);
}

/* A callback may cancel any transfer, so after each one the list is looked at anew. */
static struct transfer *find_work(const struct transfers *transfers)
{
    struct transfer *transfer = TAILQ_FIRST(&transfers->list);
    while (transfer && transfer->phase == RUNNING) {
        transfer = TAILQ_NEXT(transfer, link);
    }
    return transfer;
}

static void on_work(evutil_socket_t fd, short what, void *arg)
{
    struct transfers *transfers = arg;
    struct transfer *transfer;
    while ((transfer = find_work(transfers))) {
        if (transfer->phase == QUEUED) {
            start(transfer);
            continue;
        }
        if (transfer->phase == FINISHED) {
            report(transfer);
        }
        release(transfer);
    }
}

static void act(struct transfers *transfers, curl_socket_t fd, int action)
{
    int running;
    curl_multi_socket_action(transfers->multi, fd, action, &running);
    collect_finished(transfers);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct watch *watch = arg;
    int action = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    act(watch->transfers, fd, action);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct transfers *transfers = arg;
    struct watch *watch = socket_arg;
    if (watch) {
        event_del(&watch->event);
    }
    if (what == CURL_POLL_REMOVE) {
        free(watch);
        curl_multi_assign(transfers->multi, fd, NULL);
        return 0;
    }
    if (!watch) {
        watch = xcalloc(1, sizeof(*watch));
        watch->transfers = transfers;
        curl_multi_assign(transfers->multi, fd, watch);
    }
    int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    event_assign(&watch->event, transfers->base, fd, (short)(events | EV_PERSIST), on_ready, watch);
    event_add(&watch->event, NULL);
    return 0;
}

static int on_timer_change(CURLM *multi, long timeout_ms, void *arg)
{
    struct transfers *transfers = arg;
    if (timeout_ms < 0) {
        event_del(&transfers->timer);
    } else {
        event_add(&transfers->timer,
                  &(struct timeval){timeout_ms / 1000, timeout_ms % 1000 * 1000});
    }
    return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}
