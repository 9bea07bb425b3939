/*
 * What containers used. monitord writes one row a container and cycle; all rows of a cycle have
 * the same time, and counters are differences since the row before. "Memory" is the working set.
 *
 * Who asks over a longer time reads roll-ups (rollups.h) and, for the last minutes, the rows of the
 * cycles: usage_summarize, usage_series_read, usage_consumers_list. Times are unix seconds; a time
 * may be asked for that lies before the first row.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/trend.h"
#include "libdialup/store/scope.h"

struct db;

enum usage_kind { USAGE_PRODUCTION, USAGE_DEVELOPMENT, USAGE_BUILD, USAGE_KIND_COUNT };

const char *usage_kind_name(enum usage_kind kind);

struct usage_sample {
    int64_t at;
    int64_t site_id;
    const char *container_id;
    enum quota_entity owner_kind;
    int64_t owner_id;
    enum usage_kind kind;
    int64_t interval_ms;
    int64_t cpu_us;
    int64_t memory_bytes;
    int64_t memory_limit_bytes; /* in force, from the kernel; 0: none */
    int64_t pids;
    int64_t rx_bytes;
    int64_t tx_bytes;
    int64_t read_bytes;
    int64_t write_bytes;
};

/* All or none, in one transaction; at most 200 keep the writers' lock short. A second sample of the
 * same container and second (the clock was set back) adds to the first. */
int usage_add(struct db *db, const struct usage_sample *samples, size_t count, struct error *err);

/* The newest cycle; all 0 if it is older than since. */
struct usage_now {
    int64_t at;
    int64_t containers;
    int64_t cpu_millicores;
    int64_t memory_bytes;
    int64_t memory_limit_bytes;
    int64_t pids;
};
int usage_now(struct db *db, const struct scope *scope, int64_t since, struct usage_now *ret_now,
              struct error *err);

/* Sums ------------------------------------------------------------------------------------- */

/* What something used in a time, added up; peaks are of whole cycles. */
struct usage_sums {
    int64_t runtime_ms;   /* in which at least one container ran */
    int64_t container_ms; /* the same, added up over the containers */
    int64_t cpu_us;
    int64_t cpu_millicores_peak;
    int64_t memory_kib_s; /* KiB times seconds */
    int64_t memory_bytes_peak;
    int64_t containers_peak;
    int64_t rx_bytes; /* of the containers' networks */
    int64_t tx_bytes;
    int64_t read_bytes; /* of disks */
    int64_t write_bytes;
    int64_t requests; /* of visitors, static sites too; so the rest */
    int64_t status_5xx;
    int64_t bytes_in;
    int64_t bytes_out;
    int64_t duration_us;         /* over the requests */
    int64_t reserved_memory_mib; /* the most that was promised, the parts together; so the next */
    int64_t reserved_cpu_millicores; /* two. USAGE_UNKNOWN: nobody looked; always so of a site */
    int64_t storage_mib;
};
enum { USAGE_UNKNOWN = -1 };

double usage_runtime_hours(const struct usage_sums *sums);
double usage_container_hours(const struct usage_sums *sums);
double usage_core_hours(const struct usage_sums *sums);
double usage_gib_hours(const struct usage_sums *sums);

/* The average while something ran; 0 if nothing did. */
int64_t usage_mean_millicores(const struct usage_sums *sums);
int64_t usage_mean_memory_bytes(const struct usage_sums *sums);

/* All that an account's page shows: the newest cycle (all 0 if it is older than since), the last 24
 * hours with their peaks, and everything since counting began. An owner is a user or a team; a
 * team's use is that of its own sites. */
struct usage_summary {
    struct usage_now now;
    struct usage_sums day;
    struct usage_sums ever;
};
int usage_summarize(struct db *db, const struct scope *scope, int64_t now, int64_t since,
                    struct usage_summary *ret_summary, struct error *err);

/* History ---------------------------------------------------------------------------------- */

enum { USAGE_POINTS_MAX = 502 };

struct usage_step {
    int64_t at; /* the step's begin; that of the first may lie before from */
    struct usage_sums sums;
};
struct usage_series {
    int64_t from;
    int64_t to;
    int64_t step_s;
    struct usage_step *rows; /* by time; a step in which nothing was is left out */
    size_t count;            /* at most USAGE_POINTS_MAX */
};

/* [from, to), in steps of a minute up to weeks: as fine as what is kept and the number of points
 * allow. Steps of a minute (the last two hours) know nothing of the ledger.
 * -ERR_INVALID_ARGUMENT, field "from", unless from < to. */
int usage_series_read(struct db *db, struct arena *arena, const struct scope *scope, int64_t from,
                      int64_t to, int64_t now, struct usage_series *ret_series, struct error *err);

enum usage_measure {
    USAGE_MEASURE_CPU,    /* millicores, the average while something ran */
    USAGE_MEASURE_MEMORY, /* bytes, the same */
    USAGE_MEASURE_REQUESTS,
    USAGE_MEASURE_RESERVED_CPU,    /* millicores */
    USAGE_MEASURE_RESERVED_MEMORY, /* MiB */
    USAGE_MEASURE_STORAGE          /* MiB */
};

/* The line through a series (quota/trend.h); quota_trend_reaches tells when it meets a limit of the
 * same unit. The last step may not be over, so end a series of requests before it. Pure. */
struct quota_trend usage_trend(const struct usage_series *series, enum usage_measure measure);

/* Analytics -------------------------------------------------------------------------------- */

enum usage_entity { USAGE_OF_SITE, USAGE_OF_USER, USAGE_OF_TEAM };

enum usage_order {
    USAGE_BY_CPU,
    USAGE_BY_MEMORY,
    USAGE_BY_REQUESTS,
    USAGE_BY_TRAFFIC, /* bytes to and from visitors */
    USAGE_BY_STORAGE, /* users and teams alone */
    USAGE_BY_RUNTIME
};
const char *usage_order_name(enum usage_order order); /* "cpu", "memory", "requests", ... */
bool usage_order_parse(const char *name, enum usage_order *ret_order);

struct usage_consumer {
    int64_t id;
    const char *name;  /* domain, e-mail address or team's name, of deleted ones too */
    const char *owner; /* of a site: its owner's name now; else "" */
    struct usage_sums sums;
};
struct usage_consumers {
    int64_t from; /* the period that was read: whole steps */
    int64_t to;
    int64_t step_s;
    struct usage_consumer *rows; /* the largest first; who used nothing is left out */
    size_t count;
};

/* Who used how much in [from, to), as far as it is rolled up: up to some five minutes ago. Read in
 * whole hours, for more than three days in whole days. -ERR_INVALID_ARGUMENT, field "from", unless
 * from < to. */
int usage_consumers_list(struct db *db, struct arena *arena, enum usage_entity entity, int64_t from,
                         int64_t to, enum usage_order order, int64_t limit,
                         struct usage_consumers *ret_consumers, struct error *err);

/* Removes samples before `before`, at most ten minutes' worth a call; go on until none is left. */
int usage_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err);
