/*
 * Commands about sites that exist: list, show, start, stop, restart, delete.
 */
#include "deploy/sites.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "deploy/find.h"
#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/output.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/site/site_type.h"
#include "libdialup/site/strategy.h"

int sites_path(struct run *run, const char *below, const char **ret_path, struct domain *ret_domain,
               struct error *err)
{
    int result = run_domain(run, run->args.words[0], ret_domain, err);
    if (result == 0) {
        *ret_path = arena_printf(run->arena, "/api/sites/%s%s", ret_domain->name, below);
    }
    return result;
}

const char *sites_memory_text(struct run *run, const struct json_value *site)
{
    int64_t mib = json_find_integer(site, "memory_mib", 0);
    return mib > 0 ? arena_strdup(run->arena, format_mib(mib).text) : "-";
}

const char *sites_state_text(struct run *run, const struct json_value *site)
{
    const char *state = json_find_text(site, "state", "");
    const char *sleep = json_find_text(site, "sleep", "awake");
    int64_t instances = json_find_integer(site, "instances", 1);
    if (!str_equal(state, "running")) {
        return state;
    }
    if (!str_equal(sleep, "awake")) {
        int64_t since = json_find_integer(site, "sleep_at", 0);
        return arena_printf(run->arena, "%s since %s", sleep,
                            format_since(since, clock_unix()).text);
    }
    return instances > 1 ? arena_printf(run->arena, "%s, %" PRId64 " instances", state, instances)
                         : state;
}

static bool is_teams(const struct json_value *site)
{
    return str_equal(json_find_text(site, "owner_kind", ""), "team");
}

/* "ann@example.org", "team band" */
static const char *owner_text(struct run *run, const struct json_value *site)
{
    if (!is_teams(site)) {
        return json_find_text(site, "owner", "");
    }
    return arena_printf(run->arena, "team %s", json_find_text(site, "team", ""));
}

static void add_row(struct output_table *table, const struct json_value *site, bool with_owner)
{
    output_cell(table, "%s", json_find_text(site, "domain", ""));
    output_cell(table, "%s", json_find_text(site, "type", ""));
    output_cell(table, "%s", sites_state_text(table->run, site));
    output_cell(table, "%s", sites_memory_text(table->run, site));
    output_cell(table, "%s", format_bytes(json_find_integer(site, "storage_bytes", 0)).text);
    if (with_owner) {
        output_cell(table, "%s", owner_text(table->run, site));
    }
    output_cell(table, "%s", json_find_text(site, "address", ""));
}

/* Whose they are is shown where it may be somebody else. */
static bool needs_owner(struct run *run, const struct json_value *sites)
{
    bool needs = args_has(&run->args, "all");
    for (size_t i = 0; i < sites->item_count && !needs; i++) {
        needs = is_teams(sites->items[i]);
    }
    return needs;
}

static void print_table(struct run *run, const struct json_value *sites)
{
    static const char *const own[] = {"DOMAIN", "TYPE", "STATE", "MEMORY", "STORAGE", "ADDRESS"};
    static const char *const all[] = {"DOMAIN",  "TYPE",  "STATE",  "MEMORY",
                                      "STORAGE", "OWNER", "ADDRESS"};
    bool with_owner = needs_owner(run, sites);
    struct output_table table;
    output_table_init(&table, run, with_owner ? all : own,
                      with_owner ? ARRAY_COUNT(all) : ARRAY_COUNT(own));
    for (size_t i = 0; i < sites->item_count; i++) {
        add_row(&table, sites->items[i], with_owner);
    }
    output_table_print(&table);
}

/* All of mine, of a team, or of everybody. */
static int list_path(struct run *run, const char **ret_path, struct error *err)
{
    const char *name = args_option(&run->args, "team");
    const struct json_value *team;
    *ret_path = args_has(&run->args, "all") ? "/api/sites?all=1&limit=500" : "/api/sites?limit=500";
    int result = name ? find_team(run, name, &team, err) : 0;
    if (name && result == 0) {
        *ret_path = arena_printf(run->arena, "/api/sites?limit=500&team=%" PRId64,
                                 json_find_integer(team, "id", 0));
    }
    return result;
}

int handle_sites_list(struct run *run, struct error *err)
{
    const struct json_value *answer;
    const char *path;
    int result = list_path(run, &path, err);
    if (result == 0) {
        result = run_get(run, path, &answer, err);
    }
    if (result != 0) {
        return result;
    }
    const struct json_value *sites = json_find(answer, "sites");
    if (!sites || sites->type != JSON_ARRAY) {
        error_set(err, ERR_UNAVAILABLE, "%s does not answer like a Dial Up Deploy panel",
                  run->settings.server);
        error_hint(err, "Is this the address of a Dial Up Deploy panel?");
        return -ERR_UNAVAILABLE;
    }
    if (sites->item_count == 0) {
        terminal_say(&run->terminal, "There are no sites yet. The first one: deploy site --domain "
                                     "mysite FOLDER");
    } else {
        print_table(run, sites);
    }
    if (json_find(answer, "next_after")) {
        terminal_say(&run->terminal, "There are more sites; the panel shows them all.");
    }
    run_print_json(run, answer);
    return 0;
}

static void print_keeping(struct run *run, const struct json_value *site)
{
    const struct site_strategy *strategy = site_strategy_find(json_find_text(site, "strategy", ""));
    int64_t minutes = json_find_integer(site, "idle_minutes", 0);
    output_field(run, "Strategy:", "%s: %s", strategy->name, strategy->label);
    if (strategy->may_sleep && minutes > 0) {
        output_field(run, "Sleeps after:", "%" PRId64 " min without a visit", minutes);
    } else if (strategy->may_sleep) {
        output_field(run, "Sleeps after:", "%s", "as long without a visit as the server is set to");
    }
}

void sites_print(struct run *run, const struct json_value *site)
{
    const char *reason = json_find_text(site, "state_reason", "");
    const struct site_type *type = site_type_find(json_find_text(site, "type", ""));
    int64_t cpu = json_find_integer(site, "cpu_millicores", 0);
    output_field(run, "Site:", "%s", json_find_text(site, "domain", ""));
    output_field(run, "Address:", "%s", json_find_text(site, "address", ""));
    if (is_teams(site)) {
        output_field(run, "Owner:", "%s", owner_text(run, site));
    }
    output_field(run, "Type:", "%s", type ? type->label : json_find_text(site, "type", ""));
    output_field(run, "State:", "%s%s%s", sites_state_text(run, site), reason[0] ? ": " : "",
                 reason);
    if (cpu > 0) {
        output_field(run, "Memory:", "%s", sites_memory_text(run, site));
        output_field(run, "CPU:", "%s cores", format_cores(cpu).text);
        print_keeping(run, site);
    }
    output_field(run, "Storage:", "%s",
                 format_bytes(json_find_integer(site, "storage_bytes", 0)).text);
    const struct json_value *measured = json_find(site, "measured");
    if (measured) {
        output_field(run, "In use now:", "%s of memory, %s cores",
                     format_bytes(json_find_integer(measured, "memory_bytes", 0)).text,
                     format_cores(json_find_integer(measured, "cpu_millicores", 0)).text);
        output_field(run, "Last 24 hours:", "%" PRId64 " requests, %s sent",
                     json_find_integer(measured, "requests_24h", 0),
                     format_bytes(json_find_integer(measured, "bytes_out_24h", 0)).text);
    }
    output_field(run, "Created:", "%s", format_time(json_find_integer(site, "created_at", 0)).text);
}

int handle_sites_show(struct run *run, struct error *err)
{
    struct domain domain;
    const char *path;
    const struct json_value *site;
    int result = sites_path(run, "", &path, &domain, err);
    if (result == 0) {
        result = run_get(run, path, &site, err);
    }
    if (result == 0) {
        sites_print(run, site);
        run_print_json(run, site);
    }
    return result;
}

static bool is_settled(const struct json_value *site)
{
    const char *state = json_find_text(site, "state", "");
    return str_equal(state, json_find_text(site, "desired", "")) || str_equal(state, "failed");
}

/* The server says yes at once and does it a moment later: asks until the site is as it should be,
 * or has failed, or the patience ends. */
static int wait_until_settled(struct run *run, const char *path, const struct json_value **site,
                              struct error *err)
{
    enum { TRIES = 75, PAUSE_MS = 200 };
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    int result = 0;
    for (int i = 0; result == 0 && i < TRIES; i++) {
        if (is_settled(*site)) {
            break;
        }
        nanosleep(&pause, NULL);
        result = run_get(run, path, site, err);
    }
    return result;
}

int handle_sites_change(struct run *run, struct error *err)
{
    struct domain domain;
    const char *path;
    const char *site_path;
    const struct json_value *site;
    const char *verb = strchr(run->args.command->name, ' ') + 1;
    int result = sites_path(run, arena_printf(run->arena, "/%s", verb), &path, &domain, err);
    if (result == 0) {
        result = run_call(run, "POST", path, NULL, &site, err);
    }
    if (result == 0) {
        result = sites_path(run, "", &site_path, &domain, err);
    }
    if (result == 0) {
        result = wait_until_settled(run, site_path, &site, err);
    }
    if (result == 0) {
        terminal_say(&run->terminal, "%s: %s was asked for, the site is %s%s%s.", domain.name, verb,
                     is_settled(site) ? "" : "still ",
                     output_text(run, sites_state_text(run, site)), is_settled(site) ? " now" : "");
        run_print_json(run, site);
    }
    return result;
}

static int confirm(struct run *run, const struct domain *domain, struct error *err)
{
    if (args_has(&run->args, "yes")) {
        return 0;
    }
    AUTO_STRBUF struct strbuf answer = STRBUF_INIT;
    const char *question =
        arena_printf(run->arena,
                     "%s goes offline at once; its files stay in the server's trash for 7 days.\n"
                     "Type the domain to delete it: ",
                     domain->name);
    if (terminal_ask(&run->terminal, question, &answer, NULL) == 0 &&
        str_equal(strbuf_text(&answer), domain->name)) {
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "domain",
                    "Nothing was deleted: the answer was not %s", domain->name);
    error_hint(err, "Type the whole domain, or use --yes in a script");
    return -ERR_INVALID_ARGUMENT;
}

int handle_sites_delete(struct run *run, struct error *err)
{
    struct domain domain;
    const char *path;
    const struct json_value *site;
    int result = sites_path(run, "", &path, &domain, err);
    if (result == 0) {
        result = run_get(run, path, NULL, err);
    }
    if (result == 0) {
        result = confirm(run, &domain, err);
    }
    if (result == 0) {
        result = run_call(run, "DELETE", path, NULL, &site, err);
    }
    if (result == 0) {
        terminal_say(&run->terminal, "%s is deleted. Its files stay in the trash for 7 days.",
                     domain.name);
        run_print_json(run, site);
    }
    return result;
}
