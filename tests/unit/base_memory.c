/*
 * Arenas, secrets and the allocations that do not fail.
 */
#include "libdialup/base/memory.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/secret.h"
#include "tests/harness/check.h"

static bool is_zero(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i]) {
            return false;
        }
    }
    return true;
}

static void case_arena_sizes(void)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 4095, 4096, 4097, 100000, 3};
    AUTO_ARENA struct arena *arena = arena_new();
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
            char *memory = arena_alloc(arena, sizes[i]);
            CHECK_INT((uintptr_t)memory % alignof(max_align_t), 0);
            CHECK(is_zero(memory, sizes[i])); /* also after a reset */
            memset(memory, 0xAB, sizes[i]);
        }
        CHECK(arena_used(arena) >= 100000 + 3 * 4096);
        arena_reset(arena);
        CHECK_INT(arena_used(arena), 0);
    }
    arena_free(NULL);
}

static void case_arena_keeps_what_it_gave(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const char *texts[500];
    for (int i = 0; i < 500; i++) {
        texts[i] = arena_printf(arena, "text number %d", i);
    }
    for (int i = 0; i < 500; i++) {
        AUTO_FREE char *wanted = xasprintf("text number %d", i);
        CHECK_STR(texts[i], wanted);
    }
}

static void case_arena_texts(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    CHECK_STR(arena_strdup(arena, "abc"), "abc");
    CHECK_STR(arena_strdup(arena, ""), "");
    CHECK_STR(arena_strndup(arena, "abcdef", 3), "abc");
    const int *numbers = arena_calloc(arena, 10, sizeof(*numbers));
    CHECK_INT(numbers[9], 0);
}

static void case_secret_lives_and_ends(void)
{
    AUTO_SECRET struct secret secret = SECRET_INIT;
    secret_set(&secret, "pass\0word", 9);
    CHECK_INT(secret.size, 9);
    CHECK(memcmp(secret.data, "pass\0word", 10) == 0);
    secret_set(&secret, "", 0);
    CHECK_INT(secret.size, 0);
    CHECK_STR(secret.data, "");
    secret_fini(&secret);
    CHECK(!secret.data);
    secret_fini(&secret);
    char bytes[] = "hidden";
    secret_wipe(bytes, sizeof(bytes));
    CHECK(is_zero(bytes, sizeof(bytes)));
}

static void case_secrets_compare(void)
{
    static const struct {
        const char *a, *b;
        bool wanted;
    } rows[] = {
        {"abc", "abc", true},   {"abc", "abd", false}, {"abc", "Abc", false},
        {"abc", "abcd", false}, {"", "", true},        {"", "a", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_SECRET struct secret a = SECRET_INIT;
        AUTO_SECRET struct secret b = SECRET_INIT;
        secret_set(&a, rows[i].a, strlen(rows[i].a));
        secret_set(&b, rows[i].b, strlen(rows[i].b));
        CHECK_INT(secret_equal(&a, &b), rows[i].wanted);
    }
    struct secret none = SECRET_INIT;
    CHECK(secret_equal(&none, &none));
}

static void case_small_allocations(void)
{
    AUTO_FREE char *nothing = xmalloc(0);
    CHECK(nothing);
    AUTO_FREE char *zeros = xcalloc(3, 5);
    CHECK(is_zero(zeros, 15));
    /* The text need not be terminated when the length says where it ends. */
    const char unterminated[3] = {'a', 'b', 'c'};
    AUTO_FREE char *copy = xstrndup(unterminated, sizeof(unterminated));
    CHECK_STR(copy, "abc");
    AUTO_FREE char *shorter = xstrndup("ab", 10);
    CHECK_STR(shorter, "ab");
    AUTO_FREE char *text = xasprintf("%s-%d", "x", 5);
    CHECK_STR(text, "x-5");
    struct {
        int first, second;
    } pair;
    int *second = &pair.second;
    CHECK((void *)CONTAINER_OF(second, __typeof__(pair), second) == (void *)&pair);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"an arena gives zeroed, aligned memory of any size", case_arena_sizes},
        {"an arena's memory stays where it is", case_arena_keeps_what_it_gave},
        {"an arena's texts", case_arena_texts},
        {"a secret is kept whole and wiped", case_secret_lives_and_ends},
        {"secrets compare", case_secrets_compare},
        {"small allocations", case_small_allocations},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
