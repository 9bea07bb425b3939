/*
 * Who does not wake a sleeping site: search bots, probes and the like, by User-Agent or path.
 *
 * Pure. The one place that reads a request's head, and only while a site sleeps. It decides nothing
 * but whether the request is a reason to wake: a visitor who pretends to be a robot waits in vain,
 * a robot that pretends to be a visitor wakes the site.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct robots {
    char **agents; /* owned, small letters: parts of a User-Agent */
    char **paths;  /* owned, small letters: how a path begins */
};

enum robots_verdict {
    ROBOTS_UNDECIDED, /* the head goes on beyond what is there */
    ROBOTS_VISITOR,
    ROBOTS_ROBOT,
};

/* Both are comma-separated lists; blanks around a word are dropped, as are empty words. */
void robots_init(struct robots *robots, const char *agents, const char *paths);
void robots_fini(struct robots *robots);

/* head: the first bytes of a request. */
enum robots_verdict robots_judge(const struct robots *robots, const char *head, size_t size);
