/*
 * Files that arrive in parts. The bytes stand in a file named by the id; a row says how far it is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

struct db;

/* Bytes arrive; all are there; a deployment has taken it. */
enum upload_state { UPLOAD_OPEN, UPLOAD_COMPLETE, UPLOAD_USED };

struct upload {
    const char *id;
    int64_t site_id;
    int64_t user_id;
    int64_t received_bytes;
    int64_t max_bytes;
    enum upload_state state;
    int64_t created_at;
    int64_t updated_at;
};

struct uploads_list {
    struct upload *rows;
    size_t count;
};

/* What an account has on the disk: uploads that no deployment has taken or has done with yet. */
struct uploads_held {
    int64_t count;
    int64_t bytes;
};

struct uploads_by_user {
    int64_t user_id;
    int64_t count;
    int64_t bytes;
};

struct uploads_by_user_list {
    struct uploads_by_user *rows;
    size_t count;
};

/* For a person: which they are. */
struct upload_held {
    const char *id;
    const char *domain; /* of the site; NULL once that is gone */
    int64_t received_bytes;
};

struct uploads_held_list {
    struct upload_held *rows;
    size_t count;
};

/* id, site_id, user_id, max_bytes and created_at are taken from upload. */
int uploads_create(struct db *db, const struct upload *upload, struct error *err);

int uploads_find(struct db *db, struct arena *arena, const char *id, struct upload *ret_upload,
                 struct error *err);

/* Notes that size bytes arrived at offset. -ERR_CONFLICT if the upload is not open or does not
 * stand at offset, -ERR_TOO_LARGE above max_bytes. */
int uploads_advance(struct db *db, const char *id, int64_t offset, int64_t size, int64_t now,
                    struct error *err);

/* open -> complete; complete -> used. -ERR_CONFLICT from another state. */
int uploads_finish(struct db *db, const char *id, int64_t now, struct error *err);
int uploads_use(struct db *db, const char *id, int64_t now, struct error *err);

/* Those that nothing has happened to since before; at most 100, the oldest first. The caller
 * removes each file and then the row. */
int uploads_list_stale(struct db *db, struct arena *arena, int64_t before,
                       struct uploads_list *ret_list, struct error *err);

int uploads_sum_held(struct db *db, int64_t user_id, struct uploads_held *ret_held,
                     struct error *err);

/* The same of everybody who has some. */
int uploads_sum_by_user(struct db *db, struct arena *arena, struct uploads_by_user_list *ret_list,
                        struct error *err);

/* Those of the sum; the largest first, at most limit. */
int uploads_list_held(struct db *db, struct arena *arena, int64_t user_id, int64_t limit,
                      struct uploads_held_list *ret_list, struct error *err);

/* One that is not there is fine. */
int uploads_delete(struct db *db, const char *id, struct error *err);
