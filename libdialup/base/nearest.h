/*
 * The word that was probably meant. Pure.
 */
#pragma once

#include <stddef.h>

/* Of count texts that stand stride bytes apart (the first member of each struct, or plain texts),
 * the one that is nearest to word; NULL if none is near. */
const char *nearest_word(const char *word, const void *first, size_t count, size_t stride);
