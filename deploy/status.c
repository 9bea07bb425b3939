/*
 * The command status: one's sites, and with --resources what one uses of what one may, which site
 * uses how much of it, and how one's teams stand.
 */
#include <inttypes.h>

#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/output.h"
#include "deploy/sites.h"
#include "deploy/usage.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

/* What the storage is made of. Uploads are on their way and not part of it. */
static void print_storage(struct run *run, const struct json_value *storage)
{
    static const struct {
        const char *name;
        const char *label;
    } rows[] = {
        {"releases_bytes", "releases"},
        {"images_bytes", "images"},
        {"container_bytes", "containers"},
        {"logs_bytes", "logs"},
    };
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    if (!storage) {
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        strbuf_printf(&text, "%s%s %s", i > 0 ? ", " : "", rows[i].label,
                      format_bytes(json_find_integer(storage, rows[i].name, 0)).text);
    }
    terminal_say(&run->terminal, "Storage is: %s. Not counted: uploads on their way %s.",
                 strbuf_text(&text),
                 format_bytes(json_find_integer(storage, "uploads_bytes", 0)).text);
}

static int get_usage(struct run *run, const struct json_value *me,
                     const struct json_value **ret_usage, struct error *err)
{
    int64_t user_id = json_find_integer(json_find(me, "user"), "id", 0);
    const char *path = arena_printf(run->arena, "/api/usage/user/%" PRId64, user_id);
    return run_get(run, path, ret_usage, err);
}

static void print_measured(struct run *run, const struct json_value *usage)
{
    const struct json_value *measured = json_find(usage, "measured");
    struct text_size memory = format_bytes(json_find_integer(measured, "memory_bytes", 0));
    struct text_size cpu = format_cores(json_find_integer(measured, "cpu_millicores", 0));
    struct text_size out = format_bytes(json_find_integer(measured, "bytes_out_24h", 0));
    terminal_say(&run->terminal,
                 "Right now: %s of memory, %s cores. Last 24 hours: %" PRId64 " requests, %s sent.",
                 memory.text, cpu.text, json_find_integer(measured, "requests_24h", 0), out.text);
}

static void add_site(struct output_table *table, const struct json_value *site)
{
    struct run *run = table->run;
    const struct json_value *measured = json_find(site, "measured");
    int64_t cpu = json_find_integer(site, "cpu_millicores", 0);
    output_cell(table, "%s", json_find_text(site, "domain", ""));
    output_cell(table, "%s", sites_state_text(run, site));
    output_cell(table, "%s", sites_memory_text(run, site));
    output_cell(table, "%s", cpu > 0 ? format_whole_amount(cpu, "millicores").text : "-");
    output_cell(table, "%s", format_bytes(json_find_integer(site, "storage_bytes", 0)).text);
    output_cell(table, "%s, %s cores",
                format_bytes(json_find_integer(measured, "memory_bytes", 0)).text,
                format_cores(json_find_integer(measured, "cpu_millicores", 0)).text);
}

/* Those of one owner, with what is promised to each and what it uses now. */
static void print_sites(struct run *run, const char *title, const struct json_value *sites,
                        const char *owner_kind, int64_t owner_id)
{
    static const char *const titles[] = {"SITE", "STATE", "MEMORY", "CPU", "STORAGE", "IN USE NOW"};
    struct output_table table;
    output_table_init(&table, run, titles, ARRAY_COUNT(titles));
    for (size_t i = 0; sites && sites->type == JSON_ARRAY && i < sites->item_count; i++) {
        const struct json_value *site = sites->items[i];
        if (str_equal(json_find_text(site, "owner_kind", "user"), owner_kind) &&
            json_find_integer(site, "owner_id", owner_id) == owner_id) {
            add_site(&table, site);
        }
    }
    if (table.count > table.columns) {
        terminal_say(&run->terminal, "\n%s:", title);
        output_table_print(&table);
    }
}

/* What is asked for beside the account's own use, and is part of the document. */
struct resources {
    int64_t user_id;
    const struct json_value *usage;
    const struct json_value *quotas;
    const struct json_value *sites;
    size_t team_count;
    struct team_resources {
        const struct json_value *team;
        const struct json_value *usage;
    } * teams;
};

static int get_team(struct run *run, const struct json_value *row, struct team_resources *team,
                    struct error *err)
{
    int64_t id = json_find_integer(row, "id", 0);
    int result =
        run_get(run, arena_printf(run->arena, "/api/teams/%" PRId64, id), &team->team, err);
    if (result == 0) {
        result = run_get(run, arena_printf(run->arena, "/api/usage/team/%" PRId64, id),
                         &team->usage, err);
    }
    return result;
}

static int get_teams(struct run *run, struct resources *resources, struct error *err)
{
    const struct json_value *answer;
    int result = run_get(run, "/api/teams?limit=500", &answer, err);
    const struct json_value *teams = result == 0 ? json_find(answer, "teams") : NULL;
    if (result == -ERR_NOT_FOUND) {
        return 0; /* an older server */
    }
    if (!teams || teams->type != JSON_ARRAY || teams->item_count == 0) {
        return result;
    }
    resources->teams = arena_calloc(run->arena, teams->item_count, sizeof(*resources->teams));
    for (size_t i = 0; i < teams->item_count && result == 0; i++) {
        result = get_team(run, teams->items[i], &resources->teams[resources->team_count++], err);
    }
    return result;
}

static int get_resources(struct run *run, struct resources *resources, struct error *err)
{
    const char *path = arena_printf(run->arena, "/api/quotas/user/%" PRId64, resources->user_id);
    const struct json_value *sites;
    int result = run_get(run, path, &resources->quotas, err);
    if (result == 0) {
        result = run_get(run, "/api/sites?limit=500", &sites, err);
    }
    if (result == 0) {
        resources->sites = json_find(sites, "sites");
        result = get_teams(run, resources, err);
    }
    return result;
}

static const struct json_value *find_share(const struct json_value *team, int64_t user_id)
{
    const struct json_value *members = json_find(team, "members");
    for (size_t i = 0; members && members->type == JSON_ARRAY && i < members->item_count; i++) {
        if (json_find_integer(members->items[i], "user_id", 0) == user_id) {
            return json_find(members->items[i], "brings");
        }
    }
    return NULL;
}

static void print_team(struct run *run, const struct resources *resources,
                       const struct team_resources *row)
{
    bool is_lead = str_equal(json_find_text(row->team, "role", ""), "lead");
    const char *name = output_text(run, json_find_text(row->team, "name", ""));
    const char *warning = json_find_text(row->usage, "warning", "");
    const char *brings =
        usage_amounts_text(run, find_share(row->team, resources->user_id), "amount");
    const struct usage usage = {
        .dimensions = json_find(row->usage, "dimensions"),
        .limits = json_find(row->team, "limits"),
        .hides_empty = true,
    };
    terminal_say(&run->terminal, "\nTeam %s%s:", name, is_lead ? " (you lead it)" : "");
    usage_print(run, &usage);
    terminal_say(&run->terminal, "You bring in: %s.", *brings ? brings : "nothing");
    if (*warning) {
        terminal_say(&run->terminal, "Look out: %s", output_text(run, warning));
    }
    print_sites(run, "Its Sites", resources->sites, "team", json_find_integer(row->team, "id", 0));
}

/* Why the limits are smaller than what an admin gave. */
static void print_brought(struct run *run, const struct json_value *limits)
{
    const char *brought = usage_amounts_text(run, limits, "brought");
    if (*brought) {
        terminal_say(&run->terminal, "Not counted above, since you bring it into teams: %s.",
                     brought);
    }
}

static void put_members(struct json_writer *writer, const struct json_value *object)
{
    for (size_t i = 0; i < object->member_count; i++) {
        json_key(writer, object->members[i].name);
        json_write_value(writer, object->members[i].value);
    }
}

/* The account's use as the API gives it, with its sites and teams. */
static void print_document(struct run *run, const struct resources *resources)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    const struct json_value *document;
    json_writer_init(&writer, &text);
    json_begin_object(&writer);
    put_members(&writer, resources->usage);
    if (resources->sites) {
        json_key(&writer, "sites");
        json_write_value(&writer, resources->sites);
    }
    json_key(&writer, "teams");
    json_begin_array(&writer);
    for (size_t i = 0; i < resources->team_count; i++) {
        json_begin_object(&writer);
        put_members(&writer, resources->teams[i].team);
        json_key(&writer, "usage");
        json_write_value(&writer, resources->teams[i].usage);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    if (json_parse(run->arena, strbuf_text(&text), text.size, &document, NULL) == 0) {
        run_print_json(run, document);
    }
}

static int show_resources(struct run *run, int64_t user_id, const struct json_value *usage,
                          struct error *err)
{
    struct resources resources = {.user_id = user_id, .usage = usage};
    int result = get_resources(run, &resources, err);
    if (result != 0) {
        return result;
    }
    const struct usage own = {
        .dimensions = json_find(usage, "dimensions"),
        .limits = json_find(resources.quotas, "limits"),
    };
    terminal_say(&run->terminal, "Your Resource Usage:");
    usage_print(run, &own);
    print_storage(run, json_find(usage, "storage"));
    print_measured(run, usage);
    print_brought(run, own.limits);
    print_sites(run, "Your Sites", resources.sites, "user", user_id);
    for (size_t i = 0; i < resources.team_count; i++) {
        print_team(run, &resources, &resources.teams[i]);
    }
    print_document(run, &resources);
    return 0;
}

int handle_status(struct run *run, struct error *err)
{
    const struct json_value *me;
    const struct json_value *usage;
    int result = run_me(run, &me, err);
    if (result == 0) {
        result = get_usage(run, me, &usage, err);
    }
    if (result != 0) {
        return result;
    }
    if (args_has(&run->args, "resources")) {
        return show_resources(run, json_find_integer(json_find(me, "user"), "id", 0), usage, err);
    }
    terminal_say(&run->terminal, "%s at %s",
                 output_text(run, json_find_text(json_find(me, "user"), "email", "")),
                 run->settings.server);
    print_measured(run, usage);
    if (run->is_json) {
        run_print_json(run, usage);
        return 0;
    }
    return handle_sites_list(run, err);
}
