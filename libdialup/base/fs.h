/*
 * Files and folders, for the code that stands at the edge. Everything here may block on the disk.
 *
 * "Beneath" functions resolve a relative path that somebody else chose without ever leaving the
 * folder dir_fd: no "..", no absolute path, no symlink that leads out, no magic links
 * (openat2(2), RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "libdialup/base/error.h"
#include "libdialup/base/str.h"

/* Creates path and what is missing above it; an existing folder is fine. */
int fs_make_dirs(const char *path, mode_t mode, struct error *err);

/* As fs_make_dirs, beneath dir_fd. */
int fs_make_dirs_beneath(int dir_fd, const char *path, mode_t mode, struct error *err);

/* openat2 beneath dir_fd. Returns a descriptor to be closed, or a negative error. */
int fs_open_beneath(int dir_fd, const char *path, int flags, mode_t mode, struct error *err);

/* Reads a whole file of at most max_size bytes and appends it to out. */
int fs_read_file(const char *path, size_t max_size, struct strbuf *out, struct error *err);

/* Writes a file so that a reader sees the old or the new one, whole, also after a power cut. */
int fs_write_file(const char *path, const void *data, size_t size, mode_t mode, struct error *err);

/* Removes a tree without following links; a path that is not there is fine. */
int fs_remove_tree(const char *path, struct error *err);

/* Whether this process may hand files to other users (capabilities(7), CAP_CHOWN). On a developer's
 * own account it may not: there everything stays theirs. */
bool fs_may_give(void);

/* Creates path and what is missing above it, as fs_make_dirs, and gives the folder itself just this
 * mode and group, whatever the umask; also one that was there. One that is not as it should be has
 * to be the caller's own. */
int fs_make_dir_for(const char *path, mode_t mode, gid_t group, struct error *err);

/* Makes link point at target in one step, replacing what link was. */
int fs_replace_symlink(const char *target, const char *link, struct error *err);

struct fs_usage {
    int64_t size_bytes; /* allocated blocks; a file with several links counts once */
    int64_t inodes;
};

/* What a tree counts as where space is limited: its blocks, or one for each of its files if that is
 * more. So a million empty files are not free: they use up the disk's inodes. */
enum { FS_BYTES_PER_INODE = 4096 };
static inline int64_t fs_usage_charged(int64_t size_bytes, int64_t inodes)
{
    return size_bytes > inodes * FS_BYTES_PER_INODE ? size_bytes : inodes * FS_BYTES_PER_INODE;
}

/* What the tree at path occupies. Stops with ERR_TOO_LARGE above max_inodes. */
int fs_measure_tree(const char *path, int64_t max_inodes, struct fs_usage *ret_usage,
                    struct error *err);

/* Writes all bytes to fd, whatever the number of write(2) calls it takes. */
int fs_write_all(int fd, const void *data, size_t size, struct error *err);

bool fs_exists(const char *path);
