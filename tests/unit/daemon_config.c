/*
 * Settings: defaults, what a file may say, and that each mistake is told with its line and key.
 */
#include "libdialup/daemon/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static void cleanup_config(struct config **config)
{
    config_free(*config);
}

#define AUTO_CONFIG CLEANUP(cleanup_config)

static void case_defaults(void)
{
    AUTO_CONFIG struct config *config = config_new();
    CHECK_STR(config_text(config, CONFIG_common_domain), "dialup.localhost");
    CHECK_STR(config_text(config, CONFIG_common_group), "");
    CHECK_INT(config_integer(config, CONFIG_deployd_builds_at_once), 2);
    /* Each default may stand in a file. */
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    AUTO_CONFIG struct config *again = config_new();
    struct error err = {0};
    config_print(config, &text);
    if (!CHECK_INT(config_parse(again, "x", strbuf_text(&text), &err), 0)) {
        printf("# %s\n", err.message);
    }
    config_free(NULL);
}

static void case_good_files(void)
{
    static const struct {
        const char *name, *text, *domain;
    } rows[] = {
        {"empty", "", "dialup.localhost"},
        {"only comments", "# a\n\n   # b\n", "dialup.localhost"},
        {"before any section", "domain = a.example", "a.example"},
        {"no spaces", "[common]\ndomain=a.example\n", "a.example"},
        {"many spaces", "  [ common ]  \n\t domain \t=  a.example  \n", "a.example"},
        {"comment behind", "domain = a.example # ours\n", "a.example"},
        {"a # and an = inside", "[caddy]\nemail = a#b=c\n[common]\ndomain = a.b\n", "a.b"},
        {"labels", "domain = x--1.a-b.example\n", "x--1.a-b.example"},
        {"one label", "domain = localhost\n", "localhost"},
        {"carriage returns", "[common]\r\ndomain = a.example\r\n", "a.example"},
        {"no newline at the end", "[gate]\n[common]\ndomain = a.example", "a.example"},
        {"a section twice", "[common]\n[gate]\n[common]\ndomain = a.example\n", "a.example"},
        {"the domain of others", "[monitord]\ninterval_s = 5\n", "dialup.localhost"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_CONFIG struct config *config = config_new();
        struct error err = {0};
        if (!CHECK_INT(config_parse(config, "x", rows[i].text, &err), 0) ||
            !CHECK_STR(config_text(config, CONFIG_common_domain), rows[i].domain)) {
            printf("# %s: %s\n", rows[i].name, err.message);
        }
    }
}

static void case_each_mistake_is_placed(void)
{
    static const struct {
        const char *name, *text;
        enum error_code code;
        const char *field, *message;
    } rows[] = {
        {"unknown section", "\n[kitchen]\n", ERR_UNKNOWN_FIELD, "",
         "x.conf, line 2: there is no section [kitchen]"},
        {"empty section", "[]", ERR_UNKNOWN_FIELD, "", "line 1: there is no section []"},
        {"endless section", "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]", ERR_UNKNOWN_FIELD,
         "", "line 1: there is no section [aaa"},
        {"open section", "[common\n", ERR_PARSE, "", "line 1: the section has no closing bracket"},
        {"a lone bracket", "[", ERR_PARSE, "", "line 1: the section has no closing bracket"},
        {"unknown key", "[gate]\n\nfoo = 1\n", ERR_UNKNOWN_FIELD, "gate.foo",
         "x.conf, line 3: there is no setting \"foo\" in [gate]"},
        {"key of another section", "[gate]\ndomain = a.example\n", ERR_UNKNOWN_FIELD, "gate.domain",
         "line 2: there is no setting \"domain\" in [gate]"},
        {"no key", "= 1\n", ERR_UNKNOWN_FIELD, "common.", "line 1: there is no setting \"\""},
        {"no equals", "domain a.example\n", ERR_PARSE, "",
         "line 1: expected \"key = value\", found \"domain a.example\""},
        {"twice", "domain = a.example\n# x\ndomain = b.example\n", ERR_INVALID_ARGUMENT,
         "common.domain", "line 3: \"domain\" is set twice"},
        {"too small", "[deployd]\nuid_base = 999\n", ERR_INVALID_ARGUMENT, "deployd.uid_base",
         "line 2: deployd.uid_base must be a number from 1000 to 2000000000, not \"999\""},
        {"too large", "public_port = 65536", ERR_INVALID_ARGUMENT, "common.public_port",
         "line 1: common.public_port must be a number from 1 to 65535"},
        {"no number", "public_port = https", ERR_INVALID_ARGUMENT, "common.public_port",
         "not \"https\""},
        {"a number and more", "public_port = 80 81", ERR_INVALID_ARGUMENT, "common.public_port",
         "not \"80 81\""},
        {"empty number", "public_port =", ERR_INVALID_ARGUMENT, "common.public_port", "not \"\""},
        {"no choice", "log_level = loud", ERR_INVALID_ARGUMENT, "common.log_level",
         "common.log_level cannot be \"loud\". How much is logged: |error|"},
        {"two choices", "log_level = error|warning", ERR_INVALID_ARGUMENT, "common.log_level",
         "cannot be \"error|warning\""},
        {"empty choice", "log_level =", ERR_INVALID_ARGUMENT, "common.log_level", "cannot be \"\""},
        {"half a choice", "log_level = err", ERR_INVALID_ARGUMENT, "common.log_level",
         "cannot be \"err\""},
        {"relative path", "state_dir = var", ERR_INVALID_ARGUMENT, "common.state_dir",
         "common.state_dir must be an absolute path, not \"var\""},
        {"long path", "run_dir = /1234567890123456789012345678901234567890", ERR_INVALID_ARGUMENT,
         "common.run_dir", "common.run_dir must have 1 to 40 bytes, not 41"},
        {"short text", "domain = a", ERR_INVALID_ARGUMENT, "common.domain",
         "common.domain must have 3 to 200 bytes, not 1"},
        {"control character", "domain = a\x1B.example", ERR_INVALID_ARGUMENT, "common.domain",
         "common.domain must be plain text"},
        {"large letters", "domain = A.example", ERR_INVALID_ARGUMENT, "common.domain",
         "common.domain must be a domain in small letters, such as example.org, not \"A.example\""},
        {"a space", "domain = a b.example", ERR_INVALID_ARGUMENT, "common.domain",
         "must be a domain"},
        {"an address", "domain = https://a.example", ERR_INVALID_ARGUMENT, "common.domain",
         "must be a domain"},
        {"a dot before", "domain = .a.example", ERR_INVALID_ARGUMENT, "common.domain",
         "must be a domain"},
        {"a dot behind", "domain = a.example.", ERR_INVALID_ARGUMENT, "common.domain",
         "must be a domain"},
        {"two dots", "domain = a..example", ERR_INVALID_ARGUMENT, "common.domain",
         "must be a domain"},
        {"a hyphen before", "domain = -a.example", ERR_INVALID_ARGUMENT, "common.domain",
         "must be a domain"},
        {"a hyphen behind", "domain = a.example-", ERR_INVALID_ARGUMENT, "common.domain",
         "must be a domain"},
        {"an instance like no other", "instance = my-own", ERR_INVALID_ARGUMENT, "common.instance",
         "common.instance may have small letters and digits alone, not \"my-own\""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_CONFIG struct config *config = config_new();
        struct error err = {0};
        bool good =
            CHECK_INT(config_parse(config, "x.conf", rows[i].text, &err), -(int)rows[i].code);
        good = CHECK_STR(err.field, rows[i].field) && good;
        good = CHECK_CONTAINS(err.message, "x.conf, line ") && good;
        good = CHECK_CONTAINS(err.message, rows[i].message) && good;
        good = CHECK_CONTAINS(err.hint, "dialupctl config") && good;
        if (!good) {
            printf("# %s\n", rows[i].name);
        }
    }
}

static void case_round_trip(void)
{
    static const char *const values[][2] = {
        {"caddy.email", "a#b@example.org"},  {"common.group", "web"},
        {"common.log_level", "debug"},       {"deployd.uid_base", "200000"},
        {"deployd.node_image", "a=b c"},     {"monitord.access_log_port", "0"},
        {"gate.pages_dir", "/srv/my pages"}, {"deployd.firewall", "none"},
    };
    AUTO_CONFIG struct config *config = config_new();
    AUTO_CONFIG struct config *again = config_new();
    AUTO_STRBUF struct strbuf first = STRBUF_INIT;
    AUTO_STRBUF struct strbuf second = STRBUF_INIT;
    struct error err = {0};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        if (!CHECK_INT(config_set(config, values[i][0], values[i][1], &err), 0)) {
            printf("# %s: %s\n", values[i][0], err.message);
        }
    }
    config_print(config, &first);
    CHECK_INT(config_parse(again, "printed", strbuf_text(&first), &err), 0);
    config_print(again, &second);
    CHECK_STR(strbuf_text(&second), strbuf_text(&first));
    CHECK_STR(config_text(again, CONFIG_caddy_email), "a#b@example.org");
    CHECK_STR(config_text(again, CONFIG_gate_pages_dir), "/srv/my pages");
}

static void case_set(void)
{
    static const struct {
        const char *path, *value;
        int result;
        const char *message;
    } rows[] = {
        {"common.domain", "a.example", 0, ""},
        {"common.domain", "b.example", 0, ""}, /* the last one counts */
        {"domain", "a.example", -ERR_UNKNOWN_FIELD, "There is no setting \"domain\""},
        {"common.", "x", -ERR_UNKNOWN_FIELD, "There is no setting \"common.\""},
        {"common.nothing", "x", -ERR_UNKNOWN_FIELD, "\"common.nothing\""},
        {"common.public_port", "0", -ERR_INVALID_ARGUMENT, "from 1 to 65535"},
        /* What a file could not say is not accepted elsewhere. */
        {"common.domain", " a.example", -ERR_INVALID_ARGUMENT, "plain text"},
        {"common.domain", "a.example ", -ERR_INVALID_ARGUMENT, "plain text"},
        {"common.domain", "a.example # x", -ERR_INVALID_ARGUMENT, "plain text"},
        {"common.domain", "#abc", -ERR_INVALID_ARGUMENT, "plain text"},
        {"common.domain", "a\nlog_level = debug", -ERR_INVALID_ARGUMENT, "plain text"},
    };
    AUTO_CONFIG struct config *config = config_new();
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct error err = {0};
        CHECK_INT(config_set(config, rows[i].path, rows[i].value, &err), rows[i].result);
        CHECK_CONTAINS(err.message, rows[i].message);
    }
    CHECK_STR(config_text(config, CONFIG_common_domain), "b.example");
}

static void case_load(void)
{
    char path[] = "/tmp/dialup-config-XXXXXX";
    AUTO_CLOSE int fd = mkstemp(path);
    struct config *config = NULL;
    struct error err;
    ASSERT(fd >= 0 && fs_write_all(fd, "domain = a.example\n", 19, NULL) == 0);
    CHECK_INT(config_load(path, &config, &err), 0);
    CHECK_STR(config_text(config, CONFIG_common_domain), "a.example");
    config_free(config);
    config = NULL;
    ASSERT(fs_write_all(fd, "\0", 1, NULL) == 0);
    CHECK_INT(config_load(path, &config, &err), -ERR_PARSE);
    CHECK_CONTAINS(err.message, path);
    ASSERT(ftruncate(fd, 0) == 0 && ftruncate(fd, 256 * 1024 + 1) == 0);
    CHECK_INT(config_load(path, &config, &err), -ERR_TOO_LARGE);
    unlink(path);
    CHECK_INT(config_load(path, &config, &err), -ERR_NOT_FOUND);
    CHECK_CONTAINS(err.message, path);
    CHECK(!config);
}

static void case_addresses(void)
{
    static const struct {
        const char *scheme, *port, *wanted;
    } rows[] = {
        {"https", "443", "https://a.example"},
        {"https", "8443", "https://a.example:8443"},
        {"http", "80", "http://a.example"},
        {"http", "443", "http://a.example:443"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_CONFIG struct config *config = config_new();
        CHECK_INT(config_set(config, "common.public_scheme", rows[i].scheme, NULL), 0);
        CHECK_INT(config_set(config, "common.public_port", rows[i].port, NULL), 0);
        AUTO_FREE char *url = config_public_url(config, "a.example");
        CHECK_STR(url, rows[i].wanted);
    }
    AUTO_CONFIG struct config *config = config_new();
    AUTO_FREE char *state = config_state_path(config, "dialup.db");
    AUTO_FREE char *run = config_run_path(config, "gate.sock");
    CHECK_STR(state, "/var/lib/dialup/dialup.db");
    CHECK_STR(run, "/run/dialup/gate.sock");
}

int main(void)
{
    static const struct check_case cases[] = {
        {"defaults", case_defaults},
        {"what a file may look like", case_good_files},
        {"each mistake names its line and key", case_each_mistake_is_placed},
        {"what is printed is read back", case_round_trip},
        {"single settings", case_set},
        {"files", case_load},
        {"paths and addresses", case_addresses},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
