/*
 * The trash: moving something there takes an instant, emptying it is a job's work. What belongs to
 * a person stays for 7 days; what only a failed build left goes at once.
 */
#pragma once

#include <stdint.h>

struct deployd;

/* Moves a folder that nobody needs away and has it removed soon. One that is not there is fine. */
void trash_move(struct deployd *deployd, const char *path);

/* Moves a site's folder to where it stays for 7 days. */
void trash_keep_site(struct deployd *deployd, int64_t site_id);

/* Starts the job that removes what may go; at most one at a time. */
void trash_sweep(struct deployd *deployd);
