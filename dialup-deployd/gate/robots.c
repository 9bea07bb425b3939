/*
 * Telling robots from visitors. Used by gate.c for requests to a site that sleeps.
 *
 * Whatever is not plainly on a list is a visitor: also what is no HTTP at all.
 */
#include "dialup-deployd/gate/robots.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libdialup/base/memory.h"

struct span {
    const char *at;
    size_t size;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(struct span span)
{
    while (span.size > 0 && is_blank(span.at[0])) {
        span.at++;
        span.size--;
    }
    while (span.size > 0 && is_blank(span.at[span.size - 1])) {
        span.size--;
    }
    return span;
}

/* A list that ends with NULL. */
static char **split(const char *text)
{
    char **words = xcalloc(strlen(text) + 2, sizeof(*words));
    size_t count = 0;
    while (*text) {
        size_t size = strcspn(text, ",");
        struct span word = trim((struct span){text, size});
        if (word.size > 0) {
            words[count] = xstrndup(word.at, word.size);
            for (char *c = words[count]; *c; c++) {
                *c = (char)tolower((unsigned char)*c);
            }
            count++;
        }
        text += size + (text[size] == ',');
    }
    return words;
}

static void free_words(char **words)
{
    for (char **word = words; word && *word; word++) {
        free(*word);
    }
    free(words);
}

void robots_init(struct robots *robots, const char *agents, const char *paths)
{
    robots->agents = split(agents);
    robots->paths = split(paths);
}

void robots_fini(struct robots *robots)
{
    free_words(robots->agents);
    free_words(robots->paths);
    *robots = (struct robots){0};
}

static bool begins_with(struct span span, const char *word)
{
    size_t len = strlen(word);
    return span.size >= len && strncasecmp(span.at, word, len) == 0;
}

static bool has_part(struct span span, const char *word)
{
    for (; span.size > 0; span.at++, span.size--) {
        if (begins_with(span, word)) {
            return true;
        }
    }
    return false;
}

static bool any(char *const *words, struct span span, bool (*matches)(struct span, const char *))
{
    for (; *words; words++) {
        if (matches(span, *words)) {
            return true;
        }
    }
    return false;
}

/* Takes one line off the head, without its end; false if its end is not there yet. */
static bool take_line(struct span *head, struct span *ret_line)
{
    const char *end = head->size > 0 ? memchr(head->at, '\n', head->size) : NULL;
    if (!end) {
        return false;
    }
    size_t size = (size_t)(end - head->at);
    *ret_line = (struct span){head->at, size > 0 && end[-1] == '\r' ? size - 1 : size};
    head->at += size + 1;
    head->size -= size + 1;
    return true;
}

/* The second word of "GET /path HTTP/1.1"; empty if there is none. */
static struct span path_of(struct span line)
{
    const char *first = memchr(line.at, ' ', line.size);
    if (!first) {
        return (struct span){line.at, 0};
    }
    struct span rest = {first + 1, line.size - (size_t)(first + 1 - line.at)};
    const char *second = memchr(rest.at, ' ', rest.size);
    rest.size = second ? (size_t)(second - rest.at) : rest.size;
    return rest;
}

enum robots_verdict robots_judge(const struct robots *robots, const char *bytes, size_t size)
{
    static const char agent_field[] = "user-agent:";
    struct span head = {bytes, size};
    struct span line;
    if (!take_line(&head, &line)) {
        return ROBOTS_UNDECIDED;
    }
    if (any(robots->paths, path_of(line), begins_with)) {
        return ROBOTS_ROBOT;
    }
    while (take_line(&head, &line)) {
        if (line.size == 0) {
            return ROBOTS_VISITOR;
        }
        if (begins_with(line, agent_field)) {
            size_t skipped = strlen(agent_field);
            struct span agent = {line.at + skipped, line.size - skipped};
            return any(robots->agents, agent, has_part) ? ROBOTS_ROBOT : ROBOTS_VISITOR;
        }
    }
    return ROBOTS_UNDECIDED;
}
