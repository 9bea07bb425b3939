/*
 * Reads a Dockerfile as the engine does, as far as it matters for what the engine does itself: ADD,
 * and which image a step begins with. Where engines of different ages could read a line in two ways
 * the file is refused, so that what is looked at here is what is built. Called by the build job.
 */
#include "dialup-deployd/jobs/dockerfile_check.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

#define HEX "0123456789abcdef"

static const char blanks[] = " \t\r\v\f";

struct check {
    struct strbuf arguments; /* "NAME=value\n" of each ARG */
    struct strbuf stages;    /* "\nname\n" of each stage that has ended */
    struct strbuf stage;     /* the name of the one that is being read */
};

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, blanks);
}

/* Lines --------------------------------------------------------------------------------------- */

/* The length of a blank of Unicode's at text, which the engine cuts off at both ends of a line. */
static size_t wide_blank(const char *text)
{
    static const char *const wide[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80",
                                       "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
                                       "\xE2\x81\x9F", "\xE3\x80\x80", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < ARRAY_COUNT(wide); i++) {
        if (str_starts_with(text, wide[i])) {
            return strlen(wide[i]);
        }
    }
    /* U+2000 to U+200A */
    bool is_space = str_starts_with(text, "\xE2\x80") && (unsigned char)text[2] >= 0x80 &&
                    (unsigned char)text[2] <= 0x8A;
    return is_space ? 3 : 0;
}

/* Each of them becomes a vertical tab: a blank, and none that may follow a backslash. */
static void narrow_blanks(char *text)
{
    char *out = text;
    for (const char *at = text; *at;) {
        size_t len = wide_blank(at);
        *out++ = len ? '\v' : *at;
        at += len ? len : 1;
    }
    *out = '\0';
}

enum line_end { ENDS, GOES_ON, IS_UNCLEAR };

/* Cuts the backslash at the end of a line that goes on. Unclear: engines disagree about two of
 * them, and about one with a blank behind it that is neither space nor tab. */
static enum line_end cut_end(char *line)
{
    size_t len = strlen(line);
    if (len > 0 && line[len - 1] == '\r') {
        line[--len] = '\0';
    }
    size_t end = len;
    while (end > 0 && strchr(blanks, line[end - 1])) {
        end--;
    }
    if (end == 0 || line[end - 1] != '\\') {
        return ENDS;
    }
    if ((end > 1 && line[end - 2] == '\\') || strspn(line + end, " \t") != len - end) {
        return IS_UNCLEAR;
    }
    line[end - 1] = '\0';
    return GOES_ON;
}

/* "# escape=`": a comment that would make another character go on. */
static bool changes_escape(const char *comment)
{
    const char *word = skip_blanks(comment + 1);
    if (strncasecmp(word, "escape", strlen("escape")) != 0) {
        return false;
    }
    const char *equals = skip_blanks(word + strlen("escape"));
    return *equals == '=' && *skip_blanks(equals + 1) != '\\';
}

static int refuse_line(int line, struct error *err)
{
    int result =
        error_set(err, ERR_INVALID_ARGUMENT,
                  "Dockerfile, line %d: it is not clear whether the next line belongs to it", line);
    error_hint(err, "A line that goes on ends in one backslash with nothing behind it; the escape "
                    "directive is not taken");
    return result;
}

/* Words --------------------------------------------------------------------------------------- */

/* Quotes and backslashes are no part of what a word means, and can hide it. */
static void unquote(char *text)
{
    char *out = text;
    for (const char *at = text; *at; at++) {
        if (!strchr("\"'\\", *at)) {
            *out++ = *at;
        }
    }
    *out = '\0';
}

/* What follows the word, or NULL if the text does not begin with it. */
static const char *after_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    bool is_there = strncasecmp(text, word, len) == 0 && isspace((unsigned char)text[len]);
    return is_there ? skip_blanks(text + len) : NULL;
}

/* Cuts the next word off; NULL if there is none. */
static char *next_word(char **rest)
{
    char *word;
    do {
        word = strsep(rest, blanks);
    } while (word && *word == '\0');
    return word;
}

/* ADD ----------------------------------------------------------------------------------------- */

static int refuse_add(int line, struct error *err)
{
    int result =
        error_set(err, ERR_INVALID_ARGUMENT,
                  "Dockerfile, line %d: ADD may only take files of the site's own folder", line);
    error_hint(err, "Fetch it in a step instead: RUN wget -O FILE URL");
    return result;
}

/* Images -------------------------------------------------------------------------------------- */

static int refuse_image(int line, struct error *err)
{
    int result =
        error_set(err, ERR_INVALID_ARGUMENT,
                  "Dockerfile, line %d: an image is called by its name, never by its id", line);
    error_hint(err, "Write the name out, such as: FROM node:22-alpine");
    return result;
}

/* The engine takes the beginning of an id for the image, whosever it is. */
static bool is_id(const char *name)
{
    static const char algorithm[] = "sha256:";
    const char *hex = str_starts_with(name, algorithm) ? name + strlen(algorithm) : name;
    return *hex != '\0' && hex[strspn(hex, HEX)] == '\0';
}

/* Whether a name with this in it cannot be an id, whatever else is in it. */
static bool rules_id_out(const char *part)
{
    return part[strspn(part, HEX "sha256:")] != '\0';
}

static bool is_stage(const struct check *check, const char *name)
{
    AUTO_FREE char *line = xasprintf("\n%s\n", name);
    return strcasestr(strbuf_text(&check->stages), line) != NULL;
}

/* Whether no ARG so far gives the variable a value that could be part of an id. */
static bool is_harmless(const struct check *check, const char *variable, size_t len)
{
    const char *line = strbuf_text(&check->arguments);
    for (; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, variable, len) != 0 || line[len] != '=') {
            continue;
        }
        const char *value = line + len + 1;
        AUTO_FREE char *fixed = xstrndup(value, strcspn(value, "$\n"));
        bool is_empty = value[0] == '\n';
        if (!is_empty && !rules_id_out(fixed)) {
            return false;
        }
    }
    return true;
}

/* Cuts the variables out of a name; false if one of them could bring a part of an id. */
static bool cut_variables(const struct check *check, char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    char *out = name;
    bool are_harmless = true;
    for (const char *at = name; *at;) {
        if (*at != '$') {
            *out++ = *at++;
            continue;
        }
        bool has_brace = *++at == '{';
        at += has_brace;
        size_t len = strspn(at, letters);
        bool is_plain = len > 0 && (!has_brace || at[len] == '}');
        are_harmless = are_harmless && is_plain && is_harmless(check, at, len);
        at += has_brace ? strcspn(at, "}") : len;
        at += has_brace && *at == '}';
    }
    *out = '\0';
    return are_harmless;
}

static bool may_be_id(const struct check *check, const char *name)
{
    AUTO_FREE char *fixed = xstrdup(name);
    bool are_harmless = cut_variables(check, fixed);
    return !is_stage(check, name) && !rules_id_out(fixed) && (is_id(fixed) || !are_harmless);
}

/* "COPY --from=abc" within the stage abc means an image: its name counts once it has ended. */
static void end_stage(struct check *check)
{
    strbuf_printf(&check->stages, "\n%s\n", strbuf_text(&check->stage));
    strbuf_clear(&check->stage);
}

/* rest: what follows the image of a FROM. */
static void note_stage(struct check *check, char *rest)
{
    const char *as = next_word(&rest);
    const char *name = next_word(&rest);
    if (as && name && strcasecmp(as, "AS") == 0) {
        strbuf_puts(&check->stage, name);
    }
}

/* BuildKit ------------------------------------------------------------------------------------ */

static bool needs_buildkit(const char *instruction)
{
    static const char *const words[] = {"RUN", "COPY", "ADD"};
    static const char *const known[] = {"--from=", "--chown="}; /* to the builder before it, too */
    const char *rest = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(words) && !rest; i++) {
        rest = after_word(instruction, words[i]);
    }
    while (rest && str_starts_with(rest, "--")) {
        if (!str_starts_with(rest, known[0]) && !str_starts_with(rest, known[1])) {
            return true;
        }
        rest = skip_blanks(rest + strcspn(rest, blanks));
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

/* Instructions -------------------------------------------------------------------------------- */

/* sources is as it was written; words without what hides in it, and may be cut up. */
typedef int check_fn(struct check *check, const char *sources, char *words, int line,
                     struct error *err);

/* In the list form of ADD "\u003a" is a colon. */
static int check_add(struct check *check, const char *sources, char *words, int line,
                     struct error *err)
{
    bool is_elsewhere = strstr(words, "://") || strstr(words, "git@") || strchr(words, '$') ||
                        strstr(sources, "\\u");
    return is_elsewhere ? refuse_add(line, err) : 0;
}

static int check_arg(struct check *check, const char *sources, char *words, int line,
                     struct error *err)
{
    for (const char *word; (word = next_word(&words));) {
        strbuf_printf(&check->arguments, "%s\n", word);
    }
    return 0;
}

/* A number is that of a stage. */
static int check_copy(struct check *check, const char *sources, char *words, int line,
                      struct error *err)
{
    static const char from[] = "--from=";
    for (const char *word; (word = next_word(&words));) {
        const char *name = word + strlen(from);
        if (str_starts_with(word, from) && name[strspn(name, "0123456789")] != '\0' &&
            may_be_id(check, name)) {
            return refuse_image(line, err);
        }
    }
    return 0;
}

static int check_from(struct check *check, const char *sources, char *words, int line,
                      struct error *err)
{
    const char *name;
    do {
        name = next_word(&words);
    } while (name && str_starts_with(name, "--"));
    end_stage(check);
    if (name && may_be_id(check, name)) {
        return refuse_image(line, err);
    }
    note_stage(check, words);
    return 0;
}

static const struct {
    const char *word;
    check_fn *check;
} instructions[] = {
    {"ADD", check_add},
    {"ARG", check_arg},
    {"COPY", check_copy},
    {"FROM", check_from},
};

static int check_instruction(struct check *check, const char *text, int line, struct error *err)
{
    const char *start = skip_blanks(text);
    const char *triggered = after_word(start, "ONBUILD");
    int result = 0;
    for (size_t i = 0; result == 0 && i < ARRAY_COUNT(instructions); i++) {
        const char *rest = after_word(triggered ? triggered : start, instructions[i].word);
        if (rest) {
            AUTO_FREE char *words = xstrdup(rest);
            unquote(words);
            result = instructions[i].check(check, rest, words, line, err);
        }
    }
    return result == 0 && needs_buildkit(start) ? refuse_buildkit(line, err) : result;
}

/* --------------------------------------------------------------------------------------------- */

static int check_lines(struct check *check, char *rest, struct error *err)
{
    AUTO_STRBUF struct strbuf instruction = STRBUF_INIT;
    bool goes_on = false;
    int first = 1;
    int result = 0;
    char *line;
    for (int number = 1; result == 0 && (line = strsep(&rest, "\n")); number++) {
        const char *start = skip_blanks(line);
        if (*start == '#' && changes_escape(start)) {
            return refuse_line(number, err);
        }
        if (*start == '\0' || *start == '#') {
            continue; /* also in the middle of an instruction */
        }
        enum line_end end = cut_end(line);
        if (end == IS_UNCLEAR) {
            return refuse_line(number, err);
        }
        first = goes_on ? first : number;
        strbuf_puts(&instruction, line);
        goes_on = end == GOES_ON;
        if (!goes_on) {
            result = check_instruction(check, strbuf_text(&instruction), first, err);
            strbuf_clear(&instruction);
        }
    }
    return result < 0 ? result : check_instruction(check, strbuf_text(&instruction), first, err);
}

int dockerfile_check(const char *text, struct error *err)
{
    AUTO_FREE char *copy = xstrdup(text);
    struct check check = {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT};
    narrow_blanks(copy);
    int result = check_lines(&check, copy, err);
    strbuf_fini(&check.arguments);
    strbuf_fini(&check.stages);
    strbuf_fini(&check.stage);
    return result;
}
