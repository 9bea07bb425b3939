/*
 * The table of commands. Read by main.c and manual.c.
 */
#include "dialupctl/command.h"

#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

const struct command commands[] = {
    {"config", "[SECTION.KEY=VALUE...]", "Prints a settings file with these values.",
     "Every setting stands in it with its meaning. Redirect the output into the file that the "
     "daemons are started with.",
     false, COMPLETE_SETTINGS, NULL, command_config},
    {"migrate", "", "Makes the database, or brings it to this version.",
     "Run it before the daemons start. A database that holds data is copied first, beside "
     "itself; the newest three copies are kept.",
     true, COMPLETE_NOTHING, NULL, command_migrate},
    {"caddy", "[FILE]", "Prints the environment that our Caddyfile reads, or writes it to FILE.",
     "Made from the settings. The service dialup-caddy calls it before each start.", true,
     COMPLETE_NOTHING, NULL, command_caddy},
    {"health", "[--wait SECONDS] [--json] [NAME...]", "Asks every daemon whether it is well.",
     "A NAME is a daemon (deployd) or a check (database, docker, storage, memory); then only these "
     "count. With --wait it asks again until all is well or the time is over. The exit status is 0 "
     "if all is well, 1 if something is degraded or failing, and 2 for a name that nobody knows.",
     true, COMPLETE_WORDS,
     "--wait --json database docker storage memory admind deployd editord gate monitord",
     command_health},
    {"methods", "[DAEMON]", "Lists what a daemon can be asked, or every daemon.", NULL, false,
     COMPLETE_DAEMONS, NULL, command_methods},
    {"call", "DAEMON METHOD [JSON|-]", "Calls a method and prints its result as JSON.",
     "The parameters are a JSON object; - reads it from the standard input, where a password "
     "belongs. An error is printed as JSON too, and gives the exit status.",
     true, COMPLETE_DAEMONS, NULL, command_call},
    {"events", "[--count N] [DAEMON...]", "Follows what happens, a line of JSON for each event.",
     "Ends with Ctrl-C, or after N events.", true, COMPLETE_DAEMONS, NULL, command_events},
    {"firewall", "show|remove", "Shows or removes the rules that close the host to containers.",
     "deployd makes them when it starts.", true, COMPLETE_WORDS, "show remove", command_firewall},
};

const size_t command_count = ARRAY_COUNT(commands);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (str_equal(commands[i].name, name)) {
            return &commands[i];
        }
    }
    return NULL;
}

int command_wrong_use(const struct ctl *ctl, struct error *err)
{
    const char *name = strchr(ctl->argv[0], ' ') + 1;
    const struct command *command = command_find(name);
    return error_set(err, ERR_INVALID_ARGUMENT, "usage: dialupctl %s %s", name, command->synopsis);
}
