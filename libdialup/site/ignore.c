/*
 * The rules of .gitignore; see the header. Called by the command line while it walks a folder.
 *
 * Differences between Git's manual and Git are settled as Git does it (dir.c, wildmatch.c):
 * "a**b" is "a*b"; "[" without an end matches nothing; a bracket never matches '/'.
 */
#include "libdialup/site/ignore.h"

#include <stdlib.h>
#include <string.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/site/glob.h"
#include "libdialup/site/path.h"

struct pattern {
    const char *folder; /* "" or where the pattern's file lies */
    const char *glob;   /* without '!', and without '/' at either end */
    bool is_negated;
    bool is_folder_only;
    bool is_anchored; /* matched against the path below folder, else against the name alone */
};

struct ignore {
    struct arena *arena;
    struct pattern *patterns;
    size_t count;
    size_t capacity;
};

const char ignore_secrets[] = ".env\n.env.*\n";

static const char *const always_ignored[] = {
    ".git", "node_modules", ".DS_Store", ".dialupignore", SITE_MANIFEST_PATH,
};

struct ignore *ignore_new(void)
{
    struct ignore *ignore = xcalloc(1, sizeof(*ignore));
    ignore->arena = arena_new();
    return ignore;
}

void ignore_free(struct ignore *ignore)
{
    if (ignore) {
        arena_free(ignore->arena);
        free(ignore->patterns);
        free(ignore);
    }
}

/* The length without spaces at the end, except for one behind a backslash. */
static size_t trimmed_len(const char *line, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\\' && i + 1 < len) {
            i++;
            kept = i + 1;
        } else if (line[i] != ' ') {
            kept = i + 1;
        }
    }
    return kept;
}

static void append(struct ignore *ignore, const struct pattern *pattern)
{
    if (ignore->count == ignore->capacity) {
        ignore->capacity = ignore->capacity ? 2 * ignore->capacity : 32;
        ignore->patterns =
            xreallocarray(ignore->patterns, ignore->capacity, sizeof(*ignore->patterns));
    }
    ignore->patterns[ignore->count++] = *pattern;
}

static void add_line(struct ignore *ignore, const char *folder, const char *line, size_t len)
{
    struct pattern pattern = {.folder = folder};
    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    if (len == 0 || line[0] == '#') {
        return;
    }
    len = trimmed_len(line, len);
    if (len > 0 && line[0] == '!') {
        pattern.is_negated = true;
        line++;
        len--;
    }
    if (len > 0 && line[len - 1] == '/') {
        pattern.is_folder_only = true;
        len--;
    }
    pattern.is_anchored = memchr(line, '/', len) != NULL;
    if (len > 0 && line[0] == '/') {
        line++;
        len--;
    }
    if (len == 0 || len > IGNORE_PATTERN_MAX || memchr(line, '\0', len)) {
        return;
    }
    pattern.glob = arena_strndup(ignore->arena, line, len);
    append(ignore, &pattern);
}

int ignore_add(struct ignore *ignore, const char *folder, const char *text, size_t size,
               struct error *err)
{
    const char *end = text + size;
    const char *own_folder = arena_strdup(ignore->arena, folder);
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
    }
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline ? newline : end;
        if (ignore->count == IGNORE_MAX_PATTERNS) {
            return error_set(err, ERR_TOO_LARGE, "There are more than %d ignore patterns",
                             IGNORE_MAX_PATTERNS);
        }
        add_line(ignore, own_folder, text, (size_t)(line_end - text));
        text = newline ? newline + 1 : end;
    }
    return 0;
}

/* The part of path below folder, or NULL if it is not in there. */
static const char *path_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    if (len == 0) {
        return path;
    }
    return str_starts_with(path, folder) && path[len] == '/' ? path + len + 1 : NULL;
}

static bool pattern_matches(const struct pattern *pattern, const char *path, const char *name,
                            bool is_folder)
{
    if (pattern->is_folder_only && !is_folder) {
        return false;
    }
    const char *below = path_below(path, pattern->folder);
    if (!below) {
        return false;
    }
    return glob_match(pattern->glob, pattern->is_anchored ? below : name);
}

bool ignore_match(const struct ignore *ignore, const char *path, bool is_folder)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < ARRAY_COUNT(always_ignored); i++) {
        if (str_equal(name, always_ignored[i])) {
            return true;
        }
    }
    for (size_t i = ignore->count; i > 0; i--) {
        const struct pattern *pattern = &ignore->patterns[i - 1];
        if (pattern_matches(pattern, path, name, is_folder)) {
            return !pattern->is_negated;
        }
    }
    return false;
}
