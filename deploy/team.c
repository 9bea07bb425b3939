/*
 * Commands about a team as a whole: list, show, create, rename, limits, delete.
 */
#include "deploy/team.h"

#include <inttypes.h>
#include <strings.h>

#include "deploy/find.h"
#include "deploy/handlers.h"
#include "deploy/limits.h"
#include "deploy/output.h"
#include "deploy/usage.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

const char *team_path(struct run *run, const struct json_value *team, const char *below)
{
    return arena_printf(run->arena, "/api/teams/%" PRId64 "%s", json_find_integer(team, "id", 0),
                        below);
}

int team_read(struct run *run, const struct json_value **ret_team, struct error *err)
{
    const struct json_value *row;
    int result = find_team(run, run->args.words[0], &row, err);
    return result < 0 ? result : run_get(run, team_path(run, row, ""), ret_team, err);
}

static size_t count_of(const struct json_value *team, const char *name)
{
    const struct json_value *list = json_find(team, name);
    return list && list->type == JSON_ARRAY ? list->item_count : 0;
}

int team_find_member(struct run *run, const struct json_value *team, const char *word,
                     const struct json_value **ret_member, struct error *err)
{
    AUTO_STRBUF struct strbuf names = STRBUF_INIT;
    const struct json_value *members = json_find(team, "members");
    int64_t id = 0;
    str_parse_i64(word, 1, INT64_MAX, &id);
    for (size_t i = 0; i < count_of(team, "members"); i++) {
        const struct json_value *member = members->items[i];
        const char *email = json_find_text(member, "email", "");
        if (json_find_integer(member, "user_id", 0) == id || strcasecmp(email, word) == 0 ||
            strcasecmp(json_find_text(member, "name", ""), word) == 0) {
            *ret_member = member;
            return 0;
        }
        if (names.size < sizeof(err->hint) / 2) {
            strbuf_printf(&names, "%s%.80s", names.size > 0 ? ", " : "", output_text(run, email));
        }
    }
    error_set_field(err, ERR_NOT_FOUND, "USER", "%.100s is not in the team %s", word,
                    json_find_text(team, "name", ""));
    error_hint(err, "In it are: %s", strbuf_text(&names));
    return -ERR_NOT_FOUND;
}

int team_confirm(struct run *run, const char *question, const char *word, struct error *err)
{
    AUTO_STRBUF struct strbuf answer = STRBUF_INIT;
    if (args_has(&run->args, "yes") ||
        (terminal_ask(&run->terminal, question, &answer, NULL) == 0 &&
         str_equal(strbuf_text(&answer), word))) {
        return 0;
    }
    error_set(err, ERR_INVALID_ARGUMENT, "Nothing was changed: the answer was not %.100s", word);
    error_hint(err, "Type it as it stands there, or use --yes in a script");
    return -ERR_INVALID_ARGUMENT;
}

/* Show ---------------------------------------------------------------------------------------- */

static void print_members(struct run *run, const struct json_value *team)
{
    static const char *const titles[] = {"MEMBER", "NAME", "ROLE", "BRINGS IN", "LEADS MAY MOVE"};
    const struct json_value *members = json_find(team, "members");
    struct output_table table;
    terminal_say(&run->terminal, "\nMembers:");
    output_table_init(&table, run, titles, ARRAY_COUNT(titles));
    for (size_t i = 0; i < count_of(team, "members"); i++) {
        const struct json_value *member = members->items[i];
        const char *brings = usage_amounts_text(run, json_find(member, "brings"), "amount");
        output_cell(&table, "%s", json_find_text(member, "email", ""));
        output_cell(&table, "%s", json_find_text(member, "name", ""));
        output_cell(&table, "%s", json_find_text(member, "role", ""));
        output_cell(&table, "%s", *brings ? brings : "nothing");
        output_cell(&table, "%s", json_find_bool(member, "leads_may_move", false) ? "yes" : "no");
    }
    output_table_print(&table);
}

static bool owns(const struct json_value *team, const struct json_value *site)
{
    return str_equal(json_find_text(site, "owner_kind", ""), "team") &&
           json_find_integer(site, "owner_id", 0) == json_find_integer(team, "id", 0);
}

static void print_sites(struct run *run, const struct json_value *team,
                        const struct json_value *sites)
{
    const char *name = output_text(run, json_find_text(team, "name", ""));
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    for (size_t i = 0; sites && sites->type == JSON_ARRAY && i < sites->item_count; i++) {
        if (owns(team, sites->items[i])) {
            strbuf_printf(&text, "%s%s", text.size > 0 ? ", " : "",
                          json_find_text(sites->items[i], "domain", ""));
        }
    }
    if (text.size > 0) {
        terminal_say(&run->terminal, "\nSites: %s", output_text(run, strbuf_text(&text)));
    } else {
        terminal_say(&run->terminal,
                     "\nNo sites yet. The first one: deploy site --team \"%s\" --domain mysite "
                     "FOLDER",
                     name);
    }
}

/* What is shown with a team and is not part of it. */
struct beside_team {
    const struct json_value *usage; /* NULL: they may not see it */
    const struct json_value *sites;
};

static struct beside_team get_beside(struct run *run, int64_t team_id)
{
    struct beside_team beside = {0};
    struct error ignored; /* who may not see the rest sees the team */
    run_get(run, arena_printf(run->arena, "/api/usage/team/%" PRId64, team_id), &beside.usage,
            &ignored);
    run_get(run, arena_printf(run->arena, "/api/sites?limit=500&team=%" PRId64, team_id),
            &beside.sites, &ignored);
    return beside;
}

static void print_team(struct run *run, const struct json_value *team,
                       const struct beside_team *beside)
{
    const char *warning = json_find_text(team, "warning", "");
    const struct usage all = {.dimensions = json_find(beside->usage, "dimensions"),
                              .limits = json_find(team, "limits"),
                              .hides_empty = true};
    terminal_say(&run->terminal, "Team %s (number %" PRId64 ")",
                 output_text(run, json_find_text(team, "name", "")),
                 json_find_integer(team, "id", 0));
    if (!usage_print(run, &all)) {
        terminal_say(&run->terminal, "It has nothing yet: its members bring in what it may use, "
                                     "see deploy team bring --help");
    }
    print_members(run, team);
    print_sites(run, team, json_find(beside->sites, "sites"));
    if (*warning) {
        terminal_say(&run->terminal, "\nLook out: %s", output_text(run, warning));
    }
}

void team_print(struct run *run, const struct json_value *team)
{
    if (!run->is_json) {
        const struct beside_team beside = get_beside(run, json_find_integer(team, "id", 0));
        print_team(run, team, &beside);
    }
}

int handle_team_show(struct run *run, struct error *err)
{
    const struct json_value *team;
    int result = team_read(run, &team, err);
    if (result == 0) {
        team_print(run, team);
        run_print_json(run, team);
    }
    return result;
}

int handle_team_list(struct run *run, struct error *err)
{
    static const char *const titles[] = {"ID", "TEAM", "YOU ARE", "MEMBERS", "SITES"};
    const struct json_value *answer;
    bool with_all = args_has(&run->args, "all");
    int result = run_get(run, with_all ? "/api/teams?all=1&limit=500" : "/api/teams?limit=500",
                         &answer, err);
    if (result < 0) {
        return result;
    }
    const struct json_value *teams = json_find(answer, "teams");
    if (count_of(answer, "teams") == 0) {
        terminal_say(&run->terminal, "You are in no team yet. A new one: deploy team create NAME");
    } else {
        struct output_table table;
        output_table_init(&table, run, titles, ARRAY_COUNT(titles));
        for (size_t i = 0; i < teams->item_count; i++) {
            const struct json_value *team = teams->items[i];
            output_cell(&table, "%" PRId64, json_find_integer(team, "id", 0));
            output_cell(&table, "%s", json_find_text(team, "name", ""));
            output_cell(&table, "%s", json_find_text(team, "role", "-"));
            output_cell(&table, "%" PRId64, json_find_integer(team, "members", 0));
            output_cell(&table, "%" PRId64, json_find_integer(team, "sites", 0));
        }
        output_table_print(&table);
    }
    run_print_json(run, answer);
    return 0;
}

/* Change -------------------------------------------------------------------------------------- */

int handle_team_create(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    const struct json_value *team;
    const char *lead = args_option(&run->args, "lead");
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_text(&writer, "name", run->args.words[0]);
    if (lead) {
        json_put_text(&writer, "lead", lead);
    }
    json_end_object(&writer);
    int result = run_call(run, "POST", "/api/teams", &body, &team, err);
    if (result == 0) {
        const char *name = output_text(run, json_find_text(team, "name", ""));
        terminal_say(
            &run->terminal,
            "The team %s is there, and %s it. It has nothing yet but what its members "
            "bring in.\n"
            "Next: deploy team add \"%s\" friend@example.org\n"
            "      deploy team bring \"%s\" sites=1 memory_production=128MB",
            name, lead ? arena_printf(run->arena, "%s leads", output_text(run, lead)) : "you lead",
            name, name);
        run_print_json(run, team);
    }
    return result;
}

int handle_team_rename(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    const struct json_value *team;
    int result = find_team(run, run->args.words[0], &team, err);
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_text(&writer, "name", run->args.words[1]);
    json_end_object(&writer);
    if (result == 0) {
        result = run_call(run, "PATCH", team_path(run, team, ""), &body, &team, err);
    }
    if (result == 0) {
        terminal_say(&run->terminal, "The team is called %s now.",
                     output_text(run, json_find_text(team, "name", "")));
        run_print_json(run, team);
    }
    return result;
}

int handle_team_limits(struct run *run, struct error *err)
{
    const struct json_value *team;
    int result = limits_check(run, err);
    if (result == 0) {
        result = find_team(run, run->args.words[0], &team, err);
    }
    if (result != 0) {
        return result;
    }
    const char *path =
        arena_printf(run->arena, "/api/quotas/team/%" PRId64, json_find_integer(team, "id", 0));
    return limits_handle(run, path, err);
}

int handle_team_delete(struct run *run, struct error *err)
{
    const struct json_value *team;
    const struct json_value *answer;
    int result = find_team(run, run->args.words[0], &team, err);
    if (result < 0) {
        return result;
    }
    const char *name = json_find_text(team, "name", "");
    const char *question = arena_printf(run->arena,
                                        "The team %s ends; what its members brought in is theirs "
                                        "again.\nType its name to delete it: ",
                                        output_text(run, name));
    result = team_confirm(run, question, name, err);
    if (result == 0) {
        result = run_call(run, "DELETE", team_path(run, team, ""), NULL, &answer, err);
    }
    if (result == 0) {
        terminal_say(&run->terminal,
                     "The team %s is deleted. What its members brought in is theirs again.",
                     output_text(run, name));
        run_print_json(run, answer);
    }
    return result;
}
