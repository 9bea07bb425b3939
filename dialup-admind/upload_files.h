/*
 * Uploads: a row and a file each, kept in step. The file is state_dir/uploads/ID.part; the row says
 * how much of it counts, so a part that was cut off is simply sent again.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/store/uploads.h"

/* Blocks on the disk. */
int upload_files_make_folder(const struct admind *admind, struct error *err);

/* A row and an empty file. ERR_QUOTA_EXCEEDED, naming what is open, if the account has too many
 * open already, or too much in them. */
int upload_files_create(const struct admind *admind, struct arena *arena, int64_t site_id,
                        int64_t user_id, struct upload *ret_upload, struct error *err);

/* Writes the request's raw body at offset; the upload must stand there. ERR_CONFLICT with a hint
 * that tells where it stands, ERR_TOO_LARGE, ERR_QUOTA_EXCEEDED as above. Renews the upload's
 * received_bytes. Blocks until the part is on the disk: what the row counts outlives a power cut.
 */
int upload_files_write(const struct admind *admind, struct http_request *request, int64_t offset,
                       struct upload *upload, struct error *err);

/* Removes file and row. */
void upload_files_remove(const struct admind *admind, const char *id);
