/*
 * Which hosts are static sites: only those are counted from the access log, because the gate counts
 * the others. What the database says is remembered until hosts_forget.
 */
#pragma once

#include <stdint.h>

struct db;
struct hosts;

struct hosts *hosts_new(struct db *db);

/* NULL is fine. */
void hosts_free(struct hosts *hosts);

/* The id of the static site at this host (a valid name), 0 if there is none. Reads one row of the
 * database for a host that was not asked for since hosts_forget. */
int64_t hosts_find_static(struct hosts *hosts, const char *host);

void hosts_forget(struct hosts *hosts);
