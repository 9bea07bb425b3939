/* Host names: what is taken, what is refused and with which words. */
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/site/domain.h"
#include "tests/harness/check.h"

static const struct domain_rules plain = {.suffix = "example.org"};

struct good_row {
    const char *text;
    const char *name;
    bool completed;
};

static void case_accepted(void)
{
    static const struct good_row rows[] = {
        {"mysite.example.org", "mysite.example.org", false},
        {"MySite.Example.ORG", "mysite.example.org", false},
        {"mysite.example.org.", "mysite.example.org", false},
        {"mysite", "mysite.example.org", true},
        {"a", "a.example.org", true},
        {"1", "1.example.org", true},
        {"my-site", "my-site.example.org", true},
        {"abc--site.example.com", "abc--site.example.com", false},
        {"shop.example.com", "shop.example.com", false},
        {"admin.example.com", "admin.example.com", false},
        {"notexample.org", "notexample.org", false},
        {"x-dev.example.com", "x-dev.example.com", false},
        {"dev-x.example.org", "dev-x.example.org", false},
        {"blog.shop.example.org", "blog.shop.example.org", false},
        {"7eleven.example.org", "7eleven.example.org", false},
        {"abc.0xg", "abc.0xg", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct domain domain = {""};
        bool completed = !rows[i].completed;
        struct error err;
        int result = domain_parse_site(rows[i].text, &plain, &domain, &completed, &err);
        if (!CHECK_INT(result, 0)) {
            printf("# %s: %s\n", rows[i].text, err.message);
            continue;
        }
        CHECK_STR(domain.name, rows[i].name);
        CHECK_INT(completed, rows[i].completed);
    }
}

struct bad_row {
    const char *text;
    int result;
    const char *message_part;
};

static const struct bad_row bad_rows[] = {
    {"", -ERR_MISSING_FIELD, "empty"},
    {".", -ERR_MISSING_FIELD, "empty"},
    {"..", -ERR_INVALID_ARGUMENT, "empty part"},
    {".example.org", -ERR_INVALID_ARGUMENT, "empty part"},
    {"a..example.org", -ERR_INVALID_ARGUMENT, "empty part"},
    {"a.example.org..", -ERR_INVALID_ARGUMENT, "empty part"},
    {"-a.example.org", -ERR_INVALID_ARGUMENT, "hyphen"},
    {"a-.example.org", -ERR_INVALID_ARGUMENT, "hyphen"},
    {"my_site.example.org", -ERR_INVALID_ARGUMENT, "\"_\" cannot"},
    {"*.example.org", -ERR_INVALID_ARGUMENT, "\"*\" cannot"},
    {"a b.example.org", -ERR_INVALID_ARGUMENT, "\" \" cannot"},
    {"a/../b.example.org", -ERR_INVALID_ARGUMENT, "web address"},
    {"https://a.example.org", -ERR_INVALID_ARGUMENT, "web address"},
    {"a.example.org:80", -ERR_INVALID_ARGUMENT, "web address"},
    {"::1", -ERR_INVALID_ARGUMENT, "IP address"},
    {"a\nb.example.org", -ERR_INVALID_ARGUMENT, "control character (0x0a)"},
    {"b\xc3\xbc"
     "cher.example.org",
     -ERR_INVALID_ARGUMENT, "\"\xc3\xbc\" cannot"},
    {"b\xc3.example.org", -ERR_INVALID_ARGUMENT, "not valid text"},
    {"\xff.example.org", -ERR_INVALID_ARGUMENT, "not valid text"},
    {"xn--bcher-kva.example.org", -ERR_INVALID_ARGUMENT, "look like"},
    {"ab--cd.example.org", -ERR_INVALID_ARGUMENT, "look like"},
    {"127.0.0.1", -ERR_INVALID_ARGUMENT, "IP address"},
    {"example.123", -ERR_INVALID_ARGUMENT, "IP address"},
    {"1.0x7f", -ERR_INVALID_ARGUMENT, "IP address"},
    {"a.0x", -ERR_INVALID_ARGUMENT, "IP address"},
    {"example.org", -ERR_FORBIDDEN, "the server itself"},
    {"admin", -ERR_FORBIDDEN, "reserved for the panel"},
    {"ADMIN.example.org.", -ERR_FORBIDDEN, "reserved for the panel"},
    {"editor.example.org", -ERR_FORBIDDEN, "reserved for the editor"},
    {"www.example.org", -ERR_FORBIDDEN, "reserved"},
    {"x.admin.example.org", -ERR_FORBIDDEN, "reserved"},
    {"mysite-dev", -ERR_FORBIDDEN, "previews"},
    {"mysite-dev.example.org", -ERR_FORBIDDEN, "previews"},
    {"a.mysite-dev.example.org", -ERR_FORBIDDEN, "previews"},
    {"adm1n.example.org", -ERR_FORBIDDEN, "could be taken for admin.example.org"},
    {"adrnin.example.org", -ERR_FORBIDDEN, "could be taken for admin.example.org"},
    {"ad-min.example.org", -ERR_FORBIDDEN, "could be taken for admin.example.org"},
    {"edit0r", -ERR_FORBIDDEN, "could be taken for editor"},
    {"vvww", -ERR_FORBIDDEN, "could be taken for www"},
};

static void case_refused(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(bad_rows); i++) {
        struct domain domain = {"untouched"};
        struct error err = {0};
        int result = domain_parse_site(bad_rows[i].text, &plain, &domain, NULL, &err);
        if (!CHECK_INT(result, bad_rows[i].result)) {
            printf("# row %zu: %s\n", i, bad_rows[i].text);
        }
        CHECK_CONTAINS(err.message, bad_rows[i].message_part);
        CHECK_STR(err.field, "domain");
        CHECK_STR(domain.name, "untouched");
        CHECK_INT(domain_parse_site(bad_rows[i].text, &plain, &domain, NULL, NULL), result);
    }
}

static void case_lengths(void)
{
    struct domain domain;
    struct error err;
    char text[400];
    memset(text, 'a', sizeof(text));
    str_copy(text + 63, 20, ".example.com");
    CHECK_INT(domain_parse(text, &plain, &domain, &err), 0);
    memset(text, 'a', sizeof(text));
    str_copy(text + 64, 20, ".example.com");
    CHECK_INT(domain_parse(text, &plain, &domain, &err), -ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(err.message, "at most 63");
    for (size_t i = 0; i < 256; i++) {
        text[i] = i % 2 ? '.' : 'a';
    }
    text[253] = '\0';
    CHECK_INT(domain_parse(text, &plain, &domain, &err), 0);
    text[253] = '.';
    text[254] = '\0';
    CHECK_INT(domain_parse(text, &plain, &domain, &err), 0);
    text[254] = 'a';
    text[255] = '\0';
    CHECK_INT(domain_parse(text, &plain, &domain, &err), -ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(err.message, "at most 253");
    memset(text, 'a', sizeof(text));
    text[399] = '\0';
    CHECK_INT(domain_parse_site(text, &plain, &domain, NULL, &err), -ERR_INVALID_ARGUMENT);
}

static void case_limit_of_the_server(void)
{
    static const struct domain_rules rules = {.suffix = "example.org", .max_len = 18};
    struct domain domain;
    struct error err;
    CHECK_INT(domain_parse_site("mysite", &rules, &domain, NULL, &err), 0);
    CHECK_INT(domain_parse_site("mysites", &rules, &domain, NULL, &err), -ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(err.message, "19 characters");
    CHECK_CONTAINS(err.hint, "shorter");
}

static void case_punycode_if_allowed(void)
{
    static const struct domain_rules rules = {.allow_punycode = true};
    struct domain domain;
    struct error err;
    CHECK_INT(domain_parse("xn--bcher-kva.example.org", &rules, &domain, &err), 0);
    CHECK_INT(domain_parse("ab--cd.example.org", &rules, &domain, &err), -ERR_INVALID_ARGUMENT);
}

static void case_without_suffix(void)
{
    static const struct domain_rules rules = {0};
    struct domain domain;
    struct error err;
    CHECK_INT(domain_parse_site("mysite", &rules, &domain, NULL, &err), -ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(err.hint, "mysite.example.org");
    CHECK_INT(domain_parse_site("admin.example.org", &rules, &domain, NULL, &err), 0);
}

static void case_confusable(void)
{
    static const struct {
        const char *a;
        const char *b;
        bool confusable;
    } rows[] = {
        {"mysite.example.org", "mysite.example.org", false},
        {"mysite.example.org", "mys1te.example.org", true},
        {"mysite.example.org", "mysxte.example.org", false},
        {"mysite.example.org", "myslte.example.org", true},
        {"zoo.example.org", "z00.example.org", true},
        {"modern.example.org", "modem.example.org", true},
        {"wow.example.org", "vvow.example.org", true},
        {"my-site.example.org", "mysite.example.org", true},
        {"my.site.example.org", "my-site.example.org", true},
        {"mysite.example.org", "yoursite.example.org", false},
        {"cat.example.org", "car.example.org", false},
        {"a.example.org", "b.example.org", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct domain a;
        struct domain b;
        str_copy(a.name, sizeof(a.name), rows[i].a);
        str_copy(b.name, sizeof(b.name), rows[i].b);
        if (!CHECK_INT(domain_is_confusable(&a, &b), rows[i].confusable)) {
            printf("# %s and %s\n", rows[i].a, rows[i].b);
        }
        CHECK_INT(domain_is_confusable(&b, &a), rows[i].confusable);
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"names that are accepted", case_accepted},
        {"names that are refused, with the reason", case_refused},
        {"lengths of labels and names", case_lengths},
        {"the server's own limit", case_limit_of_the_server},
        {"encoded names only if allowed", case_punycode_if_allowed},
        {"a server without a suffix", case_without_suffix},
        {"look-alikes", case_confusable},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
