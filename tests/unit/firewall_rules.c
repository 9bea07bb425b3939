/*
 * The rules of a bridge, with stand-ins for iptables: this program under their names, which keep
 * the bridges that are closed in a file each.
 */
#include "libdialup/firewall/firewall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"

enum { TABLE = 3, ACTION = 4, CHAIN = 5, BRIDGE = 7, ARGUMENTS_MIN = 12, RULES_MAX = 4096 };

#define INPUT(bridge) "filter INPUT " bridge "\n"

static const char *const names[] = {"iptables", "ip6tables"};

/* The stand-in: $FIREWALL_TEST/NAME.rules has a line for each rule; it refuses if there is none. */
static int stand_in(const char *name, int argc, char **argv)
{
    AUTO_FREE char *path = xasprintf("%s/%s.rules", getenv("FIREWALL_TEST"), name);
    if (argc < ARGUMENTS_MIN) {
        return 2;
    }
    AUTO_FREE char *line = xasprintf("%s %s %s\n", argv[TABLE], argv[CHAIN], argv[BRIDGE]);
    AUTO_STRBUF struct strbuf rules = STRBUF_INIT;
    if (fs_read_file(path, RULES_MAX, &rules, NULL) < 0) {
        return 2;
    }
    const char *text = strbuf_text(&rules);
    const char *found = strstr(text, line);
    AUTO_STRBUF struct strbuf changed = STRBUF_INIT;
    if (str_equal(argv[ACTION], "-I")) {
        strbuf_printf(&changed, "%s%s", text, line);
    } else if (!found) {
        return 1;
    } else if (str_equal(argv[ACTION], "-D")) {
        strbuf_append(&changed, text, (size_t)(found - text));
        strbuf_puts(&changed, found + strlen(line));
    } else {
        return 0;
    }
    return fs_write_file(path, strbuf_text(&changed), changed.size, 0600, NULL) < 0;
}

struct fixture {
    char folder[64];
};

static void put_rules(const struct fixture *f, const char *name, const char *rules)
{
    AUTO_FREE char *path = xasprintf("%s/%s.rules", f->folder, name);
    ASSERT(fs_write_file(path, rules, strlen(rules), 0600, NULL) == 0);
}

static void check_rules(const struct fixture *f, const char *name, const char *wanted)
{
    AUTO_FREE char *path = xasprintf("%s/%s.rules", f->folder, name);
    AUTO_STRBUF struct strbuf rules = STRBUF_INIT;
    CHECK_INT(fs_read_file(path, RULES_MAX, &rules, NULL), 0);
    CHECK_STR(strbuf_text(&rules), wanted);
}

static void fixture_init(struct fixture *f)
{
    char self[256] = "";
    *f = (struct fixture){.folder = "/tmp/dialup-test-XXXXXX"};
    ASSERT(mkdtemp(f->folder) && readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        AUTO_FREE char *path = xasprintf("%s/%s", f->folder, names[i]);
        ASSERT(symlink(self, path) == 0);
        put_rules(f, names[i], "");
    }
    setenv("PATH", f->folder, 1);
    setenv("FIREWALL_TEST", f->folder, 1);
}

static void fixture_fini(struct fixture *f)
{
    fs_remove_tree(f->folder, NULL);
}

#define AUTO_FIXTURE __attribute__((cleanup(fixture_fini)))

static void case_names(void)
{
    char name[FIREWALL_BRIDGE_SIZE];
    firewall_bridge_name("dialup", FIREWALL_PRODUCTION, name);
    CHECK_STR(name, "dul-dialup-p");
    firewall_bridge_name("longname", FIREWALL_DEVELOPMENT, name);
    CHECK_STR(name, "dul-longname-d");
}

static void case_closed_once(void)
{
    AUTO_FIXTURE struct fixture f;
    struct error err;
    fixture_init(&f);
    CHECK(!firewall_bridge_is_closed("dul-a-p"));
    CHECK_INT(firewall_close_bridge("dul-a-p", &err), 0);
    CHECK_INT(firewall_close_bridge("dul-a-p", &err), 0);
    CHECK(firewall_bridge_is_closed("dul-a-p"));
    CHECK(!firewall_bridge_is_closed("dul-a-d"));
    check_rules(&f, names[0], INPUT("dul-a-p") "raw PREROUTING dul-a-p\n");
    check_rules(&f, names[1], INPUT("dul-a-p"));
}

static void case_opened(void)
{
    AUTO_FIXTURE struct fixture f;
    struct error err;
    fixture_init(&f);
    put_rules(&f, "iptables",
              INPUT("dul-a-p") INPUT("dul-b-p") INPUT("dul-a-p") "raw PREROUTING dul-a-p\n");
    CHECK_INT(firewall_open_bridge("dul-a-p", &err), 0);
    CHECK_INT(firewall_open_bridge("dul-a-p", &err), 0);
    check_rules(&f, "iptables", INPUT("dul-b-p"));
}

static void case_without_ipv6(void)
{
    AUTO_FIXTURE struct fixture f;
    struct error err;
    fixture_init(&f);
    AUTO_FREE char *path = xasprintf("%s/ip6tables", f.folder);
    unlink(path);
    CHECK_INT(firewall_close_bridge("dul-a-p", &err), 0);
    CHECK(firewall_bridge_is_closed("dul-a-p"));
    CHECK_INT(firewall_open_bridge("dul-a-p", &err), 0);
}

static void case_refused(void)
{
    AUTO_FIXTURE struct fixture f;
    struct error err;
    fixture_init(&f);
    AUTO_FREE char *path = xasprintf("%s/iptables.rules", f.folder);
    unlink(path);
    CHECK_INT(firewall_close_bridge("dul-a-p", &err), -ERR_UNAVAILABLE);
    CHECK_CONTAINS(err.message, "dul-a-p");
    CHECK_CONTAINS(err.hint, "deployd.firewall = none");
    CHECK(!firewall_bridge_is_closed("dul-a-p"));
    setenv("PATH", "/nonexistent", 1);
    CHECK_INT(firewall_close_bridge("dul-a-p", &err), -ERR_UNAVAILABLE);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (str_equal(argv[0], names[i])) {
            return stand_in(names[i], argc, argv);
        }
    }
    static const struct check_case cases[] = {
        {"names of bridges fit an interface", case_names},
        {"a rule is added once", case_closed_once},
        {"all copies of a rule go, no other", case_opened},
        {"without ip6tables", case_without_ipv6},
        {"a refusal says what to do", case_refused},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
