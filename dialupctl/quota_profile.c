/*
 * `quota profile`: named sets of limits. Called by quota.c.
 */
#include <stdio.h>

#include "dialupctl/peers.h"
#include "dialupctl/quota.h"
#include "dialupctl/show_json.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/nearest.h"
#include "libdialup/base/str.h"

/* argv: "dialupctl quota", "profile", the verb, the profile's name, the rest. */
enum { VERB = 2, NAME = 3, REST = 4 };

static const char *kind_of(const struct json_value *profile)
{
    return json_find_bool(profile, "is_built_in", false) ? "always there" : "made here";
}

static void print_list(const struct json_value *answer)
{
    const struct json_value *profiles = json_find(answer, "profiles");
    for (size_t i = 0; profiles && profiles->type == JSON_ARRAY && i < profiles->item_count; i++) {
        printf("%-20s %s\n", json_find_text(profiles->items[i], "name", ""),
               kind_of(profiles->items[i]));
    }
}

static void print_profile(struct ctl *ctl, const struct json_value *profile)
{
    const char *note = json_find_text(profile, "note", NULL);
    printf("%s, %s%s%s\n\n", json_find_text(profile, "name", ""), kind_of(profile),
           json_find_bool(profile, "can_create_sites", true) ? "" : ", may not create sites",
           json_find_bool(profile, "can_use_editor", true) ? "" : ", may not use the editor");
    quota_print_rows(ctl, json_find(profile, "rows"), true);
    if (note) {
        printf("\nNote: %s\n", note);
    }
}

static int answer_profile(struct ctl *ctl, const struct json_value *profile, bool as_json)
{
    if (as_json) {
        show_json(profile);
    } else {
        print_profile(ctl, profile);
    }
    return 0;
}

static int ask_list(struct ctl *ctl, const struct json_value **ret_answer, struct error *err)
{
    AUTO_STRBUF struct strbuf params = STRBUF_INIT;
    strbuf_puts(&params, "{}");
    return peer_ask(ctl, "admind", "profile_list", &params, ret_answer, err);
}

static int list(struct ctl *ctl, bool as_json, struct error *err)
{
    const struct json_value *answer;
    int result = ask_list(ctl, &answer, err);
    if (result == 0 && as_json) {
        show_json(answer);
    } else if (result == 0) {
        print_list(answer);
    }
    return result;
}

static int refuse_name(const char *name, const struct json_value *profiles, struct error *err)
{
    const char *names[64] = {NULL};
    size_t count = 0;
    for (; count < profiles->item_count && count < ARRAY_COUNT(names); count++) {
        names[count] = json_find_text(profiles->items[count], "name", "");
    }
    const char *meant = nearest_word(name, names, count, sizeof(names[0]));
    error_set_field(err, ERR_NOT_FOUND, "name", "There is no profile \"%.40s\"", name);
    if (meant) {
        error_hint(err, "Did you mean %s?", meant);
    } else {
        error_hint(err, "`dialupctl quota profile list` lists them");
    }
    return -ERR_NOT_FOUND;
}

static int show(struct ctl *ctl, bool as_json, struct error *err)
{
    const struct json_value *answer;
    const char *name = ctl->argv[NAME];
    int result = ask_list(ctl, &answer, err);
    if (result < 0) {
        return result;
    }
    const struct json_value *profiles = json_find(answer, "profiles");
    for (size_t i = 0; i < profiles->item_count; i++) {
        if (str_equal(json_find_text(profiles->items[i], "name", ""), name)) {
            return answer_profile(ctl, profiles->items[i], as_json);
        }
    }
    return refuse_name(name, profiles, err);
}

/* create and set: the name, --from BASE for a new one, limits. */
static int put(struct ctl *ctl, bool as_json, struct error *err)
{
    bool is_new = str_equal(ctl->argv[VERB], "create");
    bool has_base = is_new && ctl->argc > REST + 1 && str_equal(ctl->argv[REST], "--from");
    AUTO_STRBUF struct strbuf params = STRBUF_INIT;
    struct json_writer writer;
    const struct json_value *profile;
    json_writer_init(&writer, &params);
    json_begin_object(&writer);
    json_put_text(&writer, "name", ctl->argv[NAME]);
    if (has_base) {
        json_put_text(&writer, "base", ctl->argv[REST + 1]);
    }
    int result = quota_put_limits(ctl, has_base ? REST + 2 : REST, &writer, err);
    json_end_object(&writer);
    if (result == 0) {
        result = peer_ask(ctl, "admind", is_new ? "profile_create" : "profile_set", &params,
                          &profile, err);
    }
    return result != 0 ? result : answer_profile(ctl, profile, as_json);
}

static int apply(struct ctl *ctl, bool as_json, struct error *err)
{
    AUTO_STRBUF struct strbuf params = STRBUF_INIT;
    struct json_writer writer;
    const struct json_value *answer;
    json_writer_init(&writer, &params);
    json_begin_object(&writer);
    json_put_text(&writer, "name", ctl->argv[NAME]);
    json_key(&writer, "emails");
    json_begin_array(&writer);
    for (int i = REST; i < ctl->argc; i++) {
        json_text(&writer, ctl->argv[i]);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    int result = peer_ask(ctl, "admind", "profile_apply", &params, &answer, err);
    if (result < 0) {
        return result;
    }
    long long accounts = (long long)json_find_integer(answer, "accounts", 0);
    if (as_json) {
        show_json(answer);
    } else {
        printf("%lld account%s the limits of %s now; running sites follow.\n", accounts,
               accounts == 1 ? " has" : "s have", ctl->argv[NAME]);
    }
    return 0;
}

static int remove_profile(struct ctl *ctl, bool as_json, struct error *err)
{
    AUTO_STRBUF struct strbuf params = STRBUF_INIT;
    struct json_writer writer;
    const struct json_value *answer;
    json_writer_init(&writer, &params);
    json_begin_object(&writer);
    json_put_text(&writer, "name", ctl->argv[NAME]);
    json_end_object(&writer);
    int result = peer_ask(ctl, "admind", "profile_delete", &params, &answer, err);
    if (result == 0 && as_json) {
        show_json(answer);
    } else if (result == 0) {
        printf("The profile %s is deleted.\n", ctl->argv[NAME]);
    }
    return result;
}

int quota_profile(struct ctl *ctl, struct error *err)
{
    static const struct {
        const char *verb;
        int least; /* words, with the command's */
        int most;
        int (*act)(struct ctl *ctl, bool as_json, struct error *err);
    } verbs[] = {
        {"list", NAME, NAME, list},      {"show", REST, REST, show},
        {"create", REST, 128, put},      {"set", REST + 1, 128, put},
        {"apply", REST + 1, 500, apply}, {"delete", REST, REST, remove_profile},
    };
    bool as_json = quota_take_flag(ctl, "--json");
    for (size_t i = 0; ctl->argc > VERB && i < ARRAY_COUNT(verbs); i++) {
        if (str_equal(ctl->argv[VERB], verbs[i].verb) && ctl->argc >= verbs[i].least &&
            ctl->argc <= verbs[i].most) {
            return verbs[i].act(ctl, as_json, err);
        }
    }
    error_set(err, ERR_INVALID_ARGUMENT,
              "usage: dialupctl quota profile list | show NAME | create "
              "NAME [--from BASE] [LIMIT...] | set NAME LIMIT... | apply "
              "NAME EMAIL... | delete NAME");
    error_hint(err, "%s", "A LIMIT is such as sites=5, memory_production=1GB, cpu=25%");
    return -ERR_INVALID_ARGUMENT;
}
