/*
 * `quota`: limits of people, teams and the server, where they are reached, and their enforcement.
 * Profiles are in quota_profile.c. Asks admind, who writes limits, and deployd, who enforces them.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dialupctl/command.h"
#include "dialupctl/peers.h"
#include "dialupctl/quota.h"
#include "dialupctl/quota_beside.h"
#include "dialupctl/show_json.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/quota/limits.h"

enum { LIMITS_MAX = 64, CONTAINERS_SHOWN = 20, AMOUNT_SIZE = 32, BYTES_PER_MIB = 1 << 20 };

/* Words ---------------------------------------------------------------------------------------- */

bool quota_take_flag(struct ctl *ctl, const char *flag)
{
    for (int i = 1; i < ctl->argc; i++) {
        if (str_equal(ctl->argv[i], flag)) {
            memmove(&ctl->argv[i], &ctl->argv[i + 1],
                    (size_t)(ctl->argc - i - 1) * sizeof(ctl->argv[0]));
            ctl->argc--;
            return true;
        }
    }
    return false;
}

/* "user EMAIL", an email alone, "team NAME" or "system" at argv[*at], as members of the parameters.
 */
static int put_who(const struct ctl *ctl, int *at, struct json_writer *writer, struct error *err)
{
    const char *word = *at < ctl->argc ? ctl->argv[*at] : "system";
    enum quota_entity entity;
    if (strchr(word, '@')) {
        json_put_text(writer, "entity", "user");
        json_put_text(writer, "name", word);
        (*at)++;
        return 0;
    }
    if (!quota_entity_parse(word, &entity)) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "who", "Whose limits are \"%.60s\"?", word);
        error_hint(err, "Say user EMAIL, team NAME or system");
        return -ERR_INVALID_ARGUMENT;
    }
    json_put_text(writer, "entity", word);
    (*at)++;
    if (entity == QUOTA_SYSTEM) {
        return 0;
    }
    if (*at >= ctl->argc) {
        error_set_field(err, ERR_MISSING_FIELD, "who", "Which %s?", word);
        error_hint(err, "Say %s %s", word, entity == QUOTA_USER ? "EMAIL" : "NAME");
        return -ERR_MISSING_FIELD;
    }
    json_put_text(writer, "name", ctl->argv[(*at)++]);
    return 0;
}

static void put_limit(struct json_writer *writer, const struct quota_typed *typed)
{
    json_begin_object(writer);
    json_put_text(writer, "dimension", quota_dimension_info(typed->dimension)->name);
    if (typed->has_hard) {
        json_put_integer(writer, "hard", typed->hard);
    }
    if (typed->has_percent) {
        json_put_integer(writer, "percent", typed->percent);
    }
    if (typed->has_soft_percent) {
        json_put_integer(writer, "soft_percent", typed->soft_percent);
    }
    if (typed->has_burst_percent) {
        json_put_integer(writer, "burst_percent", typed->burst_percent);
    }
    json_end_object(writer);
}

int quota_put_limits(const struct ctl *ctl, int at, struct json_writer *writer, struct error *err)
{
    int result = 0;
    if (ctl->argc - at > LIMITS_MAX) {
        return error_set(err, ERR_INVALID_ARGUMENT, "At most %d limits at once", LIMITS_MAX);
    }
    json_key(writer, "limits");
    json_begin_array(writer);
    for (; at < ctl->argc && result == 0; at++) {
        struct quota_typed typed;
        result = quota_typed_limit(ctl->argv[at], &typed, err);
        if (result == 0) {
            put_limit(writer, &typed);
        }
    }
    json_end_array(writer);
    return result;
}

/* Tables --------------------------------------------------------------------------------------- */

/* "512MB", "none" for what is not limited; of a row's unit. */
static const char *amount_text(struct ctl *ctl, const struct json_value *row, int64_t amount)
{
    enum quota_dimension dimension;
    char text[32];
    if (amount == QUOTA_UNLIMITED) {
        return "none";
    }
    if (!quota_dimension_parse(json_find_text(row, "dimension", ""), &dimension)) {
        return arena_printf(ctl->arena, "%lld", (long long)amount);
    }
    quota_format(quota_dimension_info(dimension)->unit, amount, text, sizeof(text));
    return arena_strdup(ctl->arena, text);
}

static const char *percent_text(struct ctl *ctl, const struct json_value *row, const char *name)
{
    int64_t percent = json_find_integer(row, name, 0);
    return percent > 0 ? arena_printf(ctl->arena, "%lld%%", (long long)percent) : "-";
}

static void print_profile_row(struct ctl *ctl, const struct json_value *row)
{
    printf("%-22s %-10s %-8s %-8s %s\n", json_find_text(row, "dimension", ""),
           amount_text(ctl, row, json_find_integer(row, "hard", QUOTA_UNLIMITED)),
           percent_text(ctl, row, "percent"), percent_text(ctl, row, "soft_percent"),
           percent_text(ctl, row, "burst_percent"));
}

static void print_row(struct ctl *ctl, const struct json_value *row)
{
    const char *state = json_find_text(row, "state", "ok");
    bool is_used = json_find(row, "used") != NULL;
    printf("%-22s %-10s %-8s %-10s %-10s %-8s %-8s %s%s%s\n", json_find_text(row, "dimension", ""),
           amount_text(ctl, row, json_find_integer(row, "hard", QUOTA_UNLIMITED)),
           percent_text(ctl, row, "percent"),
           amount_text(ctl, row, json_find_integer(row, "effective", QUOTA_UNLIMITED)),
           amount_text(ctl, row, json_find_integer(row, "brought", 0)),
           percent_text(ctl, row, "soft_percent"), percent_text(ctl, row, "burst_percent"),
           is_used ? amount_text(ctl, row, json_find_integer(row, "used", 0)) : "-",
           str_equal(state, "ok") ? "" : "  ", str_equal(state, "ok") ? "" : state);
}

void quota_print_rows(struct ctl *ctl, const struct json_value *rows, bool is_profile)
{
    if (is_profile) {
        printf("%-22s %-10s %-8s %-8s %s\n", "DIMENSION", "LIMIT", "PART", "WARNS", "BURST");
    } else {
        printf("%-22s %-10s %-8s %-10s %-10s %-8s %-8s %s\n", "DIMENSION", "LIMIT", "PART", "BINDS",
               "BROUGHT", "WARNS", "BURST", "USED");
    }
    for (size_t i = 0; rows && rows->type == JSON_ARRAY && i < rows->item_count; i++) {
        (is_profile ? print_profile_row : print_row)(ctl, rows->items[i]);
    }
}

static void print_quotas(struct ctl *ctl, const struct json_value *answer)
{
    const char *entity = json_find_text(answer, "entity", "");
    const char *profile = json_find_text(answer, "profile", NULL);
    const char *note = json_find_text(answer, "note", NULL);
    const struct json_value *warnings = json_find(answer, "warnings");
    printf("%s%s%s%s\n\n", str_equal(entity, "team") ? "the team " : "",
           json_find_text(answer, "name", ""), profile ? ", profile " : "", profile ? profile : "");
    quota_print_rows(ctl, json_find(answer, "rows"), false);
    if (note) {
        printf("\nNote: %s\n", note);
    }
    for (size_t i = 0; warnings && warnings->type == JSON_ARRAY && i < warnings->item_count; i++) {
        printf("\nLook out: %s\n", warnings->items[i]->text);
    }
}

/* show, set ------------------------------------------------------------------------------------ */

static int ask_quotas(struct ctl *ctl, const char *method, const struct strbuf *params,
                      const struct json_value **ret_answer, struct error *err)
{
    int result = peer_ask(ctl, "admind", method, params, ret_answer, err);
    if (result == 0) {
        *ret_answer = quota_with_gate(ctl, *ret_answer);
    }
    return result;
}

static int show(struct ctl *ctl, struct error *err)
{
    AUTO_STRBUF struct strbuf params = STRBUF_INIT;
    struct json_writer writer;
    const struct json_value *answer;
    bool as_json = quota_take_flag(ctl, "--json");
    int at = 2;
    json_writer_init(&writer, &params);
    json_begin_object(&writer);
    int result = put_who(ctl, &at, &writer, err);
    json_end_object(&writer);
    if (result == 0 && at < ctl->argc) {
        return command_wrong_use(ctl, err);
    }
    if (result < 0 || (result = ask_quotas(ctl, "quota_show", &params, &answer, err)) < 0) {
        return result;
    }
    if (as_json) {
        show_json(answer);
    } else {
        print_quotas(ctl, answer);
    }
    return 0;
}

/* What binds now of the limits that were given from argv[first] on. */
static void print_binding(struct ctl *ctl, int first, const struct json_value *rows)
{
    for (int i = first; i < ctl->argc; i++) {
        struct quota_typed typed;
        const struct json_value *row = NULL;
        bool is_given = quota_typed_limit(ctl->argv[i], &typed, NULL) == 0;
        for (size_t k = 0; is_given && rows && rows->type == JSON_ARRAY && k < rows->item_count;
             k++) {
            const char *name = json_find_text(rows->items[k], "dimension", "");
            row =
                str_equal(name, quota_dimension_info(typed.dimension)->name) ? rows->items[k] : row;
        }
        int64_t binds = json_find_integer(row, "effective", QUOTA_UNLIMITED);
        int64_t used = json_find_integer(row, "used", 0);
        if (row) {
            bool is_over = binds != QUOTA_UNLIMITED && used > binds;
            printf("  %s: %s%s%s%s\n", json_find_text(row, "dimension", ""),
                   binds == QUOTA_UNLIMITED ? "no limit" : amount_text(ctl, row, binds),
                   is_over ? "; in use: " : "", is_over ? amount_text(ctl, row, used) : "",
                   is_over ? ", nothing new until it is less" : "");
        }
    }
}

static void print_container(struct ctl *ctl, const struct json_value *row)
{
    char memory[AMOUNT_SIZE];
    char cpu[AMOUNT_SIZE];
    quota_format(QUOTA_MIB, json_find_integer(row, "memory_in_force_bytes", 0) / BYTES_PER_MIB,
                 memory, sizeof(memory));
    quota_format(QUOTA_MILLICORES, json_find_integer(row, "cpu_in_force_millicores", 0), cpu,
                 sizeof(cpu));
    printf("  site %lld, container %.12s: %s, %s%s\n",
           (long long)json_find_integer(row, "site_id", 0), json_find_text(row, "container_id", ""),
           memory, cpu,
           json_find_bool(row, "agrees", false) ? ""
                                                : ", not what was declared: dialupctl quota "
                                                  "violations tells if it stays so");
}

/* in_force NULL: deployd does not answer. The limits are saved, and that is no failure. */
static void print_in_force(struct ctl *ctl, int first, const struct json_value *quotas,
                           const struct json_value *in_force)
{
    const struct json_value *sites = in_force ? json_find(in_force, "sites") : NULL;
    size_t count = sites && sites->type == JSON_ARRAY ? sites->item_count : 0;
    puts("\nIn force now:");
    print_binding(ctl, first, json_find(quotas, "rows"));
    for (size_t i = 0; i < count && i < CONTAINERS_SHOWN; i++) {
        print_container(ctl, sites->items[i]);
    }
    if (count > CONTAINERS_SHOWN) {
        printf("  and %zu more containers\n", count - CONTAINERS_SHOWN);
    }
    if (!in_force) {
        puts("  Running sites follow once dialup-deployd answers again; it does not now.");
    } else if (count == 0) {
        puts("  No container runs that has to follow.");
    }
}

static int set(struct ctl *ctl, struct error *err)
{
    AUTO_STRBUF struct strbuf params = STRBUF_INIT;
    struct json_writer writer;
    bool as_json = quota_take_flag(ctl, "--json");
    const struct json_value *answer;
    int at = 2;
    if (at == ctl->argc) {
        return command_wrong_use(ctl, err);
    }
    json_writer_init(&writer, &params);
    json_begin_object(&writer);
    int result = put_who(ctl, &at, &writer, err);
    int first = at;
    if (result == 0 && at == ctl->argc) {
        error_set_field(err, ERR_MISSING_FIELD, "limits", "Which limit is to be changed?");
        error_hint(err, "%s", "For example: memory_production=1GB, cpu=25%, sites=none");
        result = -ERR_MISSING_FIELD;
    }
    if (result == 0) {
        result = quota_put_limits(ctl, at, &writer, err);
    }
    json_end_object(&writer);
    if (result < 0 || (result = ask_quotas(ctl, "quota_set", &params, &answer, err)) < 0) {
        return result;
    }
    const struct json_value *in_force = quota_put_in_force(ctl, answer);
    if (as_json) {
        show_json(quota_with_member(ctl, answer, "in_force", in_force));
    } else {
        print_quotas(ctl, answer);
        print_in_force(ctl, first, answer, in_force);
    }
    return 0;
}

/* violations ----------------------------------------------------------------------------------- */

/* Local time, "2024-05-31 14:03". */
static const char *time_text(struct ctl *ctl, int64_t at_unix)
{
    char text[32] = "-";
    time_t at = (time_t)at_unix;
    struct tm local;
    if (localtime_r(&at, &local)) {
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &local);
    }
    return arena_strdup(ctl->arena, text);
}

static void print_violation(struct ctl *ctl, const struct json_value *row)
{
    const char *action = json_find_text(row, "action", "");
    bool is_open = !json_find(row, "ended_at");
    printf("%s  %-9s %-28s %-22s %-9s %s of %s%s%s\n",
           time_text(ctl, json_find_integer(row, "began_at", 0)), is_open ? "goes on" : "is over",
           json_find_text(row, "name", ""), json_find_text(row, "dimension", ""),
           json_find_text(row, "kind", ""),
           amount_text(ctl, row, json_find_integer(row, "peak", 0)),
           amount_text(ctl, row, json_find_integer(row, "limit", 0)), *action ? ": " : "", action);
}

static void print_violations(struct ctl *ctl, const struct json_value *answer)
{
    const struct json_value *rows = json_find(answer, "violations");
    if (!rows || rows->type != JSON_ARRAY || rows->item_count == 0) {
        puts("None.");
        return;
    }
    printf("%-16s  %-9s %-28s %-22s %-9s %s\n", "BEGAN", "", "WHO", "DIMENSION", "KIND", "PEAK");
    for (size_t i = 0; i < rows->item_count; i++) {
        print_violation(ctl, rows->items[i]);
    }
}

static int violations(struct ctl *ctl, struct error *err)
{
    AUTO_STRBUF struct strbuf params = STRBUF_INIT;
    struct json_writer writer;
    const struct json_value *answer;
    bool as_json = quota_take_flag(ctl, "--json");
    bool is_open = quota_take_flag(ctl, "--open");
    int at = 2;
    json_writer_init(&writer, &params);
    json_begin_object(&writer);
    if (is_open) {
        json_put_bool(&writer, "open", true);
    }
    int result = ctl->argc > at ? put_who(ctl, &at, &writer, err) : 0;
    json_end_object(&writer);
    if (result == 0 && at < ctl->argc) {
        return command_wrong_use(ctl, err);
    }
    if (result == 0) {
        result = peer_ask(ctl, "admind", "quota_violations", &params, &answer, err);
    }
    if (result == 0 && as_json) {
        show_json(answer);
    } else if (result == 0) {
        print_violations(ctl, answer);
    }
    return result;
}

/* enforce -------------------------------------------------------------------------------------- */

static void print_steps(const struct json_value *answer, bool is_dry)
{
    const struct json_value *steps = json_find(answer, "steps");
    if (!steps || steps->type != JSON_ARRAY || steps->item_count == 0) {
        puts("Nothing is to be done: everybody keeps to their limits.");
        return;
    }
    for (size_t i = 0; i < steps->item_count; i++) {
        const struct json_value *step = steps->items[i];
        const char *site = json_find_text(step, "site", "");
        bool is_done = json_find_bool(step, "done", false);
        printf("%-9s ", is_dry ? "would do" : is_done ? "done" : "not done");
        for (const char *c = json_find_text(step, "step", ""); *c; c++) {
            putchar(*c == '_' ? ' ' : *c);
        }
        printf("%s%s: %s\n", *site ? " " : "", site, json_find_text(step, "reason", ""));
    }
}

static int enforce(struct ctl *ctl, struct error *err)
{
    AUTO_STRBUF struct strbuf params = STRBUF_INIT;
    const struct json_value *answer;
    bool as_json = quota_take_flag(ctl, "--json");
    bool is_dry = quota_take_flag(ctl, "--dry-run");
    if (ctl->argc != 2) {
        return command_wrong_use(ctl, err);
    }
    strbuf_puts(&params, is_dry ? "{\"dry_run\":true}" : "{}");
    int result = peer_ask(ctl, "deployd", "quota_enforce", &params, &answer, err);
    if (result == 0 && as_json) {
        show_json(answer);
    } else if (result == 0) {
        print_steps(answer, is_dry);
    }
    return result;
}

int command_quota(struct ctl *ctl, struct error *err)
{
    static const struct {
        const char *word;
        int (*act)(struct ctl *ctl, struct error *err);
    } actions[] = {
        {"show", show},       {"set", set}, {"profile", quota_profile}, {"violations", violations},
        {"enforce", enforce},
    };
    for (size_t i = 0; ctl->argc > 1 && i < ARRAY_COUNT(actions); i++) {
        if (str_equal(ctl->argv[1], actions[i].word)) {
            return actions[i].act(ctl, err);
        }
    }
    return command_wrong_use(ctl, err);
}
