/*
 * Host names of sites, checked once at the edge and a type from there on.
 *
 * A struct domain is lower case, has at least two labels of letters, digits and hyphens, no dot at
 * the end, and is no IP address: it is safe as a file name, in a socket's path, in SQL, in a log.
 * Everything here is pure. Errors name the field "domain", say why and what to do instead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/error.h"

enum { DOMAIN_NAME_SIZE = 254 };

struct domain {
    char name[DOMAIN_NAME_SIZE];
};

/* What this server says about names. Texts are borrowed. */
struct domain_rules {
    const char *suffix;  /* "example.org": sites are made below it; NULL or "" if there is none */
    size_t max_len;      /* characters, so that the socket's path fits; 0 for 253 */
    bool allow_punycode; /* names with letters beyond a-z, written as xn--... */
};

/* Any host name, such as the server's own. rules->suffix plays no part. Letters of text may be
 * capitals and it may end with one dot. ERR_INVALID_ARGUMENT, ERR_MISSING_FIELD. */
int domain_parse(const char *text, const struct domain_rules *rules, struct domain *ret_domain,
                 struct error *err);

/* The name of a site, as a person gives it. Beyond domain_parse: a single label becomes
 * "label.suffix" (*ret_completed says so; it may be NULL), and names that the server keeps for
 * itself, or that could be taken for one of those, are refused with ERR_FORBIDDEN. */
int domain_parse_site(const char *text, const struct domain_rules *rules, struct domain *ret_domain,
                      bool *ret_completed, struct error *err);

/* Whether a person could take one name for the other: they differ, but not any more once 0 and o
 * are the same letter; so are 1, l and i; rn is m; vv is w; and hyphens and dots are left out.
 * For names of different owners: one's own may look alike. */
bool domain_is_confusable(const struct domain *a, const struct domain *b);

/* What domain_is_confusable compares, to find look-alikes among many names. */
void domain_skeleton(const struct domain *domain, char ret_skeleton[DOMAIN_NAME_SIZE]);
