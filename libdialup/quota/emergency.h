/*
 * Emergencies: the machine's memory runs out, and somebody gives way, in an order that everybody
 * knows beforehand. From a snapshot to a list of steps; deployd carries them out, logs each with
 * its reason, looks again, and undoes what can be undone when it is calm. Pure.
 *
 * The order: idle development containers, longest idle first; builds, newest first, frozen and not
 * killed; idle lazy sites, longest idle first; then, again and again, the oldest site of the owner
 * with the largest dominant share, who is most over a fair one. A snapshot that needs more gets the
 * same steps and then others: nobody gives way who would not have with less need.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/quota/fair_share.h"

/* Of the machine's memory: an emergency begins at the first and ends below the second. */
enum { QUOTA_EMERGENCY_PERCENT = 90, QUOTA_EMERGENCY_END_PERCENT = 80 };

enum quota_container_kind { QUOTA_DEV_CONTAINER, QUOTA_BUILD, QUOTA_LAZY_SITE, QUOTA_OTHER_SITE };

/* What an emergency has done to a container before. */
enum quota_given_way { QUOTA_STANDS, QUOTA_WAS_FROZEN, QUOTA_WAS_STOPPED };

struct quota_container {
    int64_t id; /* the caller's: of the site, or of the deployment that is built */
    enum quota_container_kind kind;
    size_t owner;       /* index into the snapshot's owners */
    const char *name;   /* borrowed, for the reasons: "a.example.org" */
    bool is_idle;       /* nobody uses it now */
    int64_t idle_s;     /* since when */
    int64_t age_s;      /* since it was made: of two sites the older one goes first */
    int64_t memory_mib; /* what it occupies, measured; what stopping it gives back */
    enum quota_given_way given_way;
};

struct quota_snapshot {
    int64_t memory_mib;      /* the machine's */
    int64_t memory_used_mib; /* measured, without what can be taken back at once (caches) */
    bool is_emergency;       /* as answered last time */
    struct quota_machine machine;
    const struct quota_owner *owners; /* used: what they have promised now */
    size_t owner_count;
    const struct quota_container *containers;
    size_t container_count;
};

enum quota_step_kind {
    QUOTA_STOP_DEV_CONTAINER,
    QUOTA_FREEZE_BUILD,
    QUOTA_PUT_TO_SLEEP, /* a lazy site: the next visitor wakes it once there is room */
    QUOTA_STOP_SITE,
    QUOTA_THAW_BUILD,
    QUOTA_START_SITE
};

const char *quota_step_name(enum quota_step_kind kind); /* "freeze_build" */

struct quota_step {
    enum quota_step_kind kind;
    size_t container; /* index into the snapshot's containers */
    char reason[160]; /* for the log and the owner, without a full stop */
};

struct quota_plan {
    bool is_emergency;
    size_t count;
};

/* Steps until memory would be below the end of the emergency, or nobody is left who could give
 * way; room for container_count of them. Without an emergency: what is undone, in the order in
 * which it stands, as far as that does not bring the emergency back. The snapshot's containers are
 * not more than QUOTA_CONTAINERS_MAX. */
enum { QUOTA_CONTAINERS_MAX = 4096 };
struct quota_plan quota_emergency_plan(const struct quota_snapshot *snapshot,
                                       struct quota_step *ret_steps);
