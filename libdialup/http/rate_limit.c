/*
 * Buckets in an open hash table: a key may stand in one of a few neighbouring slots.
 */
#include "libdialup/http/rate_limit.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "libdialup/base/memory.h"

enum { SLOT_COUNT = 1024, NEIGHBOURS = 8 };

struct key {
    uint32_t id;
    unsigned char address[16];
};

struct bucket {
    struct key key;
    bool used;
    double tokens;
    int64_t at_us;
};

struct rate_limiter {
    struct bucket slots[SLOT_COUNT];
};

struct rate_limiter *rate_limiter_new(void)
{
    return xcalloc(1, sizeof(struct rate_limiter));
}

void rate_limiter_free(struct rate_limiter *limiter)
{
    free(limiter);
}

/* What is no address counts as one address. */
static void make_key(uint32_t id, const char *address, struct key *ret_key)
{
    memset(ret_key, 0, sizeof(*ret_key));
    ret_key->id = id;
    if (inet_pton(AF_INET6, address, ret_key->address) == 1) {
        static const unsigned char mapped_ipv4[12] = {[10] = 0xFF, [11] = 0xFF};
        if (memcmp(ret_key->address, mapped_ipv4, sizeof(mapped_ipv4)) != 0) {
            memset(ret_key->address + 8, 0, 8);
        }
    } else if (inet_pton(AF_INET, address, ret_key->address + 12) == 1) {
        memset(ret_key->address + 10, 0xFF, 2);
    }
}

/* FNV-1a: who wants two keys in one slot gains nothing, see the header. */
static uint32_t hash_key(const struct key *key)
{
    const unsigned char *bytes = (const unsigned char *)key;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sizeof(*key); i++) {
        hash = (hash ^ bytes[i]) * 16777619u;
    }
    return hash;
}

static void refill(struct bucket *bucket, unsigned a_minute, int64_t now_us)
{
    double tokens = bucket->tokens + (double)(now_us - bucket->at_us) * a_minute / 60e6;
    bucket->tokens = tokens > a_minute ? a_minute : tokens;
    bucket->at_us = now_us;
}

static bool makes_better_room(const struct bucket *a, const struct bucket *b)
{
    if (a->used != b->used) {
        return !a->used;
    }
    return a->at_us < b->at_us;
}

static struct bucket *find_bucket(struct rate_limiter *limiter, const struct key *key,
                                  unsigned a_minute, int64_t now_us)
{
    uint32_t start = hash_key(key);
    struct bucket *room = &limiter->slots[start % SLOT_COUNT];
    for (uint32_t i = 0; i < NEIGHBOURS; i++) {
        struct bucket *bucket = &limiter->slots[(start + i) % SLOT_COUNT];
        if (bucket->used && memcmp(&bucket->key, key, sizeof(*key)) == 0) {
            return bucket;
        }
        room = makes_better_room(bucket, room) ? bucket : room;
    }
    *room = (struct bucket){.key = *key, .used = true, .tokens = a_minute, .at_us = now_us};
    return room;
}

bool rate_limiter_take(struct rate_limiter *limiter, uint32_t id, const char *address,
                       unsigned a_minute, int64_t now_us, int *ret_retry_s)
{
    struct key key;
    make_key(id, address, &key);
    struct bucket *bucket = find_bucket(limiter, &key, a_minute, now_us);
    refill(bucket, a_minute, now_us);
    if (bucket->tokens < 1) {
        *ret_retry_s = 1 + (int)((1 - bucket->tokens) * 60 / a_minute);
        return false;
    }
    bucket->tokens -= 1;
    return true;
}
