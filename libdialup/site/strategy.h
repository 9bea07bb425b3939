/*
 * Strategies: how a site's container is kept while few, or many, visit it. Pure; the table is
 * strategies.def. A site that is served from files needs none: it costs nothing as it is.
 */
#pragma once

#include <stdbool.h>

#include "libdialup/base/error.h"

enum site_strategy_id {
#define STRATEGY(id, name, label, may_sleep, max_instances) SITE_STRATEGY_##id,
#include "libdialup/site/strategies.def"
#undef STRATEGY
    SITE_STRATEGY_COUNT
};

struct site_strategy {
    const char *name;  /* in the API and the database */
    const char *label; /* for people */
    bool may_sleep;
    int max_instances;
};

#define SITE_STRATEGY_DEFAULT "lazy"

/* A name that is not in the table, as an older or newer program may have written it, is the
 * default. Never NULL. */
const struct site_strategy *site_strategy_find(const char *name);

/* ERR_INVALID_ARGUMENT, field "strategy", with the names that there are. */
int site_strategy_parse(const char *name, const struct site_strategy **ret_strategy,
                        struct error *err);
