/*
 * Edit distance over short words. Called where a command, a daemon or another name is unknown.
 */
#include "libdialup/base/nearest.h"

#include <stdint.h>
#include <string.h>

#include "libdialup/base/str.h"

enum { WORD_MAX_LEN = 40 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t least_of_two = a < b ? a : b;
    return least_of_two < c ? least_of_two : c;
}

/* Letters to add, drop or change (Levenshtein), one row of the table at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX_LEN + 1];
    size_t len = strlen(b);
    for (size_t j = 0; j <= len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[len];
}

const char *nearest_word(const char *word, const void *first, size_t count, size_t stride)
{
    enum { START_LEN = 3 };
    const char *best = NULL;
    size_t len = strlen(word);
    size_t best_distance = len / 2 + 1; /* beyond that it is another word */
    if (len == 0 || len > WORD_MAX_LEN) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const char *candidate;
        memcpy(&candidate, (const char *)first + i * stride, sizeof(candidate));
        if (strlen(candidate) > WORD_MAX_LEN) {
            continue;
        }
        size_t here =
            len >= START_LEN && str_starts_with(candidate, word) ? 0 : distance(word, candidate);
        if (here < best_distance) {
            best = candidate;
            best_distance = here;
        }
    }
    return best;
}
