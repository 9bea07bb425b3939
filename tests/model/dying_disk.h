/*
 * A disk that dies: SQLite's files as the kernel keeps them, until a given number of writes is
 * used up. The last one is torn in half; from then on nothing reaches the disk, as if the machine
 * had lost its power. Syncs cost nothing. For the model alone.
 */
#pragma once

#include <stdbool.h>

/* Makes it the disk of whatever is opened from now on. */
void dying_disk_install(void);

/* So many writes and it is dead; negative: it lives. Also brings a dead one back. */
void dying_disk_set_writes(int writes);

bool dying_disk_is_dead(void);
