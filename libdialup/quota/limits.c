/*
 * See the header. Called by admission, by whoever writes limits, and by whoever shows them.
 */
#include "libdialup/quota/limits.h"

#include <stdio.h>

#include "libdialup/base/log.h"

int64_t quota_machine_has(const struct quota_machine *machine, enum quota_dimension dimension)
{
    enum quota_dimension whole = quota_dimension_info(dimension)->whole;
    return whole == QUOTA_MEMORY    ? machine->memory_mib
           : whole == QUOTA_CPU     ? machine->cpu_millicores
           : whole == QUOTA_STORAGE ? machine->storage_mib
                                    : QUOTA_UNLIMITED;
}

const char *quota_bound_name(enum quota_bound bound)
{
    static const char *const names[] = {"none", "hard", "percent"};
    return names[bound];
}

struct quota_effective quota_limit_effective(const struct quota_limit *limit,
                                             enum quota_dimension dimension,
                                             const struct quota_machine *machine)
{
    int64_t has = quota_machine_has(machine, dimension);
    struct quota_effective effective = {
        limit->hard, limit->hard == QUOTA_UNLIMITED ? QUOTA_BY_NOTHING : QUOTA_BY_HARD};
    if (limit->percent == 0 || has == QUOTA_UNLIMITED) {
        return effective;
    }
    int64_t part = has * limit->percent / 100;
    return limit->hard == QUOTA_UNLIMITED || part < limit->hard
               ? (struct quota_effective){part, QUOTA_BY_PERCENT}
               : effective;
}

int64_t quota_limit_with_burst(const struct quota_limit *limit, int64_t effective)
{
    return effective == QUOTA_UNLIMITED ? QUOTA_UNLIMITED
                                        : effective + effective * limit->burst_percent / 100;
}

static int check_percent(const char *field, int64_t percent, int64_t least, struct error *err)
{
    if (percent >= least && percent <= 100) {
        return 0;
    }
    int result = error_set_field(err, ERR_INVALID_ARGUMENT, field, "%lld is no such percentage",
                                 (long long)percent);
    error_hint(err, "Give a whole number from %lld to 100", (long long)least);
    return result;
}

static int check_amount(const struct quota_limit *limit, enum quota_dimension dimension,
                        struct error *err)
{
    if (limit->hard == QUOTA_UNLIMITED) {
        return 0;
    }
    int result = quota_amount_check(dimension, limit->hard, err);
    if (result < 0) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "hard",
                        limit->hard < 0 ? "A limit cannot be negative" : "This limit is too large");
        error_hint(err, "Give a whole number, or -1 for no limit");
    }
    return result;
}

static int check_part(const struct quota_limit *limit, enum quota_dimension dimension,
                      struct error *err)
{
    static const struct quota_machine any = {1, 1, 1};
    if (limit->percent == 0 || quota_machine_has(&any, dimension) != QUOTA_UNLIMITED) {
        return check_percent("percent", limit->percent, 0, err);
    }
    int result = error_set_field(err, ERR_INVALID_ARGUMENT, "percent",
                                 "%s cannot be limited to a part of the machine",
                                 quota_dimension_info(dimension)->label);
    error_hint(err, "Give an amount; parts are for memory, CPU and storage");
    return result;
}

int quota_limit_check(const struct quota_limit *limit, enum quota_dimension dimension,
                      enum quota_entity entity, struct error *err)
{
    int result = 0;
    if (!quota_dimension_binds(dimension, entity)) {
        result =
            error_set_field(err, ERR_INVALID_ARGUMENT, "dimension", "A %s has no limit of \"%s\"",
                            quota_entity_name(entity), quota_dimension_info(dimension)->name);
        error_hint(err, "Leave it out");
        return result;
    }
    if ((result = check_amount(limit, dimension, err)) < 0 ||
        (result = check_part(limit, dimension, err)) < 0 ||
        (result = check_percent("soft_percent", limit->soft_percent, 1, err)) < 0) {
        return result;
    }
    return check_percent("burst_percent", limit->burst_percent, 0, err);
}

enum quota_state quota_state(const struct quota_limit *limit, int64_t used)
{
    if (limit->hard == QUOTA_UNLIMITED) {
        return QUOTA_OK;
    }
    if (used >= limit->hard) {
        return used > limit->hard ? QUOTA_OVER : limit->hard == 0 ? QUOTA_OK : QUOTA_HARD;
    }
    return used * 100 >= limit->hard * limit->soft_percent ? QUOTA_SOFT : QUOTA_OK;
}

const char *quota_state_name(enum quota_state state)
{
    static const char *const names[] = {"ok", "soft", "hard", "over"};
    return names[state];
}

bool quota_limit_consequence(enum quota_dimension dimension, int64_t effective, int64_t used,
                             int64_t needed, char *out, size_t size)
{
    const struct quota_dimension_info *info = quota_dimension_info(dimension);
    char amount[32];
    char limit[32];
    if (effective == QUOTA_UNLIMITED || (used <= effective && needed <= effective)) {
        return false;
    }
    bool is_over = used > effective;
    quota_format(info->unit, is_over ? used - effective : needed, amount, sizeof(amount));
    quota_format(info->unit, effective, limit, sizeof(limit));
    char label[64];
    bool is_part = info->whole != dimension;
    snprintf(label, sizeof(label), "%s%s%s%s", quota_dimension_info(info->whole)->label,
             is_part ? " (" : "", is_part ? info->label : "", is_part ? ")" : "");
    if (is_over) {
        snprintf(out, size, "%s is over by %s now: %s", label, amount,
                 info->kind == QUOTA_RESERVED ? "what runs goes on with less, nothing new starts"
                                              : "what is there stays, nothing new is taken");
    } else {
        snprintf(out, size, "%s: what needs %s cannot start with %s", label, amount, limit);
    }
    return true;
}
