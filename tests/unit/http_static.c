/*
 * Static files over a real socket: forms, caching, pages of the application, and no way out.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "tests/harness/check.h"
#include "tests/unit/http_rig.h"

static char folder[64];
static char large[300000];

static int handle_ok(struct http_request *request, void *context, struct error *err)
{
    http_reply_text(request, 200, "fine", 4);
    return 0;
}

static int handle_file(struct http_request *request, void *context, struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/web/assets/app-3XK2P7QZ.js", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    http_reply_file(request, fd, 6, 2, "application/octet-stream", "my \"\r\nfile.js");
    return 0;
}

static int handle_no_file(struct http_request *request, void *context, struct error *err)
{
    http_reply_file(request, open("/", O_PATH | O_CLOEXEC), 0, 0, "text/plain", NULL);
    return 0;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/api/ok", .handle = handle_ok},
    {.method = "GET", .path = "/api/file", .handle = handle_file},
    {.method = "GET", .path = "/api/empty-file", .handle = handle_no_file},
};

static void put(const char *name, const char *text)
{
    AUTO_FREE char *path = xasprintf("%s/web%s", folder, name);
    struct error err;
    if (fs_write_file(path, text, strlen(text), 0644, &err) < 0) {
        log_panic("%s", err.message);
    }
}

static void make_folder(void)
{
    str_copy(folder, sizeof(folder), "/tmp/dialup-static-XXXXXX");
    ASSERT(mkdtemp(folder));
    AUTO_FREE char *assets = xasprintf("%s/web/assets", folder);
    ASSERT(fs_make_dirs(assets, 0755, NULL) == 0);
    memset(large, 'L', sizeof(large) - 1);
    put("/../secret", "SECRET");
    put("/../secret.txt", "SECRET");
    put("/index.html", "<p>index</p>");
    put("/assets/app-3XK2P7QZ.js", "plain js");
    put("/assets/app-3XK2P7QZ.js.gz", "gzip js");
    put("/assets/app-3XK2P7QZ.js.br", "brotli js");
    put("/assets/app-template.js", "template");
    put("/assets/only.css", "css");
    put("/assets/only.css.gz", "gzip css");
    put("/empty.txt", "");
    put("/large.bin", large);
    AUTO_FREE char *link = xasprintf("%s/web/link.txt", folder);
    ASSERT(fs_replace_symlink("../secret.txt", link, NULL) == 0);
}

static struct http_static_files *open_files(const struct http_static_options *extra)
{
    AUTO_FREE char *web = xasprintf("%s/web/", folder);
    struct http_static_options options = *extra;
    struct http_static_files *files;
    struct error err;
    options.folder = web;
    if (http_static_open(&options, &files, &err) < 0) {
        log_panic("%s", err.message);
    }
    return files;
}

struct row {
    const char *name, *line, *headers;
    int status;
    const char *part; /* NULL: anything */
};

static void check_rows(const struct row *rows, size_t count)
{
    make_folder();
    struct http_static_files *files = open_files(&(struct http_static_options){0});
    struct http_options options = {
        .routes = routes, .route_count = ARRAY_COUNT(routes), .files = files};
    struct rig rig;
    rig_start(&rig, &options);
    for (size_t i = 0; i < count; i++) {
        const char *answer = rig_request(&rig, rows[i].line, rows[i].headers, NULL);
        bool good = CHECK_INT(rig_status(answer), rows[i].status);
        good = (!rows[i].part || CHECK_CONTAINS(answer, rows[i].part)) && good;
        if (!CHECK(!strstr(answer, "SECRET")) || !good) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
    rig_end(&rig);
    http_static_close(files);
    fs_remove_tree(folder, NULL);
}

#define JS "GET /assets/app-3XK2P7QZ.js"

static void case_files(void)
{
    static const struct row rows[] = {
        {"index", "GET /", "", 200, "\r\n\r\n<p>index</p>"},
        {"index by name", "GET /index.html", "", 200, "<p>index</p>"},
        {"index is checked each time", "GET /", "", 200, "Cache-Control: no-cache\r\n"},
        {"page of the application", "GET /sites/mine", "", 200, "<p>index</p>"},
        {"page with a query", "GET /sites?x=1", "", 200, "<p>index</p>"},
        {"page, HEAD", "HEAD /sites", "", 200, "Content-Length: 12\r\n"},
        {"missing file", "GET /missing.js", "", 404, "\"name\":\"not_found\""},
        {"post", "POST /", "", 405, "Allow: GET, HEAD\r\n"},
        {"api goes first", "GET /api/ok", "", 200, "fine"},
        {"api has no pages", "GET /api/nothing", "", 404, "application/json"},
        {"plain", JS, "", 200, "\r\n\r\nplain js"},
        {"type", JS, "", 200, "Content-Type: text/javascript; charset=utf-8\r\n"},
        {"hashed is for ever", JS, "", 200, "max-age=31536000, immutable\r\n"},
        {"a word is no hash", "GET /assets/app-template.js", "", 200, "Cache-Control: no-cache"},
        {"brotli", JS, "Accept-Encoding: gzip, deflate, br\r\n", 200, "\r\n\r\nbrotli js"},
        {"brotli says so", JS, "Accept-Encoding: br\r\n", 200, "Content-Encoding: br\r\n"},
        {"gzip", JS, "Accept-Encoding: gzip;q=0.8\r\n", 200, "\r\n\r\ngzip js"},
        {"brotli refused", JS, "Accept-Encoding: br;q=0, gzip\r\n", 200, "gzip js"},
        {"nothing known", JS, "Accept-Encoding: zstd, brx\r\n", 200, "plain js"},
        {"only gzip there", "GET /assets/only.css", "Accept-Encoding: br, gzip\r\n", 200,
         "gzip css"},
        {"forms are no files", JS ".gz", "", 404, NULL},
        {"empty", "GET /empty.txt", "", 200, "Content-Length: 0\r\n"},
        {"vary", JS, "", 200, "Vary: Accept-Encoding\r\n"},
        {"policy", "GET /", "", 200, "require-trusted-types-for 'script'\r\n"},
        {"nosniff", JS, "", 200, "X-Content-Type-Options: nosniff\r\n"},
        {"part of a file", "GET /api/file", "", 200, "\r\n\r\njs"},
        {"a file's size", "HEAD /api/file", "", 200, "Content-Length: 2\r\n"},
        {"a file's name", "GET /api/file", "", 200,
         "attachment; filename*=UTF-8''my%20%22%0D%0Afile.js\r\n"},
        {"an empty file", "GET /api/empty-file", "", 200, "Content-Length: 0\r\n"},
        {"no host", "GET /", "Host: y\r\n", 400, NULL},
    };
    check_rows(rows, ARRAY_COUNT(rows));
}

static void case_no_way_out(void)
{
    static const struct row rows[] = {
        {"dots", "GET /../secret.txt", "", 404, NULL},
        {"dots inside", "GET /assets/../../secret.txt", "", 404, NULL},
        {"dots without a dot at the end", "GET /../secret", "", 404, NULL},
        {"encoded dots", "GET /%2e%2e/secret.txt", "", 404, NULL},
        {"encoded all", "GET /%2e%2e%2fsecret.txt", "", 404, NULL},
        {"twice encoded", "GET /%252e%252e/secret.txt", "", 404, NULL},
        {"backslash", "GET /..%5csecret.txt", "", 404, NULL},
        {"NUL", "GET /index.html%00.js", "", 400, NULL},
        {"overlong", "GET /%c0%ae%c0%ae/secret.txt", "", 400, NULL},
        {"link", "GET /link.txt", "", 404, NULL},
        {"double slash", "GET //secret.txt", "", 404, NULL},
        {"absolute", "GET /tmp/../etc/passwd", "", 404, NULL},
    };
    check_rows(rows, ARRAY_COUNT(rows));
}

static void case_not_modified(void)
{
    make_folder();
    struct http_static_files *files = open_files(&(struct http_static_options){0});
    struct http_options options = {
        .routes = routes, .route_count = ARRAY_COUNT(routes), .files = files};
    struct rig rig;
    rig_start(&rig, &options);
    const char *etag = strstr(rig_request(&rig, JS, "", NULL), "ETag: ");
    char header[128] = "";
    if (CHECK(etag)) {
        snprintf(header, sizeof(header), "If-None-Match: W/\"x\", %.34s\r\n", etag + 6);
    }
    const char *answer = rig_request(&rig, JS, header, NULL);
    CHECK_INT(rig_status(answer), 304);
    CHECK(!strstr(answer, "plain js"));
    strcat(header, "Accept-Encoding: br\r\n"); /* another form has another tag */
    CHECK_INT(rig_status(rig_request(&rig, JS, header, NULL)), 200);
    answer = rig_request(&rig, "GET /large.bin", "", NULL);
    CHECK_CONTAINS(answer, "Content-Length: 299999\r\n");
    rig_end(&rig);
    http_static_close(files);
    fs_remove_tree(folder, NULL);
}

static void case_whole_large_file(void)
{
    make_folder();
    struct http_static_files *files = open_files(&(struct http_static_options){0});
    struct http_options options = {
        .routes = routes, .route_count = ARRAY_COUNT(routes), .files = files};
    struct rig rig;
    struct rig_client client;
    rig_start(&rig, &options);
    put("/large.bin", "replaced meanwhile"); /* by rename */
    rig_connect(&rig, &client);
    const char *request = "GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    rig_send(&client, request, strlen(request));
    rig_wait_end(&rig, &client);
    const char *body = strstr(strbuf_text(&client.received), "\r\n\r\n");
    if (CHECK(body)) {
        CHECK_INT(strspn(body + 4, "L"), sizeof(large) - 1);
    }
    rig_close(&client);
    rig_end(&rig);
    http_static_close(files);
    fs_remove_tree(folder, NULL);
}

static void case_nonce(void)
{
    make_folder();
    put("/index.html", "<meta nonce=\"@NONCE@\">");
    struct http_static_files *files = open_files(&(struct http_static_options){
        .content_security_policy = "style-src 'nonce-@NONCE@'",
        .origin_agent_cluster = true,
    });
    struct http_options options = {
        .routes = routes, .route_count = ARRAY_COUNT(routes), .files = files};
    struct rig rig;
    rig_start(&rig, &options);
    char first[64] = "";
    const char *answer = rig_request(&rig, "GET /", "", NULL);
    CHECK_CONTAINS(answer, "Origin-Agent-Cluster: ?1\r\n");
    CHECK_CONTAINS(answer, "Cache-Control: no-store\r\n");
    const char *nonce = strstr(answer, "'nonce-");
    if (CHECK(nonce)) {
        snprintf(first, sizeof(first), "<meta nonce=\"%.26s\">", nonce + 7);
        CHECK_CONTAINS(answer, first);
    }
    CHECK(!strstr(rig_request(&rig, "GET /", "", NULL), first)); /* a fresh one */
    rig_end(&rig);
    http_static_close(files);
    fs_remove_tree(folder, NULL);
}

static void case_no_index(void)
{
    struct http_static_files *files;
    struct error err = {0};
    make_folder();
    AUTO_FREE char *assets = xasprintf("%s/web/assets", folder);
    struct http_static_options options = {.folder = assets};
    CHECK_INT(http_static_open(&options, &files, &err), -ERR_NOT_FOUND);
    options.folder = "/nowhere/at/all";
    CHECK(http_static_open(&options, &files, &err) < 0);
    fs_remove_tree(folder, NULL);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"files and pages", case_files},
        {"no way out", case_no_way_out},
        {"not modified", case_not_modified},
        {"a large file, whole and as it was", case_whole_large_file},
        {"nonce", case_nonce},
        {"no index, no folder", case_no_index},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
