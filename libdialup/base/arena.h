/*
 * An arena: memory that lives as long as one request and is given back at once.
 *
 * Allocation never fails (see memory.h) and is aligned for any type; nothing is freed singly.
 */
#pragma once

#include <stddef.h>

struct arena;

struct arena *arena_new(void);

/* NULL is fine. */
void arena_free(struct arena *arena);

/* Forgets all that was allocated and keeps the first block for the next request. */
void arena_reset(struct arena *arena);

/* Zeroed memory. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_calloc(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *arena, const char *text, size_t len)
    __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

/* Bytes in use: what was asked for, with padding. */
size_t arena_used(const struct arena *arena);

static inline void cleanup_arena(struct arena **arena)
{
    arena_free(*arena);
}

/* Declares an arena that ends with the scope. */
#define AUTO_ARENA __attribute__((cleanup(cleanup_arena)))
