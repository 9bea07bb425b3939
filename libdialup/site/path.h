/*
 * Paths of a site's files, as they stand in manifests and archives. Pure.
 */
#pragma once

#include "libdialup/base/error.h"

enum { SITE_PATH_MAX = 1024, SITE_PATH_DEPTH_MAX = 64, SITE_PATH_NAME_MAX = 255 };

/* The archive's own first member; no file of a site may have this path. */
#define SITE_MANIFEST_PATH ".dialup-manifest"

/* 0 if path is relative, stays inside its folder and is fit for any file system: UTF-8 without
 * control characters and backslashes, no empty, "." or ".." part, within the limits above.
 * ERR_INVALID_ARGUMENT with the field "path" otherwise. */
int site_path_check(const char *path, struct error *err);
