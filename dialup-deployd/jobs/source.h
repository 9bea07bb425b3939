/*
 * From the upload to the release's folder, whole: unpacked, completed from the base release, and
 * every file what the manifest says.
 *
 * With a manifest in the archive, files that it does not bring are taken from the release that the
 * manifest names: linked if nobody but root can change them, else copied. What the archive brings
 * beyond its manifest is refused. Without one, everything counts, and a manifest is made.
 *
 * Times tell visitors' browsers what is new: a web server's ETag is the time in seconds and the
 * size. So a file that changed gets a time that no file of an earlier release has, and one that
 * did not keeps its own. Times in archives do not count.
 */
#pragma once

#include "dialup-deployd/jobs/build_work.h"

/* Makes release_dir and its files (root's), fills build->manifest, and the release's
 * received_bytes, linked_files, files and size_bytes; writes manifest_path. ERR_CONFLICT if the
 * base is not there any more or is not what it was: everything must be sent. */
int source_prepare(struct build *build, struct error *err);

/* After something foreign ran in release_dir: what it changed or removed leaves the manifest, which
 * is written again, so that a later deployment does not build on it. */
int source_forget_changed(struct build *build, struct error *err);
