/*
 * Settings by table; see the header. Used by daemon_main and by dialupctl.
 */
#include "libdialup/daemon/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum setting_type { TEXT, WORD, HOST, PATH, INTEGER, CHOICE };

struct setting {
    const char *section;
    const char *key;
    enum setting_type type;
    const char *value;
    int64_t min, max;
    const char *help;
};

static const struct setting settings[CONFIG_KEY_COUNT] = {
#define SETTING(section, key, type, value, min, max, help)                                         \
    [CONFIG_##section##_##key] = {#section, #key, type, value, min, max, help},
#include "libdialup/daemon/settings.def"
#undef SETTING
};

enum { MAX_FILE_BYTES = 256 * 1024, LABEL_MAX = 63 };

#define WORD_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789"
#define HOST_CHARACTERS WORD_CHARACTERS "-."

struct config {
    char *values[CONFIG_KEY_COUNT]; /* owned */
    bool is_set[CONFIG_KEY_COUNT];
};

struct config *config_new(void)
{
    struct config *config = xcalloc(1, sizeof(*config));
    for (int i = 0; i < CONFIG_KEY_COUNT; i++) {
        config->values[i] = xstrdup(settings[i].value);
    }
    return config;
}

void config_free(struct config *config)
{
    if (!config) {
        return;
    }
    for (int i = 0; i < CONFIG_KEY_COUNT; i++) {
        free(config->values[i]);
    }
    free(config);
}

static bool section_exists(const char *name)
{
    for (int i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (str_equal(settings[i].section, name)) {
            return true;
        }
    }
    return false;
}

static int find_setting(const char *section, const char *key)
{
    for (int i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (str_equal(settings[i].section, section) && str_equal(settings[i].key, key)) {
            return i;
        }
    }
    return -1;
}

/* Whether "|word|" stands in the help. */
static bool is_choice(const struct setting *setting, const char *word)
{
    AUTO_FREE char *barred = xasprintf("|%s|", word);
    return *word && !strchr(word, '|') && strstr(setting->help, barred);
}

static bool has_only(const char *value, const char *allowed)
{
    return value[strspn(value, allowed)] == '\0';
}

/* Labels of letters, digits and inner hyphens, by dots. */
static bool is_host(const char *value)
{
    if (!has_only(value, HOST_CHARACTERS)) {
        return false;
    }
    for (const char *at = value; *at; at += *at == '.') {
        size_t len = strcspn(at, ".");
        if (len == 0 || len > LABEL_MAX || at[0] == '-' || at[len - 1] == '-') {
            return false;
        }
        at += len;
    }
    return value[0] && value[strlen(value) - 1] != '.';
}

static int check_value(const struct setting *setting, const char *value, struct error *err)
{
    AUTO_FREE char *field = xasprintf("%s.%s", setting->section, setting->key);
    int64_t number;
    size_t len = strlen(value);
    switch (setting->type) {
    case INTEGER:
        if (!str_parse_i64(value, setting->min, setting->max, &number)) {
            return error_set_field(err, ERR_INVALID_ARGUMENT, field,
                                   "%s must be a number from %lld to %lld, not \"%s\"", field,
                                   (long long)setting->min, (long long)setting->max, value);
        }
        return 0;
    case CHOICE:
        if (!is_choice(setting, value)) {
            return error_set_field(err, ERR_INVALID_ARGUMENT, field, "%s cannot be \"%s\". %s",
                                   field, value, setting->help);
        }
        return 0;
    case PATH:
        if (value[0] != '/') {
            return error_set_field(err, ERR_INVALID_ARGUMENT, field,
                                   "%s must be an absolute path, not \"%s\"", field, value);
        }
        break;
    case TEXT:
    case WORD:
    case HOST:
        break;
    }
    if ((int64_t)len < setting->min || (int64_t)len > setting->max) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, field,
                               "%s must have %lld to %lld bytes, not %zu", field,
                               (long long)setting->min, (long long)setting->max, len);
    }
    if (setting->type == WORD && !has_only(value, WORD_CHARACTERS)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, field,
                               "%s may have small letters and digits alone, not \"%s\"", field,
                               value);
    }
    if (setting->type == HOST && !is_host(value)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, field,
                               "%s must be a domain in small letters, such as example.org, not "
                               "\"%s\"",
                               field, value);
    }
    return 0;
}

/* Whether a file that says "key = value" is read back as this value. */
static bool is_printable(const char *value)
{
    size_t len = strlen(value);
    for (size_t i = 0; i < len; i++) {
        bool starts_comment = value[i] == '#' && (i == 0 || isspace((unsigned char)value[i - 1]));
        if (iscntrl((unsigned char)value[i]) || starts_comment) {
            return false;
        }
    }
    return len == 0 ||
           (!isspace((unsigned char)value[0]) && !isspace((unsigned char)value[len - 1]));
}

static int set_value(struct config *config, int index, const char *value, struct error *err)
{
    const struct setting *setting = &settings[index];
    if (!is_printable(value)) {
        AUTO_FREE char *field = xasprintf("%s.%s", setting->section, setting->key);
        return error_set_field(err, ERR_INVALID_ARGUMENT, field,
                               "%s must be plain text: no control characters, no comment, no "
                               "spaces around it",
                               field);
    }
    int result = check_value(setting, value, err);
    if (result < 0) {
        return result;
    }
    free(config->values[index]);
    config->values[index] = xstrdup(value);
    return 0;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        text[--len] = '\0';
    }
    return text;
}

/* Cuts a comment: a '#' at the start or after a space. */
static void cut_comment(char *line)
{
    for (char *at = line; *at; at++) {
        if (*at == '#' && (at == line || isspace((unsigned char)at[-1]))) {
            *at = '\0';
            return;
        }
    }
}

static int parse_section(char *line, char *section, size_t size, struct error *err)
{
    size_t len = strlen(line);
    if (line[len - 1] != ']') {
        return error_set(err, ERR_PARSE, "the section has no closing bracket");
    }
    line[len - 1] = '\0';
    char *name = trim(line + 1);
    if (!str_copy(section, size, name) || !section_exists(name)) {
        return error_set(err, ERR_UNKNOWN_FIELD, "there is no section [%s]", name);
    }
    return 0;
}

static int parse_assignment(struct config *config, const char *section, char *line,
                            struct error *err)
{
    char *equals = strchr(line, '=');
    if (!equals) {
        return error_set(err, ERR_PARSE, "expected \"key = value\", found \"%s\"", line);
    }
    *equals = '\0';
    const char *key = trim(line);
    int index = find_setting(section, key);
    if (index < 0) {
        AUTO_FREE char *field = xasprintf("%s.%s", section, key);
        return error_set_field(err, ERR_UNKNOWN_FIELD, field, "there is no setting \"%s\" in [%s]",
                               key, section);
    }
    if (config->is_set[index]) {
        AUTO_FREE char *field = xasprintf("%s.%s", section, key);
        return error_set_field(err, ERR_INVALID_ARGUMENT, field, "\"%s\" is set twice", key);
    }
    config->is_set[index] = true;
    return set_value(config, index, trim(equals + 1), err);
}

static int parse_line(struct config *config, char *section, size_t section_size, char *line,
                      struct error *err)
{
    cut_comment(line);
    char *text = trim(line);
    if (*text == '\0') {
        return 0;
    }
    return *text == '[' ? parse_section(text, section, section_size, err)
                        : parse_assignment(config, section, text, err);
}

int config_parse(struct config *config, const char *name, const char *text, struct error *err)
{
    AUTO_FREE char *copy = xstrdup(text);
    char section[32] = "common";
    int number = 0;
    char *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));) {
        number++;
        struct error inner;
        int result = parse_line(config, section, sizeof(section), line, &inner);
        if (result < 0) {
            error_set_field(err, inner.code, inner.field, "%s, line %d: %s", name, number,
                            inner.message);
            error_hint(err, "`dialupctl config` prints every setting with its meaning");
            return result;
        }
    }
    return 0;
}

int config_load(const char *path, struct config **ret_config, struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(path, MAX_FILE_BYTES, &text, err);
    if (result < 0) {
        return result;
    }
    if (memchr(strbuf_text(&text), '\0', text.size)) {
        return error_set(err, ERR_PARSE, "%s holds a NUL: it is not a text file", path);
    }
    struct config *config = config_new();
    result = config_parse(config, path, strbuf_text(&text), err);
    if (result < 0) {
        config_free(config);
        return result;
    }
    *ret_config = config;
    return 0;
}

void config_key_name(enum config_key key, char ret_name[CONFIG_KEY_NAME_SIZE])
{
    snprintf(ret_name, CONFIG_KEY_NAME_SIZE, "%s.%s", settings[key].section, settings[key].key);
}

const char *config_text(const struct config *config, enum config_key key)
{
    ASSERT(key < CONFIG_KEY_COUNT && settings[key].type != INTEGER);
    return config->values[key];
}

int64_t config_integer(const struct config *config, enum config_key key)
{
    ASSERT(key < CONFIG_KEY_COUNT && settings[key].type == INTEGER);
    return strtoll(config->values[key], NULL, 10);
}

int config_set(struct config *config, const char *path, const char *value, struct error *err)
{
    AUTO_FREE char *section = xstrdup(path);
    char *dot = strchr(section, '.');
    int index = -1;
    if (dot) {
        *dot = '\0';
        index = find_setting(section, dot + 1);
    }
    if (index < 0) {
        return error_set_field(err, ERR_UNKNOWN_FIELD, path, "There is no setting \"%s\"", path);
    }
    return set_value(config, index, value, err);
}

void config_print(const struct config *config, struct strbuf *out)
{
    strbuf_puts(out, "# Settings of Dial Up Deploy. What is left out has the value shown here.\n");
    const char *section = "";
    for (int i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (!str_equal(section, settings[i].section)) {
            section = settings[i].section;
            strbuf_printf(out, "\n[%s]\n", section);
        }
        strbuf_printf(out, "# %s\n%s = %s\n", settings[i].help, settings[i].key, config->values[i]);
    }
}

char *config_state_path(const struct config *config, const char *part)
{
    return xasprintf("%s/%s", config_text(config, CONFIG_common_state_dir), part);
}

char *config_run_path(const struct config *config, const char *part)
{
    return xasprintf("%s/%s", config_text(config, CONFIG_common_run_dir), part);
}

char *config_public_url(const struct config *config, const char *host)
{
    const char *scheme = config_text(config, CONFIG_common_public_scheme);
    int64_t port = config_integer(config, CONFIG_common_public_port);
    int64_t usual = str_equal(scheme, "https") ? 443 : 80;
    return port == usual ? xasprintf("%s://%s", scheme, host)
                         : xasprintf("%s://%s:%lld", scheme, host, (long long)port);
}
