/*
 * Static files; see the header. Each form of a file is one open descriptor inside a shared
 * libevent segment, sent by sendfile(2); index.html is also kept as text if it has a nonce.
 */
#include "libdialup/http/static_files.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/http/internal.h"
#include "libdialup/http/params.h"

enum { MAX_FILES = 4096, MAX_INDEX_BYTES = 256 * 1024, ETAG_SIZE = 2 + 32 + 1 };

/* In the order of preference. */
enum form { FORM_BROTLI, FORM_GZIP, FORM_PLAIN, FORM_COUNT };

static const struct {
    const char *suffix;
    const char *encoding;
} forms[FORM_COUNT] = {{".br", "br"}, {".gz", "gzip"}, {"", NULL}};

struct variant {
    struct evbuffer_file_segment *segment; /* NULL if there is no such form, or it is empty */
    bool exists;
    size_t size;
    char etag[ETAG_SIZE];
};

struct file {
    char *path; /* "/assets/app-3XK2P7QZ.js" */
    const char *type;
    bool is_hashed;
    struct variant variants[FORM_COUNT];
};

struct http_static_files {
    struct file *files; /* sorted by path */
    size_t count;
    const struct file *index;
    char *policy;
    char *index_text; /* if it has a nonce */
    bool origin_agent_cluster;
};

static const char default_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'";

static const char nonce_mark[] = "@NONCE@";

static const char *content_type(const char *path)
{
    static const struct {
        const char *ending;
        const char *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".map", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
        {".woff2", "font/woff2"},
        {".png", "image/png"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".wasm", "application/wasm"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (str_ends_with(path, types[i].ending)) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

/* esbuild's names end in "-", eight letters of base32, and the kind: "-3XK2P7QZ.js". */
static bool is_hashed_name(const char *path)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *hyphen = strrchr(name, '-');
    return hyphen && strspn(hyphen + 1, letters) == 8 && hyphen[9] == '.';
}

static int digest_fd(int fd, struct digest *digest)
{
    char block[16384];
    ssize_t size;
    digest_init(digest);
    while ((size = read(fd, block, sizeof(block))) > 0) {
        digest_update(digest, block, (size_t)size);
    }
    return size < 0 ? -errno : 0;
}

static void make_etag(struct digest *digest, char etag[ETAG_SIZE])
{
    unsigned char bytes[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    digest_finish(digest, bytes);
    digest_hex(bytes, hex);
    etag[0] = '"';
    memcpy(etag + 1, hex, ETAG_SIZE - 3);
    etag[ETAG_SIZE - 2] = '"';
    etag[ETAG_SIZE - 1] = '\0';
}

static int open_variant(const char *disk_path, struct variant *ret_variant, struct error *err)
{
    AUTO_CLOSE int fd = open(disk_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat info;
    struct digest digest;
    if (fd < 0 || fstat(fd, &info) < 0 || digest_fd(fd, &digest) < 0) {
        return error_set_errno(err, ERR_IO, errno, "%s cannot be read", disk_path);
    }
    struct variant variant = {.exists = true, .size = (size_t)info.st_size};
    make_etag(&digest, variant.etag);
    if (info.st_size > 0) {
        variant.segment = evbuffer_file_segment_new(fd, 0, info.st_size, EVBUF_FS_CLOSE_ON_FREE);
        if (!variant.segment) {
            return error_set(err, ERR_IO, "%s cannot be prepared for sending.", disk_path);
        }
        fd = -1; /* NOLINT(clang-analyzer-deadcode.DeadStores): AUTO_CLOSE reads it */
    }
    *ret_variant = variant;
    return 0;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static const struct file *find_file(const struct http_static_files *files, const char *path)
{
    struct file key = {.path = (char *)(uintptr_t)path};
    return files->count > 0 ? bsearch(&key, files->files, files->count, sizeof(key), compare_files)
                            : NULL;
}

static int add_file(struct http_static_files *files, const char *path, struct error *err)
{
    if (files->count == MAX_FILES) {
        return error_set(err, ERR_TOO_LARGE, "There are more than %d files to serve.", MAX_FILES);
    }
    files->files = xreallocarray(files->files, files->count + 1, sizeof(*files->files));
    files->files[files->count++] = (struct file){
        .path = xstrdup(path),
        .type = content_type(path),
        .is_hashed = is_hashed_name(path),
    };
    return 0;
}

static int walk(struct http_static_files *files, FTS *fts, size_t folder_len, struct error *err)
{
    FTSENT *entry;
    while ((entry = fts_read(fts)) != NULL) {
        const char *path = entry->fts_path + folder_len;
        bool is_form = str_ends_with(path, ".gz") || str_ends_with(path, ".br");
        if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR) {
            return error_set_errno(err, ERR_IO, entry->fts_errno, "%s cannot be read",
                                   entry->fts_path);
        }
        if (entry->fts_info != FTS_F || is_form) {
            continue;
        }
        int result = add_file(files, path, err);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static int list_files(struct http_static_files *files, const char *folder, struct error *err)
{
    AUTO_FREE char *root = xstrdup(folder);
    char *const roots[] = {root, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!fts) {
        return error_set_errno(err, ERR_IO, errno, "%s cannot be read", folder);
    }
    int result = walk(files, fts, strlen(folder), err);
    fts_close(fts);
    if (files->count > 0) {
        qsort(files->files, files->count, sizeof(*files->files), compare_files);
    }
    return result;
}

static int open_files(struct http_static_files *files, const char *folder, struct error *err)
{
    for (size_t i = 0; i < files->count; i++) {
        for (int form = 0; form < FORM_COUNT; form++) {
            AUTO_FREE char *path =
                xasprintf("%s%s%s", folder, files->files[i].path, forms[form].suffix);
            int result = 0;
            if (fs_exists(path)) {
                result = open_variant(path, &files->files[i].variants[form], err);
            }
            if (result < 0) {
                return result;
            }
        }
    }
    return 0;
}

static int read_index(struct http_static_files *files, const char *folder, struct error *err)
{
    files->index = find_file(files, "/index.html");
    if (!files->index) {
        return error_set(err, ERR_NOT_FOUND, "There is no index.html in %s.", folder);
    }
    AUTO_FREE char *path = xasprintf("%s/index.html", folder);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(path, MAX_INDEX_BYTES, &text, err);
    if (result == 0 && strstr(strbuf_text(&text), nonce_mark)) {
        files->index_text = strbuf_take(&text);
    }
    return result;
}

static char *without_slash(const char *folder)
{
    size_t len = strlen(folder);
    return xstrndup(folder, len > 1 && folder[len - 1] == '/' ? len - 1 : len);
}

int http_static_open(const struct http_static_options *options,
                     struct http_static_files **ret_files, struct error *err)
{
    const char *policy = options->content_security_policy;
    AUTO_FREE char *folder = without_slash(options->folder);
    struct http_static_files *files = xcalloc(1, sizeof(*files));
    files->policy = xstrdup(policy ? policy : default_policy);
    files->origin_agent_cluster = options->origin_agent_cluster;

    int result = list_files(files, folder, err);
    if (result == 0) {
        result = open_files(files, folder, err);
    }
    if (result == 0) {
        result = read_index(files, folder, err);
    }
    if (result < 0) {
        http_static_close(files);
        return result;
    }
    *ret_files = files;
    return 0;
}

void http_static_close(struct http_static_files *files)
{
    if (!files) {
        return;
    }
    for (size_t i = 0; i < files->count; i++) {
        for (int form = 0; form < FORM_COUNT; form++) {
            if (files->files[i].variants[form].segment) {
                evbuffer_file_segment_free(files->files[i].variants[form].segment);
            }
        }
        free(files->files[i].path);
    }
    free(files->files);
    free(files->policy);
    free(files->index_text);
    free(files);
}

/* "gzip;q=0" is a refusal; other weights do not matter, since we know what is best. */
static bool accepts(const char *header, const char *encoding)
{
    size_t len = strlen(encoding);
    for (const char *item = header; *item != '\0';) {
        item += strspn(item, " \t,");
        size_t item_len = strcspn(item, ",");
        if (strncasecmp(item, encoding, len) == 0 &&
            (item_len == len || strchr(" \t;", item[len]))) {
            const char *weight = memmem(item, item_len, "q=", 2);
            return !weight || strtod(weight + 2, NULL) > 0;
        }
        item += item_len;
    }
    return false;
}

static const struct variant *choose_variant(const struct file *file, const char *accepted,
                                            enum form *ret_form)
{
    for (int form = 0; form < FORM_PLAIN; form++) {
        if (file->variants[form].exists && accepted && accepts(accepted, forms[form].encoding)) {
            *ret_form = (enum form)form;
            return &file->variants[form];
        }
    }
    *ret_form = FORM_PLAIN;
    return &file->variants[FORM_PLAIN];
}

static char *replace_nonce(struct arena *arena, const char *text, const char *nonce)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    const char *mark;
    while ((mark = strstr(text, nonce_mark)) != NULL) {
        strbuf_append(&out, text, (size_t)(mark - text));
        strbuf_puts(&out, nonce);
        text = mark + sizeof(nonce_mark) - 1;
    }
    strbuf_puts(&out, text);
    return arena_strndup(arena, strbuf_text(&out), out.size);
}

static void set_page_headers(const struct http_static_files *files, struct http_request *request,
                             const char *policy)
{
    http_reply_header(request, "Content-Security-Policy", policy);
    if (files->origin_agent_cluster) {
        http_reply_header(request, "Origin-Agent-Cluster", "?1");
    }
}

static void serve_index_with_nonce(const struct http_static_files *files,
                                   struct http_request *request)
{
    char nonce[CRYPTO_ID_SIZE];
    crypto_random_id(nonce);
    const char *text = replace_nonce(request->arena, files->index_text, nonce);
    set_page_headers(files, request, replace_nonce(request->arena, files->policy, nonce));
    http_reply_header(request, "Content-Type", files->index->type);
    struct evbuffer *body = evbuffer_new();
    ASSERT(body);
    evbuffer_add(body, text, strlen(text));
    http_reply_buffer(request, 200, body, strlen(text));
}

static bool client_has(struct http_request *request, const struct variant *variant)
{
    const char *known = http_request_header(request, "If-None-Match");
    return known && (str_equal(known, "*") || strstr(known, variant->etag));
}

static void serve_file(const struct http_static_files *files, const struct file *file,
                       struct http_request *request)
{
    enum form form;
    const char *accepted = http_request_header(request, "Accept-Encoding");
    const struct variant *variant = choose_variant(file, accepted, &form);
    set_page_headers(files, request, files->policy);
    http_reply_header(request, "Cache-Control",
                      file->is_hashed ? "public, max-age=31536000, immutable" : "no-cache");
    http_reply_header(request, "ETag", variant->etag);
    http_reply_header(request, "Vary", "Accept-Encoding");
    if (client_has(request, variant)) {
        http_reply_buffer(request, 304, NULL, 0);
        return;
    }
    if (forms[form].encoding) {
        http_reply_header(request, "Content-Encoding", forms[form].encoding);
    }
    http_reply_header(request, "Content-Type", file->type);
    struct evbuffer *body = evbuffer_new();
    ASSERT(body);
    evbuffer_set_flags(body, EVBUFFER_FLAG_DRAINS_TO_FD);
    if (variant->segment) {
        evbuffer_add_file_segment(body, variant->segment, 0, -1);
    }
    http_reply_buffer(request, 200, body, variant->size);
}

static bool is_page_path(const char *path)
{
    return !strchr(path, '.');
}

void http_static_serve(struct http_static_files *files, struct http_request *request)
{
    struct error err;
    const char *path;
    if (http_percent_decode(request->arena, "path", request->path, strlen(request->path), false,
                            &path, &err) < 0) {
        http_reply_error(request, &err);
        return;
    }
    const struct file *file = find_file(files, path);
    if (!file && is_page_path(path)) {
        file = files->index;
    }
    if (!file) {
        error_set(&err, ERR_NOT_FOUND, "There is no such page here.");
        http_reply_error(request, &err);
    } else if (file == files->index && files->index_text) {
        serve_index_with_nonce(files, request);
    } else {
        serve_file(files, file, request);
    }
}
