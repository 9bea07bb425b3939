/*
 * fts walks, libarchive writes into a buffer, the engine's client takes from it. Called by
 * dockerfile.c.
 */
#include "dialup-deployd/jobs/docker_context.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/site/ignore.h"
#include "libdialup/site/path.h"

enum { BLOCK_BYTES = 64 << 10 };

struct docker_context {
    FTS *tree;
    size_t prefix; /* of the folder in each path */
    struct archive *archive;
    struct ignore *ignore;
    struct strbuf ready; /* what was written and not taken yet, from taken on */
    size_t taken;
    int fd; /* the file that is being written, or -1 */
    int64_t left;
    bool is_done;
};

/* .dockerignore ------------------------------------------------------------------------------- */

/* Docker's patterns count from the top, .gitignore's only with a slash in front. */
static void anchor_line(struct strbuf *out, const char *line, size_t len)
{
    if (len == 0 || line[0] == '#') {
        return;
    }
    if (line[0] == '!') {
        strbuf_putc(out, '!');
        line++;
        len--;
    }
    if (len > 0 && line[0] != '/') {
        strbuf_putc(out, '/');
    }
    strbuf_append(out, line, len);
    strbuf_putc(out, '\n');
}

static int read_ignore(struct docker_context *context, int dir_fd, struct error *err)
{
    AUTO_CLOSE int fd = fs_open_beneath(dir_fd, ".dockerignore", O_RDONLY | O_NONBLOCK, 0, NULL);
    if (fd < 0) {
        return 0;
    }
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    AUTO_STRBUF struct strbuf anchored = STRBUF_INIT;
    AUTO_FREE char *path = xasprintf("/proc/self/fd/%d", fd);
    int result = fs_read_file(path, IGNORE_FILE_MAX_BYTES, &text, err);
    if (result < 0) {
        return result;
    }
    for (const char *at = strbuf_text(&text); *at;) {
        size_t len = strcspn(at, "\r\n");
        anchor_line(&anchored, at, len);
        at += len;
        at += strspn(at, "\r\n");
    }
    return ignore_add(context->ignore, "", strbuf_text(&anchored), anchored.size, err);
}

/* The tar ------------------------------------------------------------------------------------- */

static la_ssize_t on_archive_data(struct archive *archive, void *data, const void *block,
                                  size_t size)
{
    struct docker_context *context = data;
    strbuf_append(&context->ready, block, size);
    return (la_ssize_t)size;
}

static bool is_wanted(const struct docker_context *context, const FTSENT *entry, const char *path)
{
    if (str_equal(path, "Dockerfile") || str_equal(path, ".dockerignore")) {
        return true;
    }
    return site_path_check(path, NULL) == 0 &&
           !ignore_match(context->ignore, path, entry->fts_info == FTS_D);
}

static bool write_header(struct docker_context *context, const FTSENT *entry, const char *path)
{
    char target[SITE_PATH_MAX + 1];
    struct archive_entry *header = archive_entry_new();
    bool is_file = entry->fts_info == FTS_F;
    archive_entry_set_pathname(header, path);
    archive_entry_set_perm(header, entry->fts_statp->st_mode & 0777);
    archive_entry_set_mtime(header, entry->fts_statp->st_mtime, 0);
    archive_entry_set_size(header, is_file ? entry->fts_statp->st_size : 0);
    archive_entry_set_filetype(header, is_file                    ? AE_IFREG
                                       : entry->fts_info == FTS_D ? AE_IFDIR
                                                                  : AE_IFLNK);
    if (entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE) {
        ssize_t len = readlink(entry->fts_accpath, target, sizeof(target) - 1);
        target[len < 0 ? 0 : len] = '\0';
        archive_entry_set_symlink(header, target);
    }
    bool is_written = archive_write_header(context->archive, header) == ARCHIVE_OK;
    archive_entry_free(header);
    return is_written;
}

static bool begin_entry(struct docker_context *context, FTSENT *entry)
{
    const char *path = entry->fts_path + context->prefix;
    path += *path == '/';
    bool is_known = entry->fts_info == FTS_D || entry->fts_info == FTS_F ||
                    entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE;
    if (!*path || !is_known) {
        return true;
    }
    if (!is_wanted(context, entry, path)) {
        if (entry->fts_info == FTS_D) {
            fts_set(context->tree, entry, FTS_SKIP);
        }
        return true;
    }
    if (entry->fts_info == FTS_F) {
        context->fd = open(entry->fts_accpath, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        context->left = entry->fts_statp->st_size;
        if (context->fd < 0) {
            return false;
        }
    }
    return write_header(context, entry, path);
}

static bool continue_file(struct docker_context *context)
{
    char block[BLOCK_BYTES];
    size_t wanted = context->left < (int64_t)sizeof(block) ? (size_t)context->left : sizeof(block);
    ssize_t got = wanted ? read(context->fd, block, wanted) : 0;
    if (got <= 0) {
        close(context->fd);
        context->fd = -1;
        return got == 0;
    }
    context->left -= got;
    return archive_write_data(context->archive, block, (size_t)got) == got;
}

/* Writes something more; false on failure. */
static bool advance(struct docker_context *context)
{
    if (context->fd >= 0) {
        return continue_file(context);
    }
    FTSENT *entry = fts_read(context->tree);
    if (entry) {
        return begin_entry(context, entry);
    }
    context->is_done = true;
    return archive_write_close(context->archive) == ARCHIVE_OK;
}

ssize_t docker_context_read(void *data, char *out, size_t size)
{
    struct docker_context *context = data;
    while (context->taken == context->ready.size) {
        if (context->is_done) {
            return 0;
        }
        strbuf_clear(&context->ready);
        context->taken = 0;
        if (!advance(context)) {
            return -1;
        }
    }
    size_t left = context->ready.size - context->taken;
    size_t given = left < size ? left : size;
    memcpy(out, context->ready.data + context->taken, given);
    context->taken += given;
    return (ssize_t)given;
}

/* Life ---------------------------------------------------------------------------------------- */

int docker_context_open(const char *folder, int dir_fd, struct docker_context **ret_context,
                        struct error *err)
{
    struct docker_context *context = xcalloc(1, sizeof(*context));
    char *paths[] = {(char *)(uintptr_t)folder, NULL}; /* fts_open(3) does not write to it */
    context->fd = -1;
    context->prefix = strlen(folder);
    context->ignore = ignore_new();
    context->archive = archive_write_new();
    context->tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    ASSERT(context->archive && context->tree);
    archive_write_set_format_pax_restricted(context->archive);
    archive_write_set_options(context->archive, "hdrcharset=BINARY");
    archive_write_set_bytes_per_block(context->archive, 0);
    archive_write_open(context->archive, context, NULL, on_archive_data, NULL);
    int result = read_ignore(context, dir_fd, err);
    if (result < 0) {
        docker_context_close(context);
        return result;
    }
    *ret_context = context;
    return 0;
}

void docker_context_close(struct docker_context *context)
{
    archive_write_free(context->archive);
    fts_close(context->tree);
    ignore_free(context->ignore);
    strbuf_fini(&context->ready);
    if (context->fd >= 0) {
        close(context->fd);
    }
    free(context);
}
