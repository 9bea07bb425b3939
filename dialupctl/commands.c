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
     "--wait --json caddy database docker storage memory admind deployd editord gate monitord",
     command_health},
    {"methods", "[DAEMON]", "Lists what a daemon can be asked, or every daemon.", NULL, false,
     COMPLETE_DAEMONS, NULL, command_methods},
    {"call", "DAEMON METHOD [JSON|-]", "Calls a method and prints its result as JSON.",
     "The parameters are a JSON object; - reads it from the standard input, where a password "
     "belongs. An error is printed as JSON too, and gives the exit status.",
     true, COMPLETE_DAEMONS, NULL, command_call},
    {"events", "[--count N] [DAEMON...]", "Follows what happens, a line of JSON for each event.",
     "Ends with Ctrl-C, or after N events.", true, COMPLETE_DAEMONS, NULL, command_events},
    {"quota",
     "show [WHO] | set WHO LIMIT... | profile VERB ... | violations [--open] [WHO] | enforce "
     "[--dry-run]",
     "Shows and changes limits of people, teams and the server.",
     "WHO is EMAIL (or user NUMBER), team NAME or system, the whole server; without it, system. A\n"
     "LIMIT is a dimension and its value: an amount (sites=5, memory_production=1GB,\n"
     "cpu_production=0.5, idle_minutes=30min), a part of the server (memory=25%), or none. "
     "Several\n"
     "values go with commas, such as cpu=2,soft=90%,burst=20%: people are warned at soft, and "
     "burst\n"
     "is lent above the limit while the server is calm. Running sites follow at once, and who is\n"
     "limited is told. Of a team, set changes its pool, which it has beside what its members "
     "bring\n"
     "in. profile takes list, show NAME, create NAME [--from BASE] [LIMIT...], set NAME LIMIT...,\n"
     "apply NAME EMAIL... and delete NAME. violations shows where limits were reached or passed.\n"
     "enforce does now what is done about that; with --dry-run it only says what. Each takes\n"
     "--json.",
     true, COMPLETE_WORDS,
     "show set profile violations enforce user team system list create apply delete --json --open "
     "--dry-run --from",
     command_quota},
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
