/*
 * The command sites set: how a site is kept, and how much it may use.
 */
#include <stdio.h>

#include "deploy/handlers.h"
#include "deploy/sites.h"
#include "libdialup/base/memory.h"
#include "libdialup/quota/typed.h"
#include "libdialup/site/strategy.h"

enum {
    IDLE_MINUTES_MAX = 10080,
    MEMORY_MIB_MIN = 16,
    MEMORY_MIB_MAX = 1048576,
    MILLICORES_MIN = 10,
    MILLICORES_MAX = 1000000,
};

static const struct {
    const char *option;
    const char *member;
    enum quota_dimension dimension;
    int64_t min;
    int64_t max;
    const char *wanted;
} amounts[] = {
    {"memory", "memory_mib", QUOTA_MEMORY_PRODUCTION, MEMORY_MIB_MIN, MEMORY_MIB_MAX,
     "a size such as 256MB or 1GB, at least 16MB"},
    {"cpu", "cpu_millicores", QUOTA_CPU_PRODUCTION, MILLICORES_MIN, MILLICORES_MAX,
     "cores such as 0.25 or 1, at least 0.01"},
};

int sites_read_keeping(const struct args *args, struct keeping *ret_keeping, struct error *err)
{
    const struct site_strategy *strategy = NULL;
    const char *name = args_option(args, "strategy");
    int64_t minutes = -1;
    int result = name ? site_strategy_parse(name, &strategy, err) : 0;
    if (result == 0) {
        result = args_integer(args, "idle-minutes", 0, IDLE_MINUTES_MAX, -1, &minutes, err);
    }
    if (result == 0) {
        *ret_keeping = (struct keeping){strategy ? strategy->name : NULL, minutes};
    }
    return result;
}

void sites_put_keeping(const struct keeping *keeping, struct json_writer *writer)
{
    if (keeping->strategy) {
        json_put_text(writer, "strategy", keeping->strategy);
    }
    if (keeping->idle_minutes >= 0) {
        json_put_integer(writer, "idle_minutes", keeping->idle_minutes);
    }
}

static int put_amounts(const struct args *args, struct json_writer *writer, struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(amounts); i++) {
        const char *text = args_option(args, amounts[i].option);
        int64_t value;
        if (!text) {
            continue;
        }
        if (quota_typed_amount(amounts[i].dimension, text, &value, NULL) < 0 ||
            value < amounts[i].min || value > amounts[i].max) {
            return error_set_field(err, ERR_INVALID_ARGUMENT, amounts[i].option,
                                   "--%s takes %s, not \"%.40s\"", amounts[i].option,
                                   amounts[i].wanted, text);
        }
        json_put_integer(writer, amounts[i].member, value);
    }
    return 0;
}

static int put_change(const struct args *args, struct strbuf *body, struct error *err)
{
    struct keeping keeping = {0};
    struct json_writer writer;
    if (!args_has(args, "strategy") && !args_has(args, "idle-minutes") &&
        !args_has(args, "memory") && !args_has(args, "cpu")) {
        error_set(err, ERR_MISSING_FIELD, "What should be changed?");
        error_hint(err, "For example: deploy sites set %s --strategy persistent", args->words[0]);
        return -ERR_MISSING_FIELD;
    }
    int result = sites_read_keeping(args, &keeping, err);
    if (result != 0) {
        return result;
    }
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    sites_put_keeping(&keeping, &writer);
    result = put_amounts(args, &writer, err);
    json_end_object(&writer);
    return result;
}

static void say_if_files(struct run *run, const struct json_value *site)
{
    if (json_find_integer(site, "memory_mib", 0) == 0 && json_find(site, "live_deployment")) {
        terminal_say(&run->terminal, "It is served from files, so it is always there, whatever its "
                                     "strategy.");
    }
}

int handle_sites_set(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct domain domain;
    const char *path;
    const struct json_value *site;
    int result = put_change(&run->args, &body, err);
    if (result == 0) {
        result = sites_path(run, "", &path, &domain, err);
    }
    if (result == 0) {
        result = run_call(run, "PATCH", path, &body, &site, err);
    }
    if (result == 0) {
        terminal_say(&run->terminal, "%s is changed.", domain.name);
        sites_print(run, site);
        say_if_files(run, site);
        run_print_json(run, site);
    }
    return result;
}
