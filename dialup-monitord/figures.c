/*
 * The table of what is watched; see the header. Called by the watch.
 */
#include "dialup-monitord/figures.h"

enum { BYTES_PER_MIB = 1024 * 1024, KBIT_PER_MBIT = 1000 };

static int64_t memory_mib(const struct figures *figures, enum usage_kind kind)
{
    return (figures->use->memory_bytes[kind] + BYTES_PER_MIB - 1) / BYTES_PER_MIB;
}

static int64_t memory_production(const struct figures *figures)
{
    return memory_mib(figures, USAGE_PRODUCTION);
}

static int64_t memory_development(const struct figures *figures)
{
    return memory_mib(figures, USAGE_DEVELOPMENT);
}

static int64_t memory(const struct figures *figures)
{
    return memory_production(figures) + memory_development(figures);
}

static int64_t cpu_production(const struct figures *figures)
{
    return figures->use->cpu_millicores[USAGE_PRODUCTION];
}

static int64_t cpu_development(const struct figures *figures)
{
    return figures->use->cpu_millicores[USAGE_DEVELOPMENT];
}

static int64_t cpu(const struct figures *figures)
{
    return cpu_production(figures) + cpu_development(figures);
}

static int64_t temp_storage(const struct figures *figures)
{
    return figures->temp_storage_mib;
}

static int64_t bandwidth(const struct figures *figures)
{
    return (figures->use->kbit_per_s + KBIT_PER_MBIT / 2) / KBIT_PER_MBIT;
}

static int64_t connections(const struct figures *figures)
{
    return figures->use->connections;
}

static int64_t runtime_hours(const struct figures *figures)
{
    return figures->runtime_hours;
}

/* Where nothing is measured the ledger says it. */
static const struct watched {
    int64_t (*measure)(const struct figures *figures);
    bool is_watched;
    enum quota_state least; /* from where on it is noted */
    int64_t margin_percent;
    const char *action; /* from hard on */
} watched[QUOTA_DIMENSION_COUNT] = {
#define COUNTED(action)                                                                            \
    {                                                                                              \
        NULL, true, QUOTA_OVER, 0, action                                                          \
    }
    [QUOTA_SITES] = COUNTED("new sites are refused"),
    [QUOTA_CONTAINERS] = COUNTED("new containers are refused"),
    [QUOTA_CONCURRENT_CONTAINERS] = COUNTED("no more containers start"),
    [QUOTA_DEV_CONTAINERS] = COUNTED("no more dev containers start"),
    [QUOTA_SERVERS] = COUNTED("new servers are refused"),
    [QUOTA_APPLICATIONS] = COUNTED("new applications are refused"),
#undef COUNTED
#define RESERVED(measure, action)                                                                  \
    {                                                                                              \
        measure, true, QUOTA_SOFT, 10, action                                                      \
    }
    [QUOTA_MEMORY] = RESERVED(memory, "nothing more starts"),
    [QUOTA_MEMORY_PRODUCTION] = RESERVED(memory_production, "nothing more starts"),
    [QUOTA_MEMORY_DEVELOPMENT] = RESERVED(memory_development, "no editor starts"),
    [QUOTA_CPU] = RESERVED(cpu, "nothing more starts"),
    [QUOTA_CPU_PRODUCTION] = RESERVED(cpu_production, "nothing more starts"),
    [QUOTA_CPU_DEVELOPMENT] = RESERVED(cpu_development, "no editor starts"),
#undef RESERVED
    [QUOTA_STORAGE] = {NULL, true, QUOTA_SOFT, 2, "deploys are refused"},
    [QUOTA_STORAGE_PRODUCTION] = {NULL, true, QUOTA_SOFT, 2, "deploys are refused"},
    [QUOTA_STORAGE_DEVELOPMENT] = {NULL, true, QUOTA_SOFT, 2, "no more files are written"},
    [QUOTA_TEMP_STORAGE] = {temp_storage, true, QUOTA_SOFT, 2, "uploads are refused"},
    [QUOTA_BANDWIDTH] = {bandwidth, true, QUOTA_SOFT, 10, "slowed down to the limit"},
    [QUOTA_CONNECTIONS] = {connections, true, QUOTA_SOFT, 10, "new connections are refused"},
    [QUOTA_RUNTIME_HOURS] = {runtime_hours, true, QUOTA_SOFT, 0, "sites rest until tomorrow"},
    /* A time that somebody is away is no use of anything. */
    [QUOTA_IDLE_MINUTES] = {.is_watched = false},
};

bool figures_is_watched(enum quota_dimension dimension)
{
    return watched[dimension].is_watched;
}

struct quota_limit figures_limit(const struct figures *figures, enum quota_dimension dimension)
{
    struct quota_limit limit = figures->level->limits[dimension];
    limit.hard = quota_level_limit(figures->level, dimension).hard;
    if (watched[dimension].least == QUOTA_OVER) {
        limit.hard = quota_limit_with_burst(&limit, limit.hard);
    }
    return limit;
}

int64_t figures_used(const struct figures *figures, enum quota_dimension dimension,
                     const struct quota_limit *limit)
{
    int64_t promised = figures->level->used.of[dimension];
    if (!watched[dimension].measure) {
        return promised;
    }
    int64_t measured = watched[dimension].measure(figures);
    bool is_over = limit->hard != QUOTA_UNLIMITED && quota_dimension_is_counted(dimension) &&
                   promised > quota_limit_with_burst(limit, limit->hard);
    return is_over && promised > measured ? promised : measured;
}

struct quota_episode_rules figures_rules(enum quota_dimension dimension, int64_t after_s)
{
    return (struct quota_episode_rules){
        .least = watched[dimension].least,
        .begin_after_s = after_s,
        .end_after_s = after_s,
        .margin_percent = watched[dimension].margin_percent,
    };
}

const char *figures_action(const struct figures *figures, enum quota_dimension dimension,
                           enum quota_state worst)
{
    /* The gate acts at the moment that it happens, and says so. */
    bool has_acted = dimension == QUOTA_BANDWIDTH     ? figures->use->waits > 0
                     : dimension == QUOTA_CONNECTIONS ? figures->use->refused > 0
                                                      : worst >= QUOTA_HARD;
    return has_acted ? watched[dimension].action : "";
}
