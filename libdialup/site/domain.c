/*
 * Checks of host names; see the header for what they promise. Called by the API before a name
 * reaches the database or a path, and by the command line for an early answer.
 *
 * Labels: RFC 1123 2.1 and RFC 5890 2.3.1 (a "--" in the third place belongs to encodings such as
 * xn--). A last label that is a number makes browsers read the name as an IPv4 address
 * (WHATWG URL, "ends in a number").
 */
#include "libdialup/site/domain.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/base/utf8.h"

#define FIELD "domain"

enum { LABEL_MAX = 63, NAME_MAX_LEN = DOMAIN_NAME_SIZE - 1 };

struct reserved {
    const char *label; /* directly below the suffix */
    const char *why;
};

static const struct reserved reserved_labels[] = {
    {"admin", "the panel"},
    {"api", "the server's own services"},
    {"auth", "the server's own services"},
    {"autoconfig", "mail programs"},
    {"autodiscover", "mail programs"},
    {"dev", "previews"},
    {"editor", "the editor"},
    {"imap", "mail"},
    {"localhost", "the machine itself"},
    {"login", "the server's own services"},
    {"mail", "mail"},
    {"ns", "the name service"},
    {"ns1", "the name service"},
    {"ns2", "the name service"},
    {"panel", "the panel"},
    {"smtp", "mail"},
    {"status", "the server's own services"},
    {"webmail", "mail"},
    {"wpad", "the network"},
    {"www", "the server's own page"},
};

static int check_characters(const char *text, struct error *err);
static int check_labels(const char *name, const struct domain_rules *rules, struct error *err);
static int check_last_label(const char *name, struct error *err);
static int check_reserved(const struct domain *domain, const char *suffix, struct error *err);

/* Lower case, without the dot at the end. */
static int normalize(const char *text, struct domain *ret_domain, struct error *err)
{
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '.') {
        len--;
    }
    if (len == 0) {
        error_set_field(err, ERR_MISSING_FIELD, FIELD, "The domain is empty");
        error_hint(err, "Give a name, for example mysite");
        return -ERR_MISSING_FIELD;
    }
    if (len > NAME_MAX_LEN) {
        error_set_field(err, ERR_INVALID_ARGUMENT, FIELD,
                        "A domain has at most %d characters, this one has %zu", NAME_MAX_LEN, len);
        error_hint(err, "Choose a shorter name");
        return -ERR_INVALID_ARGUMENT;
    }
    for (size_t i = 0; i < len; i++) {
        ret_domain->name[i] = (char)tolower((unsigned char)text[i]);
    }
    ret_domain->name[len] = '\0';
    return 0;
}

static int check_len(const struct domain *domain, const struct domain_rules *rules,
                     struct error *err)
{
    size_t len = strlen(domain->name);
    if (rules->max_len == 0 || len <= rules->max_len) {
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, FIELD,
                    "The domain has %zu characters; this server takes at most %zu", len,
                    rules->max_len);
    error_hint(err, "Choose a shorter name");
    return -ERR_INVALID_ARGUMENT;
}

int domain_parse(const char *text, const struct domain_rules *rules, struct domain *ret_domain,
                 struct error *err)
{
    struct domain domain = {.name = ""};
    int result = check_characters(text, err);
    if (result == 0) {
        result = normalize(text, &domain, err);
    }
    if (result == 0) {
        result = check_labels(domain.name, rules, err);
    }
    if (result == 0) {
        result = check_last_label(domain.name, err);
    }
    if (result == 0) {
        result = check_len(&domain, rules, err);
    }
    if (result == 0) {
        *ret_domain = domain;
    }
    return result;
}

int domain_parse_site(const char *text, const struct domain_rules *rules, struct domain *ret_domain,
                      bool *ret_completed, struct error *err)
{
    struct domain domain;
    char longer[2 * DOMAIN_NAME_SIZE + 2];
    bool has_suffix = rules->suffix && rules->suffix[0] != '\0';
    bool is_label = has_suffix && text[0] != '\0' && !strchr(text, '.');
    if (is_label && strlen(text) <= NAME_MAX_LEN && strlen(rules->suffix) <= NAME_MAX_LEN) {
        snprintf(longer, sizeof(longer), "%s.%s", text, rules->suffix);
        text = longer;
    }
    int result = domain_parse(text, rules, &domain, err);
    if (result == 0 && has_suffix) {
        result = check_reserved(&domain, rules->suffix, err);
    }
    if (result == 0) {
        *ret_domain = domain;
        if (ret_completed) {
            *ret_completed = is_label;
        }
    }
    return result;
}

bool domain_is_confusable(const struct domain *a, const struct domain *b)
{
    char skeleton_a[DOMAIN_NAME_SIZE];
    char skeleton_b[DOMAIN_NAME_SIZE];
    domain_skeleton(a, skeleton_a);
    domain_skeleton(b, skeleton_b);
    return str_equal(skeleton_a, skeleton_b) && !str_equal(a->name, b->name);
}

static char same_shape(char c)
{
    switch (c) {
    case '0':
        return 'o';
    case '1':
    case 'i':
        return 'l';
    default:
        return c;
    }
}

void domain_skeleton(const struct domain *domain, char ret_skeleton[DOMAIN_NAME_SIZE])
{
    size_t len = 0;
    for (const char *c = domain->name; *c != '\0'; c++) {
        if (*c == '-' || *c == '.') {
            continue;
        }
        char shape = same_shape(*c);
        if (len > 0 && shape == 'n' && ret_skeleton[len - 1] == 'r') {
            ret_skeleton[len - 1] = 'm';
        } else if (len > 0 && shape == 'v' && ret_skeleton[len - 1] == 'v') {
            ret_skeleton[len - 1] = 'w';
        } else {
            ret_skeleton[len++] = shape;
        }
    }
    ret_skeleton[len] = '\0';
}

static int refuse_byte(const char *at, struct error *err)
{
    unsigned char byte = (unsigned char)*at;
    if (byte >= 0x80) {
        size_t len = 1;
        while (len < 4 && ((unsigned char)at[len] & 0xc0) == 0x80) {
            len++;
        }
        if (utf8_is_valid(at, len)) {
            error_set_field(err, ERR_INVALID_ARGUMENT, FIELD,
                            "\"%.*s\" cannot stand in a domain here", (int)len, at);
        } else {
            error_set_field(err, ERR_INVALID_ARGUMENT, FIELD, "The domain is not valid text");
        }
        error_hint(err, "Use the letters a to z, digits and hyphens");
    } else if (byte == '/' || byte == ':') {
        error_set_field(err, ERR_INVALID_ARGUMENT, FIELD,
                        "This looks like a web address or an IP address, not like a domain");
        error_hint(err, "Leave out https://, the port and the path: mysite.example.org");
    } else if (byte < 0x20 || byte == 0x7f) {
        error_set_field(err, ERR_INVALID_ARGUMENT, FIELD,
                        "The domain has a control character (0x%02x) in it", byte);
        error_hint(err, "Use the letters a to z, digits and hyphens");
    } else {
        error_set_field(err, ERR_INVALID_ARGUMENT, FIELD, "\"%c\" cannot stand in a domain", byte);
        error_hint(err, "Use the letters a to z, digits and hyphens");
    }
    return -ERR_INVALID_ARGUMENT;
}

static int check_characters(const char *text, struct error *err)
{
    for (const char *c = text; *c != '\0'; c++) {
        bool is_plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                        (*c >= '0' && *c <= '9') || *c == '-' || *c == '.';
        if (!is_plain) {
            return refuse_byte(c, err);
        }
    }
    return 0;
}

static int refuse_label(const char *label, size_t len, struct error *err)
{
    if (len == 0) {
        error_set_field(err, ERR_INVALID_ARGUMENT, FIELD,
                        "The domain has an empty part: two dots in a row, or one in front");
        error_hint(err, "Leave the dot out");
    } else if (len > LABEL_MAX) {
        error_set_field(err, ERR_INVALID_ARGUMENT, FIELD,
                        "A part of a domain has at most %d characters, \"%.20s...\" has %zu",
                        LABEL_MAX, label, len);
        error_hint(err, "Choose a shorter name");
    } else {
        error_set_field(err, ERR_INVALID_ARGUMENT, FIELD, "\"%.*s\" begins or ends with a hyphen",
                        (int)len, label);
        error_hint(err, "Use hyphens only between letters and digits");
    }
    return -ERR_INVALID_ARGUMENT;
}

static int check_label(const char *label, size_t len, const struct domain_rules *rules,
                       struct error *err)
{
    if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-') {
        return refuse_label(label, len, err);
    }
    bool is_encoded = len >= 4 && label[2] == '-' && label[3] == '-';
    bool is_punycode = is_encoded && strncmp(label, "xn", 2) == 0;
    if (is_encoded && !(is_punycode && rules->allow_punycode)) {
        error_set_field(err, ERR_INVALID_ARGUMENT, FIELD,
                        "\"%.*s\" stands for letters that can look like other letters", (int)len,
                        label);
        error_hint(err, "Use a name with a to z, digits and single hyphens");
        return -ERR_INVALID_ARGUMENT;
    }
    return 0;
}

static int check_labels(const char *name, const struct domain_rules *rules, struct error *err)
{
    int count = 0;
    for (const char *label = name;; label++) {
        size_t len = strcspn(label, ".");
        int result = check_label(label, len, rules, err);
        if (result < 0) {
            return result;
        }
        count++;
        label += len;
        if (*label == '\0') {
            break;
        }
    }
    if (count < 2) {
        error_set_field(err, ERR_INVALID_ARGUMENT, FIELD, "\"%s\" is only a part of a domain",
                        name);
        error_hint(err, "Give the whole name, for example %.63s.example.org", name);
        return -ERR_INVALID_ARGUMENT;
    }
    return 0;
}

static int check_last_label(const char *name, struct error *err)
{
    const char *last = strrchr(name, '.') + 1;
    bool is_number = last[strspn(last, "0123456789")] == '\0';
    bool is_hex =
        last[0] == '0' && last[1] == 'x' && last[2 + strspn(last + 2, "0123456789abcdef")] == '\0';
    if (!is_number && !is_hex) {
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, FIELD,
                    "\"%.100s\" is read as an IP address, because its last part is a number", name);
    error_hint(err, "Use a name, for example mysite.example.org");
    return -ERR_INVALID_ARGUMENT;
}

static int refuse_reserved(const struct domain *domain, const char *why, struct error *err)
{
    error_set_field(err, ERR_FORBIDDEN, FIELD, "%s is reserved for %s", domain->name, why);
    error_hint(err, "Choose another name");
    return -ERR_FORBIDDEN;
}

/* Whether a label directly below the suffix is one of ours, or looks like one. */
static int check_reserved_label(const struct domain *domain, const struct domain *label,
                                const char *suffix, struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(reserved_labels); i++) {
        struct domain kept = {""};
        str_copy(kept.name, sizeof(kept.name), reserved_labels[i].label);
        if (str_equal(label->name, kept.name)) {
            return refuse_reserved(domain, reserved_labels[i].why, err);
        }
        if (domain_is_confusable(label, &kept)) {
            error_set_field(err, ERR_FORBIDDEN, FIELD,
                            "%s could be taken for %s.%s, which is reserved for %s", domain->name,
                            kept.name, suffix, reserved_labels[i].why);
            error_hint(err, "Choose another name");
            return -ERR_FORBIDDEN;
        }
    }
    return 0;
}

/* The label directly below the suffix decides: x.admin.example.org belongs to the panel, too. */
static int check_reserved(const struct domain *domain, const char *suffix, struct error *err)
{
    size_t name_len = strlen(domain->name);
    size_t suffix_len = strlen(suffix);
    if (str_equal(domain->name, suffix)) {
        return refuse_reserved(domain, "the server itself", err);
    }
    if (name_len < suffix_len + 2 || !str_ends_with(domain->name, suffix) ||
        domain->name[name_len - suffix_len - 1] != '.') {
        return 0;
    }
    struct domain below = *domain;
    below.name[name_len - suffix_len - 1] = '\0';
    const char *dot = strrchr(below.name, '.');
    struct domain label = {""};
    str_copy(label.name, sizeof(label.name), dot ? dot + 1 : below.name);
    if (str_ends_with(label.name, "-dev")) {
        return refuse_reserved(
            domain, "previews: names that end in -dev show a site while it is edited", err);
    }
    return check_reserved_label(domain, &label, suffix, err);
}
