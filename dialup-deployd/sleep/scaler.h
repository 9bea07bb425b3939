/*
 * The scaler: how many instances a site has, by how often it is asked. Writes that into its row;
 * the converger does the rest.
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/store/sites.h"

struct deployd;
struct visited;

/* One more, one less, or as many as before. One more must fit into its owner's limits; if it does
 * not, the site goes on with what it has, and the log says so once. */
void scaler_judge(struct deployd *deployd, struct arena *arena, const struct site *site,
                  struct visited *visited, int64_t now_ms);
