/*
 * Commands about who is in a team and what each brings in: add, remove, role, bring, move, advice.
 */
#include <inttypes.h>
#include <string.h>

#include "deploy/handlers.h"
#include "deploy/output.h"
#include "deploy/team.h"
#include "deploy/usage.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/quota/typed.h"
#include "libdialup/site/site_type.h"

/* Says how the team is now. */
static int finish(struct run *run, const struct json_value *team, const char *sentence)
{
    terminal_say(&run->terminal, "%s", sentence);
    team_print(run, team);
    run_print_json(run, team);
    return 0;
}

static const char *member_path(struct run *run, const struct json_value *team,
                               const struct json_value *member)
{
    return team_path(
        run, team,
        arena_printf(run->arena, "/members/%" PRId64, json_find_integer(member, "user_id", 0)));
}

static const char *member_name(struct run *run, const struct json_value *member)
{
    return output_text(run, json_find_text(member, "email", ""));
}

static int check_role(const char *role, struct error *err)
{
    if (str_equal(role, "member") || str_equal(role, "lead")) {
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "role", "\"%.40s\" is no role in a team", role);
    error_hint(err, "There are member and lead");
    return -ERR_INVALID_ARGUMENT;
}

/* What somebody brings in --------------------------------------------------------------------- */

/* "50%" (alone), or amounts by dimension. */
static int put_brings(const char *const *texts, size_t count, struct json_writer *writer,
                      struct error *err)
{
    int64_t percent;
    if (count == 1 && quota_typed_percent(texts[0], &percent)) {
        json_put_integer(writer, "percent", percent);
        return 0;
    }
    int result = 0;
    json_key(writer, "brings");
    json_begin_array(writer);
    for (size_t i = 0; i < count && result == 0; i++) {
        enum quota_dimension dimension;
        int64_t amount;
        result = quota_typed_share(texts[i], &dimension, &amount, err);
        if (result == 0) {
            json_begin_object(writer);
            json_put_text(writer, "dimension", quota_dimension_info(dimension)->name);
            json_put_integer(writer, "amount", amount);
            json_end_object(writer);
        }
    }
    json_end_array(writer);
    return result;
}

static int put_bring_options(const struct run *run, struct json_writer *writer, struct error *err)
{
    const char *texts[ARGS_MAX_OPTIONS];
    size_t count = 0;
    for (int i = 0; i < run->args.option_count; i++) {
        if (str_equal(run->args.options[i].row->name, "bring")) {
            texts[count++] = run->args.options[i].value;
        }
    }
    return count > 0 ? put_brings(texts, count, writer, err) : 0;
}

/* --leads-may-move yes|no */
static int put_consent(const struct run *run, struct json_writer *writer, struct error *err)
{
    const char *answer = args_option(&run->args, "leads-may-move");
    if (answer && !str_equal(answer, "yes") && !str_equal(answer, "no")) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "leads-may-move",
                               "--leads-may-move takes yes or no, not \"%.40s\"", answer);
    }
    if (answer) {
        json_put_bool(writer, "leads_may_move", str_equal(answer, "yes"));
    }
    return 0;
}

/* Add ----------------------------------------------------------------------------------------- */

static int put_member(const struct run *run, struct strbuf *body, struct error *err)
{
    const char *role = args_option(&run->args, "role");
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    json_put_text(&writer, "user", run->args.words[1]);
    if (role) {
        json_put_text(&writer, "role", role);
    }
    int result = role ? check_role(role, err) : 0;
    if (result == 0) {
        result = put_bring_options(run, &writer, err);
    }
    json_end_object(&writer);
    return result;
}

int handle_team_add(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct json_value *team;
    int result = put_member(run, &body, err);
    if (result == 0) {
        result = team_read(run, &team, err);
    }
    if (result == 0) {
        result = run_call(run, "POST", team_path(run, team, "/members"), &body, &team, err);
    }
    return result != 0 ? result
                       : finish(run, team,
                                arena_printf(run->arena, "%s is in the team now.\n",
                                             output_text(run, run->args.words[1])));
}

/* Role, remove -------------------------------------------------------------------------------- */

static int find_both(struct run *run, const struct json_value **ret_team,
                     const struct json_value **ret_member, struct error *err)
{
    int result = team_read(run, ret_team, err);
    return result < 0 ? result
                      : team_find_member(run, *ret_team, run->args.words[1], ret_member, err);
}

int handle_team_role(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct json_value *team;
    const struct json_value *member;
    const char *role = run->args.words[2];
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_text(&writer, "role", role);
    json_end_object(&writer);
    int result = check_role(role, err);
    if (result == 0) {
        result = find_both(run, &team, &member, err);
    }
    if (result == 0) {
        result = run_call(run, "PATCH", member_path(run, team, member), &body, &team, err);
    }
    return result < 0 ? result
                      : finish(run, team,
                               arena_printf(run->arena, "%s is %s now.\n", member_name(run, member),
                                            str_equal(role, "lead") ? "a lead" : "a member"));
}

int handle_team_remove(struct run *run, struct error *err)
{
    const struct json_value *team;
    const struct json_value *member;
    int result = find_both(run, &team, &member, err);
    if (result == 0) {
        result = run_call(run, "DELETE", member_path(run, team, member), NULL, &team, err);
    }
    if (result < 0) {
        return result;
    }
    terminal_say(&run->terminal,
                 "%s is not in the team any more. What they brought in is theirs again.",
                 member_name(run, member));
    run_print_json(run, team);
    return 0;
}

/* Bring, move --------------------------------------------------------------------------------- */

/* Who brings in: oneself, unless --member names somebody. */
static int find_bringer(struct run *run, const struct json_value *team,
                        const struct json_value **ret_member, struct error *err)
{
    const char *word = args_option(&run->args, "member");
    const struct json_value *me;
    if (word) {
        return team_find_member(run, team, word, ret_member, err);
    }
    int result = run_me(run, &me, err);
    if (result < 0) {
        return result;
    }
    const char *email = json_find_text(json_find(me, "user"), "email", "");
    return team_find_member(run, team, email, ret_member, err);
}

static int put_change(const struct run *run, struct strbuf *body, struct error *err)
{
    struct json_writer writer;
    size_t count = (size_t)run->args.word_count - 1;
    if (count == 0 && !args_has(&run->args, "leads-may-move")) {
        error_set(err, ERR_MISSING_FIELD, "What should be brought in?");
        error_hint(err, "%s",
                   "For example: deploy team bring blog sites=1 memory_production=128MB, "
                   "or 50% for half of everything");
        return -ERR_MISSING_FIELD;
    }
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    int result = count > 0 ? put_brings(run->args.words + 1, count, &writer, err) : 0;
    if (result == 0) {
        result = put_consent(run, &writer, err);
    }
    json_end_object(&writer);
    return result;
}

int handle_team_bring(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct json_value *team;
    const struct json_value *member;
    int result = put_change(run, &body, err);
    if (result == 0) {
        result = team_read(run, &team, err);
    }
    if (result == 0) {
        result = find_bringer(run, team, &member, err);
    }
    if (result == 0) {
        result = run_call(run, "PATCH", member_path(run, team, member), &body, &team, err);
    }
    return result != 0 ? result : finish(run, team, "That is what stands now.\n");
}

static int put_end(struct run *run, const struct json_value *team, const char *option,
                   struct json_writer *writer, struct error *err)
{
    const char *word = args_option(&run->args, option);
    const struct json_value *member;
    int result = word ? team_find_member(run, team, word, &member, err) : 0;
    if (word && result == 0) {
        json_put_integer(writer, option, json_find_integer(member, "user_id", 0));
    }
    return result;
}

static int put_move(struct run *run, const struct json_value *team, const char *text,
                    struct json_writer *writer, struct error *err)
{
    enum quota_dimension dimension;
    int64_t amount;
    int result = quota_typed_share(text, &dimension, &amount, err);
    if (result < 0) {
        return result;
    }
    json_begin_object(writer);
    json_put_text(writer, "dimension", quota_dimension_info(dimension)->name);
    json_put_integer(writer, "amount", amount);
    result = put_end(run, team, "from", writer, err);
    if (result == 0) {
        result = put_end(run, team, "to", writer, err);
    }
    json_end_object(writer);
    return result;
}

/* Every word after the team's is a move of its own; the server carries out all or none. */
static int put_moves(struct run *run, const struct json_value *team, struct strbuf *body,
                     struct error *err)
{
    struct json_writer writer;
    int result = 0;
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    json_key(&writer, "moves");
    json_begin_array(&writer);
    for (int i = 1; i < run->args.word_count && result == 0; i++) {
        result = put_move(run, team, run->args.words[i], &writer, err);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    return result;
}

static int check_ends(const struct run *run, struct error *err)
{
    if (args_has(&run->args, "from") || args_has(&run->args, "to")) {
        return 0;
    }
    error_set_field(err, ERR_MISSING_FIELD, "from", "From whom, and to whom?");
    error_hint(err, "--to ann@example.org: she brings in more. --from ann@example.org: she gets it "
                    "back. Both: it changes hands");
    return -ERR_MISSING_FIELD;
}

int handle_team_move(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct json_value *team;
    int result = check_ends(run, err);
    if (result == 0) {
        result = team_read(run, &team, err);
    }
    if (result == 0) {
        result = put_moves(run, team, &body, err);
    }
    if (result == 0) {
        result = run_call(run, "POST", team_path(run, team, "/move"), &body, &team, err);
    }
    return result < 0 ? result : finish(run, team, "It is moved. That is what stands now.\n");
}

/* Advice -------------------------------------------------------------------------------------- */

/* What would be needed: --type or --need, and for whom. */
static int advice_query(struct run *run, const struct json_value *team, const char **ret_query,
                        struct error *err)
{
    const char *type_name = args_option(&run->args, "type");
    const char *need = args_option(&run->args, "need");
    const char *word = args_option(&run->args, "member");
    const struct json_value *member;
    const struct site_type *type;
    enum quota_dimension dimension;
    int64_t amount;
    const char *query = "/advice?";
    int result = type_name ? site_type_parse(type_name, &type, err) : 0;
    if (type_name && result == 0) {
        query = arena_printf(run->arena, "%stype=%s&", query, type->name);
    }
    if (need && result == 0) {
        result = quota_typed_share(need, &dimension, &amount, err);
    }
    if (need && result == 0) {
        query = arena_printf(run->arena, "%sdimension=%s&amount=%" PRId64 "&", query,
                             quota_dimension_info(dimension)->name, amount);
    }
    if (word && result == 0) {
        result = team_find_member(run, team, word, &member, err);
    }
    if (word && result == 0) {
        query = arena_printf(run->arena, "%smember=%" PRId64 "&", query,
                             json_find_integer(member, "user_id", 0));
    }
    *ret_query = arena_strndup(run->arena, query, strlen(query) - 1);
    return result;
}

static void print_advice(struct run *run, const struct json_value *advice, bool was_asked)
{
    const char *message = json_find_text(advice, "message", "");
    const struct json_value *moves = json_find(advice, "moves");
    bool fits = json_find_bool(advice, "fits", true);
    bool has_moves = moves && moves->type == JSON_ARRAY && moves->item_count > 0;
    if (was_asked) {
        terminal_say(&run->terminal, "%s", fits ? "That fits as it is." : "That does not fit now.");
    }
    if (*message) {
        terminal_say(&run->terminal, "%s", output_text(run, message));
    } else if (!was_asked) {
        terminal_say(&run->terminal, "All is well: nothing is near its limit.");
    }
    if (was_asked && !fits && !has_moves) {
        terminal_say(&run->terminal, "Nobody in the team could bring in enough: ask admin.");
    }
    for (size_t i = 0; has_moves && i < moves->item_count; i++) {
        terminal_say(&run->terminal, "What would help: %s",
                     output_text(run, json_find_text(moves->items[i], "text", "")));
    }
}

int handle_team_advice(struct run *run, struct error *err)
{
    const struct json_value *team;
    const struct json_value *advice;
    const char *query;
    int result = team_read(run, &team, err);
    if (result == 0) {
        result = advice_query(run, team, &query, err);
    }
    if (result == 0) {
        result = run_get(run, team_path(run, team, query), &advice, err);
    }
    if (result == 0) {
        print_advice(run, advice, args_has(&run->args, "type") || args_has(&run->args, "need"));
        run_print_json(run, advice);
    }
    return result;
}
