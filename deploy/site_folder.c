/*
 * See the header. Called by the command site.
 */
#include "deploy/site_folder.h"

#include <unistd.h>

#include "deploy/output.h"
#include "libdialup/base/str.h"

/* A site keeps the type that it was made with; files of another would be served as what they are
 * not. */
static void note_other_type(const struct site_folder *source)
{
    struct site_detection detection;
    if (!source->is_type_kept || source->type->id == SITE_TYPE_STATIC_CONTAINER ||
        folder_detect(&source->folder, &detection, NULL) < 0) {
        return;
    }
    if (detection.type != source->type) {
        terminal_note(&source->run->terminal,
                      "These files look like a site of type %s: %s. %s stays of type %s; to change "
                      "that, delete it and deploy anew. If it is meant: --type %s",
                      detection.type->name, detection.reason, source->domain, source->type->name,
                      source->type->name);
    }
}

static int detect_type(struct site_folder *source, bool *ret_needs_build, struct error *err)
{
    if (source->type && source->type->id != SITE_TYPE_AUTO) {
        note_other_type(source);
        return folder_needs_build(&source->folder, source->type, ret_needs_build, err);
    }
    struct site_detection detection;
    int result = folder_detect(&source->folder, &detection, err);
    if (result < 0) {
        return result;
    }
    source->type = detection.type;
    *ret_needs_build = detection.needs_build;
    terminal_say(&source->run->terminal, "This is a site of type %s: %s.", source->type->name,
                 detection.reason);
    return 0;
}

static int check_not_empty(const struct site_folder *source, struct error *err)
{
    if (source->folder.count > 0) {
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "DIR", "There are no files to send in %.200s",
                    source->path);
    error_hint(err, source->folder.ignored_count > 0
                        ? "Look at .gitignore and .dialupignore, or give another folder"
                        : "Add an index.html, or give another folder");
    return -ERR_INVALID_ARGUMENT;
}

/* Visitors of a plain static site could read its .env files: those are left at home. */
static int walk_again_without_secrets(struct site_folder *source, struct error *err)
{
    size_t count_before = source->folder.count;
    folder_close(&source->folder);
    int result = folder_open(&source->folder, source->path, true, err);
    if (result == 0 && source->folder.count < count_before) {
        terminal_note(&source->run->terminal,
                      "Not sent, since visitors could read them: .env files (%zu). To send one "
                      "all the same: !.env in .dialupignore",
                      count_before - source->folder.count);
    }
    return result;
}

/* An .env that .gitignore names is for this machine, and yet an app may not start without it. */
static void note_env_left_out(const struct site_folder *source)
{
    for (size_t i = 0; i < source->folder.count; i++) {
        if (str_equal(source->folder.files[i], ".env")) {
            return;
        }
    }
    if (faccessat(source->folder.fd, ".env", F_OK, 0) == 0) {
        terminal_note(&source->run->terminal, "Not sent, since it is ignored: .env. If the app "
                                              "reads it, write !.env into .dialupignore");
    }
}

/* As the server would say after all has been sent. */
static int check_first_page(const struct site_folder *source, struct error *err)
{
    struct site_files files = {(const char *const *)source->folder.files, source->folder.count};
    if (site_public_folder(source->type, &files, false)) {
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "DIR",
                    "%s is a site of files, and there is no index.html in %.200s", source->domain,
                    source->path);
    site_type_hint_index(&files, err);
    return -ERR_INVALID_ARGUMENT;
}

int site_folder_open(struct site_folder *source, struct error *err)
{
    bool needs_build = false;
    int result = folder_open(&source->folder, source->path, false, err);
    if (result == 0) {
        result = check_not_empty(source, err);
    }
    if (result == 0) {
        result = detect_type(source, &needs_build, err);
    }
    bool is_readable = result == 0 && !needs_build &&
                       (source->type->served == SITE_SERVED_FILES ||
                        source->type->id == SITE_TYPE_STATIC_CONTAINER);
    if (is_readable) {
        result = walk_again_without_secrets(source, err);
    } else if (result == 0) {
        note_env_left_out(source);
    }
    if (result == 0) {
        result = check_not_empty(source, err);
    }
    if (result == 0 && is_readable) {
        result = check_first_page(source, err);
    }
    if (result == 0 && source->folder.skipped_count > 0) {
        terminal_note(&source->run->terminal,
                      "Left out: %zu links or devices, such as %s (a link may lead to a file "
                      "of this folder)",
                      source->folder.skipped_count,
                      output_text(source->run, source->folder.first_skipped));
    }
    return result;
}
