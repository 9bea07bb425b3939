/*
 * What sites occupy on the disk, in parts: the releases' share is noted at each deploy, all of it
 * by the measuring job.
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct db;

/* Bytes on the disk. */
struct storage_parts {
    int64_t releases_bytes;
    int64_t images_bytes;    /* layers of its own, without those of the base image */
    int64_t container_bytes; /* what containers wrote outside of mounted folders */
    int64_t logs_bytes;      /* of deployments and containers */
};

/* What counts as the owner's storage. */
int64_t storage_total(const struct storage_parts *parts);

/* What the owner is charged for it: as fs_usage_charged, where inodes are the releases'. */
int64_t storage_charged(const struct storage_parts *parts, int64_t inodes);

/* All 0 for a site that was never measured. */
int storage_find(struct db *db, int64_t site_id, struct storage_parts *ret_parts,
                 struct error *err);

/* Of all sites of an owner that are not deleted. */
int storage_sum(struct db *db, enum quota_entity owner_kind, int64_t owner_id,
                struct storage_parts *ret_parts, struct error *err);

/* Replaces what was noted. Sets the site's total, too. */
int storage_put(struct db *db, int64_t site_id, const struct storage_parts *parts, int64_t inodes,
                int64_t now, struct error *err);
