/*
 * See the header. Called by the emergency's plan and by whoever shows shares.
 */
#include "libdialup/quota/fair_share.h"

#include "libdialup/base/memory.h"

static int64_t share_of(int64_t used, int64_t has)
{
    return used <= 0 ? 0 : has <= 0 ? QUOTA_WHOLE_SHARE : used * QUOTA_WHOLE_SHARE / has;
}

int64_t quota_dominant_share(const struct quota_amounts *used, const struct quota_machine *machine,
                             enum quota_dimension *ret_dimension)
{
    static const enum quota_dimension shared[] = {QUOTA_MEMORY, QUOTA_CPU, QUOTA_STORAGE};
    int64_t largest = -1;
    for (size_t i = 0; i < ARRAY_COUNT(shared); i++) {
        int64_t share = share_of(used->of[shared[i]], quota_machine_has(machine, shared[i]));
        if (share > largest) {
            largest = share;
            *ret_dimension = shared[i];
        }
    }
    return largest;
}

int64_t quota_fair_share(int64_t capacity, size_t active_owners)
{
    return active_owners == 0 ? capacity : capacity / (int64_t)active_owners;
}

size_t quota_count_active(const struct quota_owner *owners, size_t count)
{
    size_t active = 0;
    for (size_t i = 0; i < count; i++) {
        active += owners[i].is_active;
    }
    return active;
}

static bool comes_before(const struct quota_owner *a, const struct quota_owner *b)
{
    return a->entity != b->entity ? a->entity < b->entity : a->id < b->id;
}

const struct quota_owner *quota_largest_share(const struct quota_owner *owners, size_t count,
                                              const struct quota_machine *machine)
{
    const struct quota_owner *most = NULL;
    int64_t most_share = 0;
    for (size_t i = 0; i < count; i++) {
        enum quota_dimension dimension;
        int64_t share = quota_dominant_share(&owners[i].used, machine, &dimension);
        if (owners[i].is_active && (share > most_share || (most && share == most_share &&
                                                           comes_before(&owners[i], most)))) {
            most = &owners[i];
            most_share = share;
        }
    }
    return most;
}

const struct quota_owner *quota_most_over_share(const struct quota_owner *owners, size_t count,
                                                const struct quota_machine *machine)
{
    enum quota_dimension dimension;
    const struct quota_owner *most = quota_largest_share(owners, count, machine);
    int64_t fair = quota_fair_share(QUOTA_WHOLE_SHARE, quota_count_active(owners, count));
    return most && quota_dominant_share(&most->used, machine, &dimension) > fair ? most : NULL;
}
