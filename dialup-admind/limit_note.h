/*
 * What an admin should know of limits that were just set: those that promise more than there is.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/quota/quota.h"

/* Sentences in the arena; NULL if there is nothing to say. changed tells which limits were given.
 */
const char *limit_note(const struct admind *admind, struct arena *arena,
                       const struct quota_limit *limits, const bool *changed);

/* What this machine has, as the settings or the kernel tell it: what limits in parts of the machine
 * are parts of. 0: not known. */
struct quota_machine limit_note_machine(const struct admind *admind);
