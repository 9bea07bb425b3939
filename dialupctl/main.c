/*
 * dialupctl: looks after the suite on its own machine. Talks to the daemons over their sockets;
 * of the database it only runs the migrations.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dialupctl/command.h"
#include "dialupctl/manual.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/nearest.h"
#include "libdialup/daemon/journal.h"

static void print_help(FILE *out)
{
    enum { NAME_WIDTH = 10 };
    fprintf(out, "usage: dialupctl [--config FILE] COMMAND\n\n");
    for (size_t i = 0; i < command_count; i++) {
        fprintf(out, "  %-*s %s\n", NAME_WIDTH, commands[i].name, commands[i].summary);
    }
    fprintf(out,
            "\n"
            "  --config FILE   settings (default: %s)\n"
            "  --version       print the version\n"
            "  --help          this; after a command: about that command\n",
            CONFIG_DEFAULT_PATH);
}

static void print_command_help(const struct command *command)
{
    printf("usage: dialupctl %s %s\n\n%s\n", command->name, command->synopsis, command->summary);
    if (command->help) {
        printf("\n%s\n", command->help);
    }
}

static int print_failure(const struct error *err)
{
    if (journal_use_if_connected()) { /* a service's failure, with its priority */
        log_error("%s%s%s", err->message, err->hint[0] ? ". " : "", err->hint);
        return error_info(err->code)->exit_code;
    }
    fprintf(stderr, "dialupctl: %s%s%s\n", err->message, err->hint[0] ? "\n  " : "", err->hint);
    return error_info(err->code)->exit_code;
}

/* Returns the exit status if the program is to end at once, -1 otherwise. */
static int parse_options(struct ctl *ctl, int argc, char **argv)
{
    enum { PRINT_MANUAL = 1000, PRINT_COMPLETION };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {"print-manual", no_argument, NULL, PRINT_MANUAL},
        {"print-completion", no_argument, NULL, PRINT_COMPLETION},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "+c:Vh", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            ctl->config_path = optarg;
            break;
        case 'V':
            printf("dialupctl %s\n", DIALUP_VERSION);
            return 0;
        case 'h':
            print_help(stdout);
            return 0;
        case PRINT_MANUAL:
            manual_print(stdout);
            return 0;
        case PRINT_COMPLETION:
            manual_print_completion(stdout);
            return 0;
        default:
            return EXIT_WRONG_USE;
        }
    }
    return -1;
}

static int refuse_unknown(const char *name)
{
    const char *meant = nearest_word(name, commands, command_count, sizeof(commands[0]));
    fprintf(stderr, "dialupctl: There is no command \"%s\"\n", name);
    if (meant) {
        fprintf(stderr, "  Did you mean %s?\n", meant);
    } else {
        fprintf(stderr, "  `dialupctl --help` lists them\n");
    }
    return EXIT_WRONG_USE;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

static int run_command(struct ctl *ctl, const struct command *command)
{
    AUTO_FREE char *program = xasprintf("dialupctl %s", command->name);
    struct error err = {0};
    ctl->argv[0] = program;
    optind = 0; /* getopt starts over */
    int result = command->needs_config ? config_load(ctl->config_path, &ctl->config, &err) : 0;
    if (result < 0 && access(ctl->config_path, R_OK) < 0 && errno == EACCES) {
        error_hint(&err, "It is for root and the daemons: sudo dialupctl %s", command->name);
    } else if (result < 0 && err.hint[0] == '\0') {
        error_hint(&err, "--config names the settings file; `dialupctl config` prints a new one");
    }
    if (result == 0) {
        result = command->handle(ctl, &err);
    }
    return result < 0 ? print_failure(&err) : result;
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.config_path = CONFIG_DEFAULT_PATH};
    log_init("dialupctl", LOG_LEVEL_WARNING);
    int status = parse_options(&ctl, argc, argv);
    if (status >= 0) {
        return status;
    }
    if (optind == argc) {
        print_help(stderr);
        return EXIT_WRONG_USE;
    }
    const struct command *command = command_find(argv[optind]);
    if (!command) {
        return refuse_unknown(argv[optind]);
    }
    ctl.argc = argc - optind;
    ctl.argv = argv + optind;
    if (asks_for_help(ctl.argc, ctl.argv)) {
        print_command_help(command);
        return 0;
    }
    ctl.arena = arena_new();
    status = run_command(&ctl, command);
    config_free(ctl.config);
    arena_free(ctl.arena);
    return status;
}
