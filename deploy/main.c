/*
 * deploy: the command line of friend and admin, over HTTPS.
 *
 * Parses the arguments, finds out which server and key, calls the command's handler, and says how
 * it ended: as words on stderr, or with --json as a document on stdout, and as exit status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/help.h"
#include "deploy/interrupt.h"
#include "deploy/run.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum { EXIT_INTERRUPTED = 130 };

static int load_settings(struct run *run, struct error *err)
{
    const char *server = args_option(&run->args, "server");
    const char *api_key = args_option(&run->args, "api-key");
    int result = settings_load(&run->settings, run->arena, err);
    if (result < 0) {
        return result;
    }
    return settings_override(&run->settings, run->arena, server ? server : getenv("DIALUP_SERVER"),
                             api_key ? api_key : getenv("DIALUP_API_KEY"),
                             args_has(&run->args, "insecure-http"), err);
}

static int open_client(struct run *run, struct error *err)
{
    if (!run->settings.server || run->settings.api_key.size == 0) {
        error_set(err, ERR_UNAUTHENTICATED, "You are not logged in%s%s",
                  run->settings.server ? " at " : "",
                  run->settings.server ? run->settings.server : "");
        error_hint(err, "deploy login --server %s",
                   run->settings.server ? run->settings.server : "https://admin.example.org");
        return -ERR_UNAUTHENTICATED;
    }
    run->client = client_open(run->settings.server, &run->settings.api_key);
    return 0;
}

static int execute(struct run *run, struct error *err)
{
    const struct command *command = run->args.command;
    int result = command->is_hidden ? 0 : load_settings(run, err);
    if (result == 0 && command->needs_server) {
        result = open_client(run, err);
    }
    return result < 0 ? result : command->handle(run, err);
}

/* The server's own document if the error is the server's, else one of the same shape. */
static void print_json_error(const struct run *run, const struct error *err)
{
    const char *document = run->client ? client_error_document(run->client, err) : NULL;
    if (document) {
        puts(document);
        return;
    }
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_begin_object(&writer);
    json_key(&writer, "error");
    json_begin_object(&writer);
    json_put_text(&writer, "name", error_info(err->code)->name);
    json_put_text(&writer, "message",
                  err->message[0] ? err->message : error_info(err->code)->sentence);
    if (err->field[0] != '\0') {
        json_put_text(&writer, "field", err->field);
    }
    if (err->hint[0] != '\0') {
        json_put_text(&writer, "hint", err->hint);
    }
    if (err->checks_json) {
        json_key(&writer, "checks");
        json_raw(&writer, err->checks_json, strlen(err->checks_json));
    }
    json_end_object(&writer);
    json_end_object(&writer);
    puts(strbuf_text(&text));
}

/* Where to look for what is not there; "" if the command is about nothing that can be listed. */
static void hint_list(const struct run *run, struct error *err)
{
    static const struct {
        const char *command; /* how its name begins */
        const char *hint;
    } lists[] = {
        {"sites rollback", "See which there are: deploy sites deployments DOMAIN"},
        {"sites", "See which there are: deploy sites list"},
        {"keys", "See which there are: deploy keys list"},
        {"users", "See who there is: deploy users list"},
        {"team", "See which there are: deploy team list"},
    };
    const char *name = run->args.command ? run->args.command->name : "";
    for (size_t i = 0; i < ARRAY_COUNT(lists) && err->hint[0] == '\0'; i++) {
        if (str_starts_with(name, lists[i].command)) {
            error_hint(err, "%s", lists[i].hint);
        }
    }
}

static int finish(struct run *run, int result, struct error *err)
{
    if (result == -ERR_NOT_FOUND) {
        hint_list(run, err);
    }
    if (result < 0 && err->code == ERR_UNAUTHENTICATED && err->hint[0] == '\0') {
        error_hint(err, "Log in again: deploy login --server %s",
                   run->settings.server ? run->settings.server : "URL");
    }
    if (result < 0 && !run->is_json) {
        terminal_error(&run->terminal, err);
    } else if (result < 0 && !run->has_printed) {
        print_json_error(run, err);
    }
    bool is_written = fflush(stdout) == 0 && !ferror(stdout);
    if (interrupt_pending()) {
        return EXIT_INTERRUPTED;
    }
    if (result == 0) {
        return is_written ? 0 : error_info(ERR_IO)->exit_code;
    }
    return error_info((enum error_code) - result)->exit_code;
}

/* Help was asked for, or is all that can be said. */
static bool print_help(const struct args *args)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    if (args->wants_version) {
        strbuf_puts(&text, "deploy " DIALUP_VERSION "\n");
    } else if (args->command && args->wants_help) {
        help_command(args->command, &text);
    } else if (!args->command && args->group) {
        help_group(args->group, &text);
    } else if (!args->command) {
        help_program(&text);
    } else {
        return false;
    }
    bool was_asked_for = args->wants_help || args->wants_version;
    fputs(strbuf_text(&text), was_asked_for ? stdout : stderr);
    return true;
}

/* For arguments that could not be understood: whoever reads documents gets one about that, too. */
static bool wants_json(int argc, char *const *argv)
{
    for (int i = 1; i < argc && !str_equal(argv[i], "--"); i++) {
        if (str_equal(argv[i], "--json")) {
            return true;
        }
    }
    return false;
}

static int run_command(struct run *run, int argc, char *const *argv)
{
    struct error err = {0};
    int result = args_parse(argc, argv, &run->args, &err);
    run->is_json = args_has(&run->args, "json") || (result < 0 && wants_json(argc, argv));
    terminal_init(&run->terminal, run->is_json);
    if (result == 0 && print_help(&run->args)) {
        bool was_asked_for = run->args.wants_help || run->args.wants_version;
        return was_asked_for ? 0 : error_info(ERR_INVALID_ARGUMENT)->exit_code;
    }
    if (result == 0) {
        result = execute(run, &err);
    }
    return finish(run, result, &err);
}

int main(int argc, char **argv)
{
    struct run run = {.arena = arena_new()};
    interrupt_init();
    int status = run_command(&run, argc, argv);
    client_close(run.client);
    settings_fini(&run.settings);
    arena_free(run.arena);
    return status;
}
