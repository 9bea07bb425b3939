/*
 * Accounts and teams by name; see the header. Called by the commands users, team, site, validate
 * and fit.
 */
#include "deploy/find.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "deploy/output.h"
#include "libdialup/base/str.h"

const char *find_escape(struct run *run, const char *text)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-_.~", c)) {
            strbuf_putc(&out, *text);
        } else {
            strbuf_printf(&out, "%%%02X", c);
        }
    }
    return arena_strdup(run->arena, strbuf_text(&out));
}

int find_user(struct run *run, const char *word, int64_t *ret_id, struct error *err)
{
    if (str_parse_i64(word, 1, INT64_MAX, ret_id)) {
        return 0;
    }
    const struct json_value *answer;
    const char *path =
        arena_printf(run->arena, "/api/users?limit=500&search=%s", find_escape(run, word));
    int result = run_get(run, path, &answer, err);
    if (result < 0) {
        return result;
    }
    const struct json_value *users = json_find(answer, "users");
    for (size_t i = 0; users && users->type == JSON_ARRAY && i < users->item_count; i++) {
        if (strcasecmp(json_find_text(users->items[i], "email", ""), word) == 0) {
            *ret_id = json_find_integer(users->items[i], "id", 0);
            return 0;
        }
    }
    error_set_field(err, ERR_NOT_FOUND, "USER", "There is no account %.100s", word);
    error_hint(err, "See who there is: deploy users list");
    return -ERR_NOT_FOUND;
}

/* "blog, band": who looks for a team sees which there are. */
static int refuse_team(struct run *run, const char *word, const struct json_value *teams,
                       struct error *err)
{
    enum { NAMES_MAX = 200 };
    AUTO_STRBUF struct strbuf names = STRBUF_INIT;
    error_set_field(err, ERR_NOT_FOUND, "TEAM", "There is no team %.100s that you are in", word);
    for (size_t i = 0; teams && teams->type == JSON_ARRAY && i < teams->item_count; i++) {
        if (names.size < NAMES_MAX) {
            strbuf_printf(&names, "%s%.64s", i > 0 ? ", " : "",
                          output_text(run, json_find_text(teams->items[i], "name", "")));
        }
    }
    if (names.size == 0) {
        error_hint(err, "You are in no team yet. A new one: deploy team create NAME");
    } else {
        error_hint(err, "There are: %s. More about them: deploy team list", strbuf_text(&names));
    }
    return -ERR_NOT_FOUND;
}

/* By name in any case, else by number; NULL if it is not in the list. */
static const struct json_value *pick_team(const struct json_value *teams, const char *word)
{
    const struct json_value *by_number = NULL;
    int64_t id = 0;
    bool is_number = str_parse_i64(word, 1, INT64_MAX, &id);
    for (size_t i = 0; teams && teams->type == JSON_ARRAY && i < teams->item_count; i++) {
        if (strcasecmp(json_find_text(teams->items[i], "name", ""), word) == 0) {
            return teams->items[i];
        }
        if (is_number && json_find_integer(teams->items[i], "id", 0) == id) {
            by_number = teams->items[i];
        }
    }
    return by_number;
}

/* An admin may mean a team of others. Whoever may not ask for them has been shown all there is. */
static const struct json_value *pick_of_all(struct run *run, const char *word)
{
    const struct json_value *answer;
    struct error ignored;
    int result = run_get(run, "/api/teams?all=1&limit=500", &answer, &ignored);
    return result == 0 ? pick_team(json_find(answer, "teams"), word) : NULL;
}

int find_team(struct run *run, const char *word, const struct json_value **ret_team,
              struct error *err)
{
    const struct json_value *answer;
    int result = run_get(run, "/api/teams?limit=500", &answer, err);
    if (result < 0) {
        return result;
    }
    const struct json_value *teams = json_find(answer, "teams");
    const struct json_value *team = pick_team(teams, word);
    team = team ? team : pick_of_all(run, word);
    if (!team) {
        return refuse_team(run, word, teams, err);
    }
    *ret_team = team;
    return 0;
}
