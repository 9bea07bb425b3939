/*
 * Blocks in a list, the newest first; each request takes the next bytes of the newest block.
 */
#include "libdialup/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum { BLOCK_SIZE = 4096, ALIGNMENT = _Alignof(max_align_t) };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) unsigned char data[];
};

struct arena {
    struct block *newest;
    size_t used;
};

static struct block *block_new(struct block *next, size_t size)
{
    struct block *block = xmalloc(sizeof(*block) + size);
    block->next = next;
    block->size = size;
    block->used = 0;
    return block;
}

struct arena *arena_new(void)
{
    struct arena *arena = xcalloc(1, sizeof(*arena));
    arena->newest = block_new(NULL, BLOCK_SIZE);
    return arena;
}

static void free_blocks(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_free(struct arena *arena)
{
    if (arena) {
        free_blocks(arena->newest);
        free(arena);
    }
}

void arena_reset(struct arena *arena)
{
    struct block *first = arena->newest;
    while (first->next) {
        struct block *next = first->next;
        free(first);
        first = next;
    }
    first->used = 0;
    arena->newest = first;
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    ASSERT(size <= SIZE_MAX / 2);
    size_t padded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct block *block = arena->newest;
    if (block->size - block->used < padded) {
        block = block_new(block, padded > BLOCK_SIZE ? padded : BLOCK_SIZE);
        arena->newest = block;
    }
    void *memory = block->data + block->used;
    block->used += padded;
    arena->used += padded;
    memset(memory, 0, padded);
    return memory;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    ASSERT(!__builtin_mul_overflow(count, size, &total));
    return arena_alloc(arena, total);
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
