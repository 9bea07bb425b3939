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
    {"team", '\0', "TEAM", "A new site is the team's: it counts against what the team has"},
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
    {"team", '\0', "TEAM", "The sites of this team alone"},
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
    {"deployment", '\0', "N", "What this deployment did instead: its build and its start"},
    {NULL},
};

static const struct option_row rollback_options[] = {
    {"to", '\0', "N", "The deployment's number; the one before the live one if not given"},
    {NULL},
};

static const struct option_row users_create_options[] = {
    {"name", '\0', "NAME", "The person's name"},
    {"profile", '\0', "PROFILE", "basic, standard, power or editor_only", COMPLETE_PROFILES},
    {"role", '\0', "ROLE", "user or admin", COMPLETE_ROLES},
    {NULL},
};

static const struct option_row limits_options[] = {
    {"set", '\0', "DIMENSION=VALUE", "A new limit, as often as needed: 512MB, 0.5 cores, 25%, none",
     COMPLETE_DIMENSIONS},
    {NULL},
};

static const struct option_row team_list_options[] = {
    {"all", 'a', NULL, "Everybody's teams (admins)"},
    {NULL},
};

static const struct option_row team_create_options[] = {
    {"lead", '\0', "USER", "Somebody else leads it: an email or a number (admins)"},
    {NULL},
};

static const struct option_row team_add_options[] = {
    {"role", '\0', "ROLE", "member or lead; member if not given", COMPLETE_TEAM_ROLES},
    {"bring", '\0', "DIMENSION=AMOUNT", "What they bring in, as often as needed; or 50%",
     COMPLETE_DIMENSIONS},
    {NULL},
};

static const struct option_row team_bring_options[] = {
    {"member", '\0', "USER", "What somebody else brings in"},
    {"leads-may-move", '\0', "yes|no", "Whether leads may have you bring in more"},
    {NULL},
};

static const struct option_row team_move_options[] = {
    {"from", '\0', "USER", "Who gets it back"},
    {"to", '\0', "USER", "Who brings it in"},
    {NULL},
};

static const struct option_row team_advice_options[] = {
    {"type", 't', "TYPE", "What would help so that a site of this type fits", COMPLETE_TYPES},
    {"need", '\0', "DIMENSION=AMOUNT", "What would help so that this much fits",
     COMPLETE_DIMENSIONS},
    {"member", '\0', "USER", "So that it fits with a member's own sites, not the team's"},
    {NULL},
};

static const struct option_row validate_options[] = {
    {"domain", 'd', "DOMAIN", "A change of this site; a new site if not given"},
    {"type", 't', "TYPE", "The kind of site, which says what it needs", COMPLETE_TYPES},
    {"memory", '\0', "SIZE", "Memory, such as 256MB or 1GB"},
    {"cpu", '\0', "CORES", "CPU, such as 0.25"},
    {"storage", '\0', "SIZE", "Storage, such as 500MB"},
    {"development", '\0', NULL, "For a development container, not a site"},
    {"team", '\0', "TEAM", "With the limits of this team"},
    {NULL},
};

static const struct option_row fit_options[] = {
    {"team", '\0', "TEAM", "For a site of this team"},
    {NULL},
};

static const struct option_row notices_options[] = {
    {"all", 'a', NULL, "Those that were read before, too"},
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
     "  deploy site --domain mysite.example.org --message \"New header\" ./website\n"
     "  deploy site --domain theband --team band ./website\n",
     site_options, .needs_server = true, .handle = handle_site},
    {"status", "", 0, 0, "Show your sites and what you use",
     "With --resources: what you use of each limit, what each site has of it, and how your teams\n"
     "stand.\n"
     "\n"
     "  nearly full  Somebody should look at it; everything still works.\n"
     "  full         Nothing more fits. What runs goes on.\n"
     "  lent         Above your limit while the server has room; the first to go when it fills "
     "up.\n"
     "  over         The limit became smaller than what you use: nothing new until it is less.\n"
     "\n"
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
     "  deploy sites logs mysite -f\n"
     "  deploy sites logs mysite --deployment 3\n",
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
     "A value is an amount (5, 512MB, 2GB, 0.5 for cores, 12h, 30min, 100Mbit), a part of the\n"
     "server (25%), or none. Several go with commas: the stricter of amount and part binds;\n"
     "soft=90% is where people are warned, burst=20% what is lent above it while the server is\n"
     "calm.\n"
     "\n"
     "Examples:\n"
     "  deploy users limits ann@example.org --set sites=5 --set memory_production=1GB\n"
     "  deploy users limits ann@example.org --set cpu_production=0.5,burst=50%\n",
     limits_options, .needs_server = true, .handle = handle_users_limits},
    {"users deactivate", "USER", 1, 1, "Shut an account out (admins)",
     "USER is a number or an email. Its sites stay as they are.\n", no_options,
     .needs_server = true, .handle = handle_users_activate},
    {"users activate", "USER", 1, 1, "Let an account in again (admins)",
     "USER is a number or an email.\n", no_options, .needs_server = true,
     .handle = handle_users_activate},
    {"team list", "", 0, 0, "List your teams", "", team_list_options, .needs_server = true,
     .handle = handle_team_list},
    {"team show", "TEAM", 1, 1, "Show a team: what it has, who is in it, its sites",
     "TEAM is a name or a number, here and in all commands about teams.\n", no_options,
     .needs_server = true, .handle = handle_team_show},
    {"team create", "NAME", 1, 1, "Make a team, which you lead",
     "A team is people who share sites. What it may use is what its members bring in of their\n"
     "own limits, and a pool that an admin may add. Sites of a team count against the team\n"
     "alone.\n"
     "\n"
     "Example, a team of two and its first site:\n"
     "  deploy team create band\n"
     "  deploy team add band bob@example.org\n"
     "  deploy team bring band sites=1 containers=3 concurrent_containers=2 \\\n"
     "      memory_production=128MB cpu_production=0.25 storage_production=200MB\n"
     "  deploy site --team band --domain theband ./website\n",
     team_create_options, .needs_server = true, .handle = handle_team_create},
    {"team add", "TEAM USER", 2, 2, "Add somebody to a team (leads)",
     "USER is an email. They bring in nothing until they say so: deploy team bring.\n"
     "\n"
     "Example:\n"
     "  deploy team add band bob@example.org --role lead\n",
     team_add_options, .needs_server = true, .handle = handle_team_add},
    {"team remove", "TEAM USER", 2, 2, "Take somebody out of a team, or leave it",
     "What they brought in is theirs again, so it is refused while the team's sites need it. The\n"
     "last lead stays.\n",
     no_options, .needs_server = true, .handle = handle_team_remove},
    {"team role", "TEAM USER ROLE", 3, 3, "Make somebody a lead, or a member again (leads)",
     "ROLE is member or lead. Leads add and remove people and move what they bring in.\n",
     no_options, .needs_server = true, .handle = handle_team_role},
    {"team bring", "TEAM [DIMENSION=AMOUNT...]", 1, ARGS_MAX_WORDS,
     "Say what you bring into a team of your own limits",
     "What you bring in is not yours meanwhile. The amounts are what stands from now on: 0 takes\n"
     "all of it back. A part of everything: 50%.\n"
     "\n"
     "Examples:\n"
     "  deploy team bring band sites=1 memory_production=128MB\n"
     "  deploy team bring band 50% --leads-may-move yes\n",
     team_bring_options, .needs_server = true, .handle = handle_team_bring},
    {"team move", "TEAM DIMENSION=AMOUNT...", 2, ARGS_MAX_WORDS,
     "Move what members bring in (leads)",
     "With --to alone somebody brings in more, with --from alone they get it back, with both it\n"
     "changes hands and the team keeps what it has. All of it happens, or nothing.\n"
     "\n"
     "Example: bob brings in 128 MB more, ann gets them back\n"
     "  deploy team move band memory_production=128MB --from ann@example.org --to "
     "bob@example.org\n",
     team_move_options, .needs_server = true, .handle = handle_team_move},
    {"team advice", "TEAM", 1, 1, "Show what is near its limit, and which moves would help",
     "Examples:\n"
     "  deploy team advice band\n"
     "  deploy team advice band --type node\n"
     "  deploy team advice band --need memory_production=256MB\n",
     team_advice_options, .needs_server = true, .handle = handle_team_advice},
    {"team limits", "TEAM", 1, 1, "Show a team's limits; change its pool (admins)",
     "The pool is what the team has beside what its members bring in. Values are written as for\n"
     "users limits.\n"
     "\n"
     "Example:\n"
     "  deploy team limits band --set sites=2 --set memory_production=512MB\n",
     limits_options, .needs_server = true, .handle = handle_team_limits},
    {"team rename", "TEAM NAME", 2, 2, "Give a team another name (leads)", "", no_options,
     .needs_server = true, .handle = handle_team_rename},
    {"team delete", "TEAM", 1, 1, "Delete a team that has no sites (leads)",
     "Asks you to type its name. In a script: --yes.\n", delete_options, .needs_server = true,
     .handle = handle_team_delete},
    {"validate", "", 0, 0, "Ask whether there is room for something",
     "Reserves nothing. Shows each limit that binds: yours or the team's, and the server's. Ends\n"
     "with 4 if there is no room.\n"
     "\n"
     "Examples:\n"
     "  deploy validate --type node --memory 256MB\n"
     "  deploy validate --domain mysite --memory 1GB --cpu 0.5\n",
     validate_options, .needs_server = true, .handle = handle_validate},
    {"fit", "", 0, 0, "Show the largest that would fit now",
     "In each dimension by itself, with your limits and what the server has left.\n", fit_options,
     .needs_server = true, .handle = handle_fit},
    {"notices", "", 0, 0, "Show what happened to your account, your teams and your limits",
     "What you have seen once is not shown again, but with --all.\n", notices_options,
     .needs_server = true, .handle = handle_notices},
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
    size_t best = (strlen(name) + 2) / 3 + 1; /* of three letters one may be wrong */
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
