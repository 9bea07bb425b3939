/*
 * package.json, read and judged. Called by build.c and node.c.
 */
#include "dialup-deployd/jobs/package.h"

#include <fcntl.h>
#include <string.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/json/json.h"

static bool depends_on(const struct json_value *root, const char *name)
{
    return json_find(json_find(root, "dependencies"), name) ||
           json_find(json_find(root, "devDependencies"), name);
}

static bool names_packages(const struct json_value *root, const char *list)
{
    const struct json_value *value = json_find(root, list);
    return value && value->type == JSON_OBJECT && value->item_count > 0;
}

static bool has_any(const struct json_value *scripts, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_find(scripts, names[i])) {
            return true;
        }
    }
    return false;
}

int package_parse(struct arena *arena, const char *text, size_t size, struct package *ret_package,
                  struct error *err)
{
    static const char *const install_scripts[] = {"preinstall", "install",    "postinstall",
                                                  "prepublish", "preprepare", "prepare",
                                                  "postprepare"};
    static const char *const start_wrappers[] = {"prestart", "poststart"};
    static const char bom[] = "\xEF\xBB\xBF";
    if (size >= 3 && memcmp(text, bom, 3) == 0) {
        text += 3;
        size -= 3;
    }
    const struct json_value *root;
    struct error inner;
    int result = json_parse(arena, text, size, &root, &inner);
    if (result == 0 && root->type != JSON_OBJECT) {
        result = error_set(&inner, ERR_INVALID_ARGUMENT, "it must hold an object: { ... }");
    }
    if (result < 0) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "package.json",
                        "package.json cannot be read: %s", inner.message);
        error_hint(err, "Mend it and deploy again");
        return -ERR_INVALID_ARGUMENT;
    }
    const struct json_value *scripts = json_find(root, "scripts");
    *ret_package = (struct package){
        .site =
            {
                .is_present = true,
                .depends_on_astro = depends_on(root, "astro"),
                .depends_on_next = depends_on(root, "next"),
                .build_script = json_find_text(scripts, "build", NULL),
                .start_script = json_find_text(scripts, "start", NULL),
                .main = json_find_text(root, "main", NULL),
            },
        .has_dependencies =
            names_packages(root, "dependencies") || names_packages(root, "devDependencies"),
        .has_workspaces = json_find(root, "workspaces") != NULL,
        .has_install_scripts = has_any(scripts, install_scripts, ARRAY_COUNT(install_scripts)),
        .wraps_start = has_any(scripts, start_wrappers, ARRAY_COUNT(start_wrappers)),
    };
    return 0;
}

int package_read(struct arena *arena, int dir_fd, struct package *ret_package, struct error *err)
{
    *ret_package = (struct package){0};
    if (faccessat(dir_fd, "package.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        return 0;
    }
    int fd = fs_open_beneath(dir_fd, "package.json", O_RDONLY | O_NONBLOCK, 0, err);
    if (fd < 0) {
        return fd;
    }
    AUTO_FREE char *path = xasprintf("/proc/self/fd/%d", fd);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(path, PACKAGE_MAX_BYTES, &text, NULL);
    close(fd);
    if (result < 0) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "package.json",
                               "package.json cannot be read: it must be a file of at most %d MB",
                               PACKAGE_MAX_BYTES >> 20);
    }
    return package_parse(arena, strbuf_text(&text), text.size, ret_package, err);
}

bool package_split_start(struct arena *arena, const char *script, const char *const **ret_argv,
                         size_t *ret_count)
{
    /* Everything that a shell would read as more than a word. */
    if (strpbrk(script, "|&;<>()$`\\\"'*?[]{}#~!%\n\r")) {
        return false;
    }
    const char **words = arena_calloc(arena, PACKAGE_MAX_ARGUMENTS, sizeof(*words));
    size_t count = 0;
    for (const char *at = script + strspn(script, " \t"); *at; at += strspn(at, " \t")) {
        size_t len = strcspn(at, " \t");
        if (count == PACKAGE_MAX_ARGUMENTS) {
            return false;
        }
        words[count++] = arena_strndup(arena, at, len);
        at += len;
    }
    *ret_argv = words;
    *ret_count = count;
    return count >= 2 && str_equal(words[0], "node");
}
