/*
 * The table of strategies: names, and what an unknown one means.
 */
#include "libdialup/site/strategy.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static void case_names(void)
{
    const struct site_strategy *strategy = NULL;
    struct error err = {0};
    CHECK_INT(site_strategy_parse("scalable", &strategy, &err), 0);
    CHECK_STR(strategy->name, "scalable");
    CHECK_INT(strategy->max_instances, 2);
    CHECK(!strategy->may_sleep);
    CHECK(site_strategy_find("lazy")->may_sleep);
    CHECK(!site_strategy_find("persistent")->may_sleep);
    CHECK_INT(site_strategy_parse("Lazy", &strategy, &err), -ERR_INVALID_ARGUMENT);
    CHECK_STR(err.field, "strategy");
    CHECK_CONTAINS(err.hint, "lazy, persistent, scalable");
}

static void case_unknown_is_default(void)
{
    CHECK_STR(site_strategy_find("from the future")->name, SITE_STRATEGY_DEFAULT);
    CHECK_STR(site_strategy_find("")->name, SITE_STRATEGY_DEFAULT);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"names", case_names},
        {"an unknown one is the default", case_unknown_is_default},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
