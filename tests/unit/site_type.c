/* Site types: the table, and what folders are recognised as. */
#include "libdialup/site/site_type.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

struct detect_row {
    const char *name;
    const char *files[6];
    struct site_package package;
    const char *type; /* NULL: refused */
    bool needs_build;
    const char *reason; /* or of the hint */
};

static const struct detect_row detect_rows[] = {
    {"empty folder", {NULL}, {0}, NULL, false, "Add an index.html"},
    {"one page", {"index.html"}, {0}, "static", false, "index.html"},
    {"page in public", {"public/index.html", "README.md"}, {0}, "static", false, "index.html"},
    {"pages without an index", {"a/hello.html"}, {0}, NULL, false, "Add an index.html"},
    {"a page of another name", {"home.html", "a.css"}, {0}, NULL, false, "Rename home.html"},
    {"two of other names", {"a.html", "b.html"}, {0}, NULL, false, "Add an index.html"},
    {"index.htm", {"a.html", "index.htm"}, {0}, NULL, false, "Rename index.htm to index.html"},
    {"index in capitals", {"Index.HTML"}, {0}, NULL, false, "Rename Index.HTML"},
    {"the folder above",
     {"README.md", "my/site/index.html", "my/site/deep/index.html"},
     {0},
     NULL,
     false,
     "in the folder my/site:"},
    {"only a readme", {"README.md"}, {0}, NULL, false, "a Dockerfile"},
    {"nuxt that makes a server",
     {"package.json"},
     {.is_present = true, .build_script = "nuxt build"},
     "node",
     true,
     "makes a server"},
    {"nuxt that makes pages",
     {"package.json"},
     {.is_present = true, .build_script = "nuxt generate"},
     "static",
     true,
     "build script"},
    {"dockerfile wins",
     {"Dockerfile", "package.json"},
     {.is_present = true, .depends_on_next = true},
     "dockerfile",
     true,
     "Dockerfile"},
    {"dockerfile below does not count", {"sub/Dockerfile", "index.html"}, {0}, "static", false, ""},
    {"next",
     {"package.json"},
     {.is_present = true, .depends_on_next = true, .start_script = "next start"},
     "next",
     true,
     "depends on next"},
    {"astro",
     {"package.json"},
     {.is_present = true, .depends_on_astro = true, .build_script = "astro build"},
     "astro",
     true,
     "depends on astro"},
    {"start script",
     {"package.json", "app.js"},
     {.is_present = true, .start_script = "node app.js"},
     "node",
     true,
     "start script"},
    {"start and build script",
     {"package.json"},
     {.is_present = true, .start_script = "node dist/app.js", .build_script = "tsc"},
     "node",
     true,
     "start script"},
    {"developer server",
     {"package.json", "public/index.html"},
     {.is_present = true, .start_script = "react-scripts start", .build_script = "react-scripts b"},
     "static",
     true,
     "build script"},
    {"developer server by npx",
     {"package.json"},
     {.is_present = true, .start_script = "npx docusaurus start", .build_script = "docusaurus b"},
     "static",
     true,
     "build script"},
    {"server of files by npx",
     {"package.json", "public/index.html"},
     {.is_present = true, .start_script = "npx --yes serve public"},
     "static",
     false,
     "index.html"},
    {"server of files without a page",
     {"package.json", "a.txt"},
     {.is_present = true, .start_script = "serve ."},
     "node",
     true,
     "start script"},
    {"developer server without a build",
     {"package.json", "index.html"},
     {.is_present = true, .start_script = "vite"},
     "node",
     true,
     "start script"},
    {"npx alone",
     {"package.json"},
     {.is_present = true, .start_script = "npx  "},
     "node",
     true,
     "start script"},
    {"vite",
     {"package.json", "index.html"},
     {.is_present = true, .build_script = "vite build"},
     "static",
     true,
     "build script"},
    {"server.js", {"package.json", "server.js"}, {.is_present = true}, "node", true, "server.js"},
    {"main file",
     {"package.json", "lib/x.js"},
     {.is_present = true, .main = "./lib/x"},
     "node",
     true,
     "main file"},
    {"main without a file",
     {"package.json", "index.html"},
     {.is_present = true, .main = "index.js"},
     "static",
     false,
     "index.html"},
    {"package.json alone", {"package.json"}, {.is_present = true}, NULL, false, "\"start\""},
    {"what npm takes for main",
     {"package.json", "index.js"},
     {.is_present = true},
     "node",
     true,
     "index.js"},
    {"app.js", {"package.json", "app.js"}, {.is_present = true}, "node", true, "app.js"},
    {"a page beside a script",
     {"package.json", "index.js", "index.html"},
     {.is_present = true},
     "static",
     false,
     "index.html"},
    {"a script without package.json", {"index.js"}, {0}, NULL, false, "node index.js"},
    {"empty scripts do not count",
     {"package.json", "index.html"},
     {.is_present = true, .start_script = "", .build_script = ""},
     "static",
     false,
     "index.html"},
};

static struct site_files list(const char *const *files)
{
    struct site_files result = {files, 0};
    while (files[result.count]) {
        result.count++;
    }
    return result;
}

static void case_detect(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(detect_rows); i++) {
        const struct detect_row *row = &detect_rows[i];
        struct site_detection detection = {0};
        struct error err = {0};
        struct site_files files = list(row->files);
        int result = site_type_detect(&files, &row->package, &detection, &err);
        if (!CHECK_INT(result, row->type ? 0 : -ERR_INVALID_ARGUMENT)) {
            printf("# %s\n", row->name);
        }
        if (row->type && result == 0) {
            CHECK_STR(detection.type->name, row->type);
            CHECK_INT(detection.needs_build, row->needs_build);
            CHECK_CONTAINS(detection.reason, row->reason);
        } else {
            CHECK_STR(err.field, "type");
            CHECK_CONTAINS(err.hint, row->reason);
        }
    }
}

static void case_table(void)
{
    for (int i = 0; i < SITE_TYPE_COUNT; i++) {
        const struct site_type *type = site_type_get((enum site_type_id)i);
        CHECK_INT(type->id, i);
        CHECK(site_type_find(type->name) == type);
        CHECK_INT(type->served == SITE_SERVED_CONTAINER, type->memory_mib > 0);
        CHECK_INT(type->memory_mib > 0, type->cpu_millicores > 0);
        CHECK_INT(type->build_memory_mib > 0, i != SITE_TYPE_AUTO);
    }
}

static void case_parse(void)
{
    const struct site_type *type = NULL;
    struct error err;
    CHECK_INT(site_type_parse("static-container", &type, &err), 0);
    CHECK_INT(type->memory_mib, 64);
    CHECK_INT(site_type_parse("php", &type, &err), -ERR_INVALID_ARGUMENT);
    CHECK_STR(err.field, "type");
    CHECK_CONTAINS(err.hint, "static, node, astro");
}

static void case_public_folder(void)
{
    static const char *const both[] = {"index.html", "dist/index.html", NULL};
    static const char *const site[] = {"_site/index.html", "src/a.md", NULL};
    static const char *const none[] = {"a.html", NULL};
    const struct site_type *type = site_type_get(SITE_TYPE_STATIC);
    struct site_files files = list(both);
    CHECK_STR(site_public_folder(type, &files, false), ".");
    CHECK_STR(site_public_folder(type, &files, true), "dist");
    files = list(site);
    CHECK_STR(site_public_folder(type, &files, false), "_site");
    files = list(none);
    CHECK(!site_public_folder(type, &files, false));
    files = list(both);
    CHECK(!site_public_folder(site_type_get(SITE_TYPE_NODE), &files, false));
}

int main(void)
{
    static const struct check_case cases[] = {
        {"folders are recognised", case_detect},
        {"the table agrees with itself", case_table},
        {"names of types", case_parse},
        {"the public folder", case_public_folder},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
