/*
 * THE table of commands. Parser, help, manual page and completion are made from it.
 */
#include "deploy/command.h"

#include <string.h>

#include "deploy/handlers.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

const struct option_row global_options[] = {
    {"server", '\0', "URL", "The panel's address; else DIALUP_SERVER, else where you logged in"},
    {"api-key", '\0', "KEY", "An API key; else DIALUP_API_KEY, else the key of your log-in"},
    {"json", '\0', NULL, "Print the API's JSON and nothing else; errors as {\"error\": ...}"},
    {"insecure-http", '\0', NULL,
     "Allow http:// to other machines: your key can be read on the way"},
    {"help", 'h', NULL, "Show help for a command"},
    {"version", '\0', NULL, "Show the version"},
    {NULL},
};

static const struct option_row no_options[] = {{NULL}};

static const struct option_row login_options[] = {
    {"email", '\0', "EMAIL", "Do not ask for the email"},
    {"key-stdin", '\0', NULL, "Read an API key from standard input, instead of email and password"},
    {NULL},
};

static const struct option_row logout_options[] = {
    {"local", '\0', NULL, "Only forget the log-in here; do not ask the server to end it"},
    {NULL},
};

static const struct option_row site_options[] = {
    {"domain", 'd', "DOMAIN", "The site's domain; a single word is completed by the server"},
    {"type", 't', "TYPE", "What kind of site it is, if it should not be found out", COMPLETE_TYPES},
    {"strategy", '\0', "STRATEGY", "How a new site is kept: lazy, persistent or scalable",
     COMPLETE_STRATEGIES},
    {"idle-minutes", '\0', "N", "A new site sleeps after so many minutes without a visit"},
    {"message", 'm', "TEXT", "What changed, for the list of deployments"},
    {"commit", '\0', "REF", "The commit this is, for the list of deployments"},
    {NULL},
};

static const struct option_row status_options[] = {
    {"resources", 'r', NULL, "Show what you use of each limit"},
    {NULL},
};

static const struct option_row sites_list_options[] = {
    {"all", 'a', NULL, "Everybody's sites (admins)"},
    {NULL},
};

static const struct option_row sites_set_options[] = {
    {"strategy", '\0', "STRATEGY", "lazy, persistent or scalable", COMPLETE_STRATEGIES},
    {"idle-minutes", '\0', "N",
     "A lazy site sleeps after so long without a visit; 0: as the server is set"},
    {"memory", '\0', "SIZE", "Memory, such as 256MB or 1GB"},
    {"cpu", '\0', "CORES", "CPU, such as 0.25"},
    {NULL},
};

static const struct option_row delete_options[] = {
    {"yes", 'y', NULL, "Do not ask"},
    {NULL},
};

static const struct option_row logs_options[] = {
    {"follow", 'f', NULL, "Go on showing what the site writes, until Ctrl-C"},
    {"tail", 'n', "N", "How many of the last lines, 1 to 5000; 100 if not given"},
    {NULL},
};

static const struct option_row rollback_options[] = {
    {"to", '\0', "N", "The deployment's number; the one before the live one if not given"},
    {NULL},
};

static const struct option_row users_create_options[] = {
    {"name", '\0', "NAME", "The person's name"},
    {"profile", '\0', "PROFILE", "basic, standard, power or editor_only"},
    {"role", '\0', "ROLE", "user or admin"},
    {NULL},
};

static const struct option_row users_limits_options[] = {
    {"set", '\0', "DIMENSION=VALUE",
     "A new limit, as often as needed: 512MB, 2GB, 0.5 for cores; none removes it"},
    {NULL},
};

static const struct option_row validate_options[] = {
    {"domain", 'd', "DOMAIN", "A change of this site; a new site if not given"},
    {"type", 't', "TYPE", "The kind of site, which says what it needs", COMPLETE_TYPES},
    {"memory", '\0', "MIB", "Memory"},
    {"cpu", '\0', "MILLICORES", "CPU, in thousandths of a core"},
    {"storage", '\0', "MIB", "Storage"},
    {NULL},
};

const struct command commands[] = {
    {"login", "", 0, 0, "Log in to a server",
     "Asks for email and password, makes an API key named after this machine, and keeps it in\n"
     "~/.config/dialup/credentials.json, where only you can read it. The password is not kept.\n"
     "\n"
     "Examples:\n"
     "  deploy login --server https://admin.example.org\n"
     "  deploy login --server https://admin.example.org --key-stdin < key.txt\n",
     login_options, .handle = handle_login},
    {"logout", "", 0, 0, "Log out on this machine",
     "Revokes the API key that log-in made and forgets it.\n", logout_options,
     .handle = handle_logout},
    {"whoami", "", 0, 0, "Show whose key is used, and where",
     "Asks the server, so it also tells "
     "whether the log-in still works.\n",
     no_options, .needs_server = true, .handle = handle_whoami},
    {"site", "[DIR]", 0, 1, "Put a folder online",
     "Sends the folder (the present one if none is given) and makes it the site's new release.\n"
     "The site is created if there is none of that domain. What kind of site it is follows from\n"
     "its files: package.json, Dockerfile, index.html.\n"
     "\n"
     "Only files that the server does not have are sent. Left out are what .gitignore and\n"
     ".dialupignore name, and always .git, node_modules and .DS_Store. For static sites .env\n"
     "files are left out, too, unless .dialupignore takes them back (!.env).\n"
     "\n"
     "The build's log is shown as it runs. If the build fails, what was live before stays live.\n"
     "Ctrl-C stops watching; a deploy that has begun goes on at the server.\n"
     "\n"
     "Examples:\n"
     "  deploy site --domain mysite\n"
     "  deploy site --domain mysite.example.org --message \"New header\" ./website\n",
     site_options, .needs_server = true, .handle = handle_site},
    {"status", "", 0, 0, "Show your sites and what you use",
     "Examples:\n"
     "  deploy status\n"
     "  deploy status --resources\n",
     status_options, .needs_server = true, .handle = handle_status},
    {"sites list", "", 0, 0, "List your sites", "", sites_list_options, .needs_server = true,
     .handle = handle_sites_list},
    {"sites show", "DOMAIN", 1, 1, "Show one site", "", no_options, .needs_server = true,
     .handle = handle_sites_show},
    {"sites set", "DOMAIN", 1, 1, "Change how a site is kept, its memory or its CPU",
     "Strategies:\n"
     "  lazy        Sleeps while nobody visits it. The next visit wakes it, and waits about half\n"
     "              a second if it slept long. While it is asleep its memory is free for others\n"
     "              of yours.\n"
     "  persistent  Always awake. For apps that work without visitors: timers, bots.\n"
     "  scalable    Always awake, and a second instance under load, if your limits have room.\n"
     "\n"
     "Sites that are served from files are always there and need no memory: none of this is for\n"
     "them. A running site follows at once. More than your limits have room for is refused.\n"
     "\n"
     "Examples:\n"
     "  deploy sites set mysite --strategy persistent\n"
     "  deploy sites set mysite --strategy lazy --idle-minutes 30\n"
     "  deploy sites set mysite --memory 384MB --cpu 0.5\n",
     sites_set_options, .needs_server = true, .handle = handle_sites_set},
    {"sites start", "DOMAIN", 1, 1, "Start a site that was stopped", "", no_options,
     .needs_server = true, .handle = handle_sites_change},
    {"sites stop", "DOMAIN", 1, 1, "Take a site offline, keeping everything",
     "A stopped site uses no memory and no CPU. It still counts as one of your sites.\n",
     no_options, .needs_server = true, .handle = handle_sites_change},
    {"sites restart", "DOMAIN", 1, 1, "Start a site's program afresh", "", no_options,
     .needs_server = true, .handle = handle_sites_change},
    {"sites delete", "DOMAIN", 1, 1, "Delete a site; its files stay in the trash for 7 days",
     "Asks you to type the domain. In a script: --yes.\n", delete_options, .needs_server = true,
     .handle = handle_sites_delete},
    {"sites logs", "DOMAIN", 1, 1, "Show what a site wrote",
     "Examples:\n"
     "  deploy sites logs mysite --tail 20\n"
     "  deploy sites logs mysite -f\n",
     logs_options, .needs_server = true, .handle = handle_sites_logs},
    {"sites deployments", "DOMAIN", 1, 1, "List a site's deployments, newest first", "", no_options,
     .needs_server = true, .handle = handle_sites_deployments},
    {"sites rollback", "DOMAIN", 1, 1, "Go back to a release that was live before",
     "Examples:\n"
     "  deploy sites rollback mysite\n"
     "  deploy sites rollback mysite --to 12\n",
     rollback_options, .needs_server = true, .handle = handle_sites_rollback},
    {"keys list", "", 0, 0, "List your API keys", "", no_options, .needs_server = true,
     .handle = handle_keys_list},
    {"keys create", "NAME", 1, 1, "Make an API key, for a script or another machine",
     "The key is printed once, alone on standard output.\n"
     "\n"
     "Example:\n"
     "  deploy keys create \"nightly build\" > key.txt\n",
     no_options, .needs_server = true, .handle = handle_keys_create},
    {"keys revoke", "ID", 1, 1, "Make an API key worthless", "", no_options, .needs_server = true,
     .handle = handle_keys_revoke},
    {"users list", "", 0, 0, "List accounts (admins)", "", no_options, .needs_server = true,
     .handle = handle_users_list},
    {"users create", "EMAIL", 1, 1, "Create an account (admins)",
     "Asks for the password; an empty one makes an account that cannot log in yet.\n"
     "\n"
     "Example:\n"
     "  deploy users create ann@example.org --name Ann --profile standard\n",
     users_create_options, .needs_server = true, .handle = handle_users_create},
    {"users limits", "USER", 1, 1, "Show or change the limits of an account (admins)",
     "USER is a number or an email. Running sites follow new limits at once.\n"
     "\n"
     "Example:\n"
     "  deploy users limits ann@example.org --set sites=5 --set memory_production=1GB\n",
     users_limits_options, .needs_server = true, .handle = handle_users_limits},
    {"users deactivate", "USER", 1, 1, "Shut an account out (admins)",
     "USER is a number or an email. Its sites stay as they are.\n", no_options,
     .needs_server = true, .handle = handle_users_activate},
    {"users activate", "USER", 1, 1, "Let an account in again (admins)",
     "USER is a number or an email.\n", no_options, .needs_server = true,
     .handle = handle_users_activate},
    {"validate", "", 0, 0, "Ask whether there is room for something",
     "Reserves nothing. Ends with 4 if there is no room.\n"
     "\n"
     "Example:\n"
     "  deploy validate --type node --memory 256\n",
     validate_options, .needs_server = true, .handle = handle_validate},
    {"--generate-man", "", 0, 0, "Print the manual page", "", no_options, .is_hidden = true,
     .handle = handle_generate_man},
    {"--generate-completion", "", 0, 0, "Print the completion for bash", "", no_options,
     .is_hidden = true, .handle = handle_generate_completion},
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

bool command_is_group(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < command_count; i++) {
        if (str_starts_with(commands[i].name, name) && commands[i].name[len] == ' ') {
            return true;
        }
    }
    return false;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Letters to insert, take out or exchange (Levenshtein); names longer than the row are far away. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64];
    size_t b_len = strlen(b);
    if (b_len >= ARRAY_COUNT(row)) {
        return b_len;
    }
    for (size_t k = 0; k <= b_len; k++) {
        row[k] = k;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t k = 1; k <= b_len; k++) {
            size_t above = row[k];
            row[k] = smallest(above + 1, row[k - 1] + 1, diagonal + (a[i] != b[k - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *command_nearest(const char *name)
{
    const char *nearest = NULL;
    size_t best = strlen(name) / 3 + 2;
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i].is_hidden) {
            continue;
        }
        const char *second = strchr(commands[i].name, ' ');
        size_t whole = distance(commands[i].name, name);
        /* "list" alone may stand for "sites list". */
        size_t part = second ? distance(second + 1, name) + 1 : whole;
        size_t found = whole < part ? whole : part;
        if (found < best) {
            best = found;
            nearest = commands[i].name;
        }
    }
    return nearest;
}
