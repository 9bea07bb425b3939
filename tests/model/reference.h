/*
 * The reference: what the ledger must say, by arithmetic of its own on plain arrays. It shares
 * nothing with the product but the numbers of the dimensions and the figures of the tables that an
 * admin or a developer writes (profiles, types of sites).
 *
 * An operation is first asked of the reference: what will the product answer? Then the product is
 * asked. What deployd does by itself later (a release becomes live, a site comes to rest) is seen
 * in its rows; what the ledger must say then is worked out here again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/quota/dimensions.h"

enum {
    REFERENCE_SITES = 24,
    REFERENCE_USERS = 7, /* by id; 0 is unused */
    REFERENCE_TEAMS = 64,
    REFERENCE_RELEASES = 4096
};

enum reference_purpose { OF_SITE, OF_RUN, OF_STORAGE, PURPOSE_COUNT };

struct reference_amounts {
    int64_t of[QUOTA_DIMENSION_COUNT];
};

struct reference_limit {
    bool is_set;
    int64_t hard; /* -1: no amount */
    int64_t percent;
    int64_t burst;
};

struct reference_needs {
    char type[24];
    int64_t memory;
    int64_t cpu;
};

enum reference_desired { WANT_RUNNING, WANT_STOPPED, WANT_DELETED };
enum reference_depth { DEPTH_AWAKE, DEPTH_FROZEN, DEPTH_ASLEEP };

struct reference_site {
    int64_t id; /* 0: free */
    bool is_team;
    int64_t owner;
    struct reference_needs has; /* the row's */
    bool may_sleep;
    int64_t most_instances;
    int64_t instances;
    enum reference_desired desired;
    enum reference_depth depth;
    int64_t live;
    int64_t wanted;
    struct reference_amounts held[PURPOSE_COUNT];
};

struct reference_team {
    bool is_there;
    bool is_member[REFERENCE_USERS];
    bool is_lead[REFERENCE_USERS];
    struct reference_limit limits[QUOTA_DIMENSION_COUNT];
    int64_t shares[REFERENCE_USERS][QUOTA_DIMENSION_COUNT];
};

struct reference {
    struct reference_site sites[REFERENCE_SITES];
    struct reference_team teams[REFERENCE_TEAMS]; /* by id */
    struct reference_limit users[REFERENCE_USERS][QUOTA_DIMENSION_COUNT];
    struct reference_limit system[QUOTA_DIMENSION_COUNT];
    struct reference_needs releases[REFERENCE_RELEASES]; /* by deployment */
    int64_t team_last;
};

void reference_init(struct reference *reference);

struct reference_site *reference_find(struct reference *reference, int64_t site_id);

/* Would request fit in place of what is held? refused counts the levels that say no. */
struct reference_asking {
    bool is_team;
    int64_t owner;
    struct reference_amounts held;
    struct reference_amounts request;
};
bool reference_admits(const struct reference *reference, const struct reference_asking *asking,
                      int64_t refused[QUOTA_DIMENSION_COUNT]);

/* The same with nothing else there. */
bool reference_admits_alone(const struct reference *reference,
                            const struct reference_asking *asking,
                            int64_t refused[QUOTA_DIMENSION_COUNT]);

/* A whole is the sum of its parts. */
void reference_add_up(struct reference_amounts *amounts);

/* How many containers a site has, and what it holds while it runs, with these needs. */
int64_t reference_containers(const struct reference_needs *needs, int64_t instances);
struct reference_amounts reference_run(const struct reference_needs *needs, int64_t instances);

/* What it must have room for while next is to take over. */
struct reference_needs reference_room(const struct reference_site *site,
                                      const struct reference_needs *next);

/* What an owner has in use. */
struct reference_amounts reference_used(const struct reference *reference, bool is_team,
                                        int64_t owner);

/* What an owner's limit comes to; -1: none. */
int64_t reference_limit(const struct reference *reference, bool is_team, int64_t owner,
                        enum quota_dimension dimension);

bool reference_is_shared(enum quota_dimension dimension);
enum quota_dimension reference_whole(enum quota_dimension dimension);

/* A user's limit without what they bring into teams other than this one. */
int64_t reference_limit_elsewhere(const struct reference *reference, int64_t user, int64_t team,
                                  enum quota_dimension dimension);

/* What members bring into a team, or a user into all teams; wholes added up. */
int64_t reference_brought(const struct reference *reference, bool is_team, int64_t owner,
                          enum quota_dimension dimension);
