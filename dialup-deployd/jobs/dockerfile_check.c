/*
 * Reads a Dockerfile as the engine does, as far as that matters here: comments, lines that go
 * on, and the `# escape=` directive, which changes how they do. Called by the build job.
 */
#include "dialup-deployd/jobs/dockerfile_check.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t\r\v\f");
}

/* "# escape=`" among the comments at the top; a backslash otherwise. */
static char find_escape(const char *text)
{
    for (const char *line = text; *skip_blanks(line) == '#';) {
        const char *word = skip_blanks(skip_blanks(line) + 1);
        if (strncasecmp(word, "escape", strlen("escape")) == 0) {
            const char *equals = skip_blanks(word + strlen("escape"));
            if (*equals == '=' && *skip_blanks(equals + 1) == '`') {
                return '`';
            }
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return '\\';
}

/* Cuts the escape at the end of a line; true if there was one, so that the line goes on. */
static bool cut_continuation(char *line, char escape)
{
    size_t len = strlen(line);
    while (len > 0 && isspace((unsigned char)line[len - 1])) {
        len--;
    }
    if (len == 0 || line[len - 1] != escape) {
        return false;
    }
    line[len - 1] = '\0';
    return true;
}

/* What follows the word, or NULL if the text does not begin with it. */
static const char *after_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    bool is_there = strncasecmp(text, word, len) == 0 && isspace((unsigned char)text[len]);
    return is_there ? skip_blanks(text + len) : NULL;
}

static bool fetches_from_elsewhere(const char *instruction)
{
    const char *rest = skip_blanks(instruction);
    const char *triggered = after_word(rest, "ONBUILD");
    const char *sources = after_word(triggered ? triggered : rest, "ADD");
    return sources && (strstr(sources, "://") || strstr(sources, "git@") || strchr(sources, '$'));
}

static bool needs_buildkit(const char *instruction)
{
    static const char *const words[] = {"RUN", "COPY", "ADD"};
    static const char *const known[] = {"--from=", "--chown="}; /* to the builder before it, too */
    const char *rest = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(words) && !rest; i++) {
        rest = after_word(skip_blanks(instruction), words[i]);
    }
    while (rest && str_starts_with(rest, "--")) {
        if (!str_starts_with(rest, known[0]) && !str_starts_with(rest, known[1])) {
            return true;
        }
        rest = skip_blanks(rest + strcspn(rest, " \t\r\v\f"));
    }
    return rest && str_starts_with(rest, "<<");
}

static int refuse_buildkit(int line, struct error *err)
{
    int result = error_set(err, ERR_INVALID_ARGUMENT,
                           "Dockerfile, line %d: this needs BuildKit, and this server builds "
                           "without it",
                           line);
    error_hint(err, "Leave out --mount, --link and --chmod, and write RUN a && b instead of <<EOF");
    return result;
}

static int refuse(int line, struct error *err)
{
    int result =
        error_set(err, ERR_INVALID_ARGUMENT,
                  "Dockerfile, line %d: ADD may only take files of the site's own folder", line);
    error_hint(err, "Fetch it in a step instead: RUN wget -O FILE URL");
    return result;
}

int dockerfile_check(const char *text, struct error *err)
{
    AUTO_FREE char *copy = xstrdup(text);
    AUTO_STRBUF struct strbuf instruction = STRBUF_INIT;
    char escape = find_escape(text);
    char *rest = copy;
    int number = 0;
    int first = 1;
    for (char *line; (line = strsep(&rest, "\n"));) {
        number++;
        const char *start = skip_blanks(line);
        bool is_empty = *start == '\0' || *start == '#';
        if (is_empty && rest) {
            continue; /* also in the middle of an instruction */
        }
        first = instruction.size == 0 ? number : first;
        bool goes_on = cut_continuation(line, escape) && rest;
        strbuf_puts(&instruction, is_empty ? "" : line);
        if (goes_on) {
            continue;
        }
        if (fetches_from_elsewhere(strbuf_text(&instruction))) {
            return refuse(first, err);
        }
        if (needs_buildkit(strbuf_text(&instruction))) {
            return refuse_buildkit(first, err);
        }
        strbuf_clear(&instruction);
    }
    return 0;
}
