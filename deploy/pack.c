/*
 * The archive of a deploy; see the header. Owners and times are left out: the server
 * has its own.
 */
#include "deploy/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/interrupt.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/site/path.h"

enum { BLOCK_SIZE = 128 * 1024, SHOW_FROM_BYTES = 32 << 20 };

struct pack {
    struct archive *archive;
    struct terminal *terminal;
    int64_t done_bytes;
    int64_t total_bytes;
};

static const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] == '/' ? folder : "/tmp";
}

/* Always a matter of this machine, also when its disk is full. */
static int cannot_write(int errno_value, struct error *err)
{
    error_set(err, ERR_IO, "Could not write the archive in %.200s: %s", temporary_folder(),
              strerror(errno_value));
    error_hint(err, "Make room there, or name another folder in TMPDIR");
    return -ERR_IO;
}

static int archive_failed(struct archive *archive, struct error *err)
{
    return cannot_write(archive_errno(archive), err);
}

static int write_header(struct archive *archive, const char *path, unsigned mode,
                        int64_t size_bytes, struct error *err)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, (__LA_MODE_T)mode);
    archive_entry_set_size(entry, size_bytes);
    archive_entry_set_mtime(entry, 0, 0);
    int result =
        archive_write_header(archive, entry) == ARCHIVE_OK ? 0 : archive_failed(archive, err);
    archive_entry_free(entry);
    return result;
}

static int write_block(struct archive *archive, const char *data, size_t size, struct error *err)
{
    return archive_write_data(archive, data, size) == (la_ssize_t)size
               ? 0
               : archive_failed(archive, err);
}

static int write_manifest(struct archive *archive, const struct manifest *manifest,
                          struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    manifest_print(manifest, &text);
    int result =
        write_header(archive, SITE_MANIFEST_PATH, MANIFEST_MODE_DEFAULT, (int64_t)text.size, err);
    return result < 0 ? result : write_block(archive, text.data, text.size, err);
}

static int file_changed(const char *path, struct error *err)
{
    error_set(err, ERR_CONFLICT, "%.200s changed while it was being read", path);
    error_hint(err, "Deploy again when nothing writes to the folder");
    return -ERR_CONFLICT;
}

static int show_progress(struct pack *pack, size_t size, struct error *err)
{
    pack->done_bytes += (int64_t)size;
    if (pack->total_bytes >= SHOW_FROM_BYTES) {
        terminal_progress(pack->terminal, "Packing", pack->done_bytes, pack->total_bytes);
    }
    return interrupt_pending() ? error_set(err, ERR_IO, "Stopped; nothing was sent") : 0;
}

/* Copies the file and makes sure that it still is what the manifest says. */
static int copy_file(struct pack *pack, int fd, const struct manifest_entry *entry,
                     struct error *err)
{
    AUTO_FREE char *block = xmalloc(BLOCK_SIZE);
    struct digest digest;
    digest_init(&digest);
    int64_t left = entry->size_bytes;
    ssize_t got;
    while ((got = read(fd, block, BLOCK_SIZE)) > 0 && got <= left) {
        digest_update(&digest, block, (size_t)got);
        left -= got;
        int result = write_block(pack->archive, block, (size_t)got, err);
        if (result < 0 || (result = show_progress(pack, (size_t)got, err)) < 0) {
            return result;
        }
    }
    if (got < 0) {
        return error_set_errno(err, ERR_IO, errno, "Could not read %.200s", entry->path);
    }
    unsigned char hash[DIGEST_SIZE];
    digest_finish(&digest, hash);
    bool is_same = got == 0 && left == 0 && memcmp(hash, entry->digest, DIGEST_SIZE) == 0;
    return is_same ? 0 : file_changed(entry->path, err);
}

static int write_file(struct pack *pack, const struct folder *folder,
                      const struct manifest_entry *entry, struct error *err)
{
    AUTO_CLOSE int fd = folder_open_file(folder, entry->path, err);
    if (fd < 0) {
        return fd;
    }
    int result = write_header(pack->archive, entry->path, entry->mode, entry->size_bytes, err);
    return result < 0 ? result : copy_file(pack, fd, entry, err);
}

static int write_members(struct pack *pack, const struct folder *folder,
                         const struct manifest *manifest, const struct manifest_diff *diff,
                         struct error *err)
{
    int result = write_manifest(pack->archive, manifest, err);
    for (size_t i = 0; i < manifest->count && result == 0; i++) {
        if (!diff->sources[i]) {
            result = write_file(pack, folder, &manifest->entries[i], err);
        }
    }
    if (result == 0 && archive_write_close(pack->archive) != ARCHIVE_OK) {
        result = archive_failed(pack->archive, err);
    }
    terminal_progress_end(pack->terminal);
    return result;
}

static int64_t bytes_to_send(const struct manifest *manifest, const struct manifest_diff *diff)
{
    int64_t total_bytes = 0;
    for (size_t i = 0; i < manifest->count; i++) {
        total_bytes += diff->sources[i] ? 0 : manifest->entries[i].size_bytes;
    }
    return total_bytes;
}

static int open_temporary(struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/dialup-deploy-XXXXXX", temporary_folder());
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        return cannot_write(errno, err);
    }
    unlink(path);
    return fd;
}

int pack_make(const struct folder *folder, const struct manifest *manifest,
              const struct manifest_diff *diff, struct terminal *terminal, int64_t *ret_size_bytes,
              struct error *err)
{
    int fd = open_temporary(err);
    if (fd < 0) {
        return fd;
    }
    struct archive *archive = archive_write_new();
    archive_write_set_format_pax_restricted(archive);
    archive_write_add_filter_gzip(archive);
    /* Names as bytes: they are UTF-8 already, whatever the locale is here or at the server. */
    archive_write_set_options(archive, "hdrcharset=BINARY");
    struct pack pack = {archive, terminal, 0, bytes_to_send(manifest, diff)};
    int result = archive_write_open_fd(archive, fd) == ARCHIVE_OK
                     ? write_members(&pack, folder, manifest, diff, err)
                     : archive_failed(archive, err);
    if (result < 0) {
        archive_write_fail(archive); /* else the rest of the member is filled up first */
    }
    archive_write_free(archive);
    off_t size_bytes = lseek(fd, 0, SEEK_END);
    if (result < 0 || size_bytes < 0) {
        close(fd);
        return result < 0 ? result : error_set_errno(err, ERR_IO, errno, "Could not read back");
    }
    *ret_size_bytes = size_bytes;
    return fd;
}
