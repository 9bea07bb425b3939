/*
 * What changed between two manifests. The command line asks what to send, the deploy job what it
 * can link; both must get the same answer, so both call this.
 */
#include "libdialup/site/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "libdialup/base/memory.h"

static int compare_contents(const struct manifest_entry *a, const struct manifest_entry *b)
{
    int order = memcmp(a->digest, b->digest, MANIFEST_DIGEST_SIZE);
    if (order == 0) {
        order = (a->size_bytes > b->size_bytes) - (a->size_bytes < b->size_bytes);
    }
    /* A link shares the mode, too. */
    return order ? order : (a->mode > b->mode) - (a->mode < b->mode);
}

static int compare_pointers(const void *a, const void *b)
{
    const struct manifest_entry *const *left = a;
    const struct manifest_entry *const *right = b;
    int order = compare_contents(*left, *right);
    /* Equal contents in the order of the paths, so that everybody finds the same one first. */
    return order ? order : (*left > *right) - (*left < *right);
}

/* The base's entries by what is in the files. */
static const struct manifest_entry **index_contents(const struct manifest *base)
{
    const struct manifest_entry **index =
        xcalloc(base->count + 1, sizeof(const struct manifest_entry *));
    for (size_t i = 0; i < base->count; i++) {
        index[i] = &base->entries[i];
    }
    qsort(index, base->count, sizeof(const struct manifest_entry *), compare_pointers);
    return index;
}

/* The first with the contents of wanted, or NULL. */
static const struct manifest_entry *find_contents(const struct manifest_entry *const *index,
                                                  size_t count, const struct manifest_entry *wanted)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_contents(index[middle], wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && compare_contents(index[low], wanted) == 0 ? index[low] : NULL;
}

static void find_sources(struct manifest_diff *diff, const struct manifest *base,
                         const struct manifest *wanted)
{
    const struct manifest_entry **index = index_contents(base);
    for (size_t i = 0; i < wanted->count; i++) {
        const struct manifest_entry *entry = &wanted->entries[i];
        const struct manifest_entry *source = manifest_find(base, entry->path);
        if (!source || compare_contents(source, entry) != 0) {
            source = find_contents(index, base->count, entry);
        }
        diff->sources[i] = source;
        if (!source) {
            diff->send_count++;
            diff->send_bytes += entry->size_bytes;
        }
    }
    free(index);
}

void manifest_diff_init(struct manifest_diff *diff, const struct manifest *base,
                        const struct manifest *wanted)
{
    *diff = (struct manifest_diff){
        .sources = xcalloc(wanted->count + 1, sizeof(const struct manifest_entry *)),
        .gone = xcalloc(base->count + 1, sizeof(const struct manifest_entry *)),
    };
    find_sources(diff, base, wanted);
    for (size_t i = 0; i < base->count; i++) {
        if (!manifest_find(wanted, base->entries[i].path)) {
            diff->gone[diff->gone_count++] = &base->entries[i];
        }
    }
}

void manifest_diff_fini(struct manifest_diff *diff)
{
    free(diff->sources);
    free(diff->gone);
    *diff = (struct manifest_diff){0};
}
