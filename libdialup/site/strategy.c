/*
 * The table of strategies. Called by deployd and by the command line.
 */
#include "libdialup/site/strategy.h"

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

static const struct site_strategy strategies[SITE_STRATEGY_COUNT] = {
#define STRATEGY(id, name, label, may_sleep, max_instances) {name, label, may_sleep, max_instances},
#include "libdialup/site/strategies.def"
#undef STRATEGY
};

static const struct site_strategy *look_up(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(strategies); i++) {
        if (str_equal(strategies[i].name, name)) {
            return &strategies[i];
        }
    }
    return NULL;
}

const struct site_strategy *site_strategy_find(const char *name)
{
    const struct site_strategy *found = look_up(name);
    return found ? found : look_up(SITE_STRATEGY_DEFAULT);
}

int site_strategy_parse(const char *name, const struct site_strategy **ret_strategy,
                        struct error *err)
{
    const struct site_strategy *found = look_up(name);
    if (!found) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "strategy", "There is no strategy \"%.40s\"",
                        name);
        error_hint(err, "Use one of: lazy, persistent, scalable");
        return -ERR_INVALID_ARGUMENT;
    }
    *ret_strategy = found;
    return 0;
}
