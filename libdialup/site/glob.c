/*
 * Matching without recursion: a star that took too little takes one more and we try again. Only
 * the last "*" and the last "**" can help: what stands before them has matched as early as it can,
 * and a "*" cannot reach past a '/'.
 */
#include "libdialup/site/glob.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "libdialup/base/memory.h"

/* Where to go on when a match fails; pattern is NULL if there is nowhere. */
struct retry {
    const char *pattern;
    const char *path;
};

static const struct {
    const char *name;
    int (*test)(int c);
} classes[] = {
    {"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
    {"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
    {"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
};

/* "[:name:]" at *pattern, which is moved behind it. False if the name is unknown. */
static bool match_class(const char **pattern, unsigned char c, bool *matched)
{
    const char *name = *pattern + 2;
    const char *end = strstr(name, ":]");
    for (size_t i = 0; end && i < ARRAY_COUNT(classes); i++) {
        size_t len = strlen(classes[i].name);
        if ((size_t)(end - name) == len && strncmp(name, classes[i].name, len) == 0) {
            *matched |= classes[i].test(c) != 0;
            *pattern = end + 2;
            return true;
        }
    }
    return false;
}

/* One character of a bracket, perhaps behind a backslash; '\0' if the pattern ends. */
static unsigned char take_member(const char **pattern)
{
    if (**pattern == '\\') {
        (*pattern)++;
    }
    return **pattern == '\0' ? '\0' : (unsigned char)*(*pattern)++;
}

/* A character or a range at *pattern, which is moved behind it. False if the pattern ends. */
static bool match_range(const char **pattern, unsigned char c, bool *matched)
{
    unsigned char first = take_member(pattern);
    unsigned char last = first;
    if (first != '\0' && (*pattern)[0] == '-' && (*pattern)[1] != ']' && (*pattern)[1] != '\0') {
        (*pattern)++;
        last = take_member(pattern);
    }
    *matched |= first <= c && c <= last;
    return first != '\0' && last != '\0';
}

/* The bracket at pattern. Returns what stands behind it if c is in it, else NULL. */
static const char *match_bracket(const char *pattern, unsigned char c)
{
    bool matched = false;
    pattern++;
    bool is_negated = *pattern == '!' || *pattern == '^';
    pattern += is_negated;
    for (bool is_first = true; is_first || *pattern != ']'; is_first = false) {
        bool is_good = pattern[0] == '[' && pattern[1] == ':' ? match_class(&pattern, c, &matched)
                                                              : match_range(&pattern, c, &matched);
        if (!is_good) {
            return NULL;
        }
    }
    return matched != is_negated && c != '/' ? pattern + 1 : NULL;
}

/* One pattern element that stands for one byte. Returns what is behind it, or NULL. */
static const char *match_one(const char *pattern, unsigned char c)
{
    switch (*pattern) {
    case '\0':
        return NULL;
    case '?':
        return c != '/' ? pattern + 1 : NULL;
    case '[':
        return match_bracket(pattern, c);
    case '\\':
        pattern++;
        return (unsigned char)*pattern == c ? pattern + 1 : NULL;
    default:
        return (unsigned char)*pattern == c ? pattern + 1 : NULL;
    }
}

/* Whether the count stars at pattern are a "**" that reaches over '/'. */
static bool is_double_star(const char *start, const char *pattern, size_t count)
{
    bool begins_part = pattern == start || pattern[-1] == '/';
    return count >= 2 && begins_part && (pattern[count] == '/' || pattern[count] == '\0');
}

/* The path behind its next '/', or NULL. */
static const char *next_part(const char *path)
{
    const char *slash = strchr(path, '/');
    return slash ? slash + 1 : NULL;
}

/* Goes back to where a star can take more. False if there is no such place. */
static bool take_more(struct retry *star, struct retry *double_star, const char **pattern,
                      const char **path)
{
    if (star->pattern && *star->path != '\0' && *star->path != '/') {
        star->path++;
        *pattern = star->pattern;
        *path = star->path;
        return true;
    }
    double_star->path = double_star->pattern ? next_part(double_star->path) : NULL;
    if (!double_star->path) {
        double_star->pattern = NULL;
        return false;
    }
    *pattern = double_star->pattern;
    *path = double_star->path;
    star->pattern = NULL;
    return true;
}

bool glob_match(const char *pattern, const char *path)
{
    const char *start = pattern;
    struct retry star = {0};
    struct retry double_star = {0};
    while (*path != '\0' || *pattern != '\0') {
        size_t stars = strspn(pattern, "*");
        if (is_double_star(start, pattern, stars)) {
            if (pattern[stars] == '\0') {
                return *path != '\0';
            }
            pattern += stars + 1;
            double_star = (struct retry){pattern, path};
            star.pattern = NULL;
            continue;
        }
        if (stars > 0) {
            pattern += stars;
            star = (struct retry){pattern, path};
            continue;
        }
        const char *next = *path != '\0' ? match_one(pattern, (unsigned char)*path) : NULL;
        if (next) {
            pattern = next;
            path++;
        } else if (!take_more(&star, &double_star, &pattern, &path)) {
            return false;
        }
    }
    return true;
}
