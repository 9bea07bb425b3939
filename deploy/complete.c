/*
 * The completion for bash, made from the table of commands. Called by the build, through a command
 * that help does not show.
 */
#include <stdio.h>
#include <string.h>

#include "deploy/handlers.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/quota/dimensions.h"
#include "libdialup/quota/profiles.h"
#include "libdialup/site/site_type.h"

/* Words an option's value may be -------------------------------------------------------------- */

static void put_types(struct strbuf *out)
{
    for (int i = 0; i < SITE_TYPE_COUNT; i++) {
        strbuf_printf(out, " %s", site_type_get((enum site_type_id)i)->name);
    }
}

static void put_strategies(struct strbuf *out)
{
#define STRATEGY(id, name, label, may_sleep, max_instances) strbuf_puts(out, " " name);
#include "libdialup/site/strategies.def"
#undef STRATEGY
}

static void put_profiles(struct strbuf *out)
{
    for (size_t i = 0; quota_profile_at(i); i++) {
        strbuf_printf(out, " %s", quota_profile_at(i)->name);
    }
}

static void put_dimensions(struct strbuf *out)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        strbuf_printf(out, " %s=", quota_dimension_info((enum quota_dimension)i)->name);
    }
}

static void put_roles(struct strbuf *out)
{
    strbuf_puts(out, " user admin");
}

static void put_team_roles(struct strbuf *out)
{
    strbuf_puts(out, " member lead");
}

static void (*const put_values[])(struct strbuf *out) = {
    [COMPLETE_TYPES] = put_types,           [COMPLETE_STRATEGIES] = put_strategies,
    [COMPLETE_PROFILES] = put_profiles,     [COMPLETE_ROLES] = put_roles,
    [COMPLETE_TEAM_ROLES] = put_team_roles, [COMPLETE_DIMENSIONS] = put_dimensions,
};

/* "users create --role") words=" user admin" ;; */
static void put_option_values(const struct command *command, struct strbuf *out)
{
    for (const struct option_row *row = command->options; row->name; row++) {
        if (row->completes == COMPLETE_NOTHING) {
            continue;
        }
        strbuf_printf(out, "    \"%s --%s\"", command->name, row->name);
        if (row->letter != '\0') {
            strbuf_printf(out, " | \"%s -%c\"", command->name, row->letter);
        }
        strbuf_puts(out, ") words=\"");
        put_values[row->completes](out);
        strbuf_puts(out, "\" ;;\n");
    }
}

static void put_all_values(struct strbuf *out)
{
    for (size_t i = 0; i < command_count; i++) {
        if (!commands[i].is_hidden) {
            put_option_values(&commands[i], out);
        }
    }
}

/* Commands ------------------------------------------------------------------------------------ */

/* "login site sites ...", each first word once; groups_only: those that have second words. */
static void put_first_words(bool groups_only, const char *between, struct strbuf *out)
{
    const char *last = "";
    size_t last_len = 0;
    bool is_first = true;
    for (size_t i = 0; i < command_count; i++) {
        const char *name = commands[i].name;
        size_t len = strcspn(name, " ");
        bool is_new = len != last_len || strncmp(name, last, len) != 0;
        if (!commands[i].is_hidden && is_new && (!groups_only || name[len] == ' ')) {
            strbuf_printf(out, "%s%.*s", is_first ? "" : between, (int)len, name);
            is_first = false;
        }
        last = name;
        last_len = len;
    }
}

static void put_second_words(const char *group, size_t len, struct strbuf *out)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strncmp(commands[i].name, group, len) == 0 && commands[i].name[len] == ' ') {
            strbuf_printf(out, " %s", commands[i].name + len + 1);
        }
    }
}

static void put_groups(struct strbuf *out)
{
    const char *last = "";
    size_t last_len = 0;
    for (size_t i = 0; i < command_count; i++) {
        const char *name = commands[i].name;
        const char *space = strchr(name, ' ');
        size_t len = space ? (size_t)(space - name) : 0;
        if (space && (len != last_len || strncmp(name, last, len) != 0)) {
            strbuf_printf(out, "        %.*s) words=\"", (int)len, name);
            put_second_words(name, len, out);
            strbuf_puts(out, "\" ;;\n");
            last = name;
            last_len = len;
        }
    }
}

static void put_option_words(const struct option_row *rows, struct strbuf *out)
{
    for (; rows->name; rows++) {
        strbuf_printf(out, " --%s", rows->name);
    }
}

static void put_command_options(struct strbuf *out)
{
    for (size_t i = 0; i < command_count; i++) {
        if (!commands[i].is_hidden) {
            strbuf_printf(out, "        \"%s\") words=\"", commands[i].name);
            put_option_words(commands[i].options, out);
            strbuf_puts(out, "\" ;;\n");
        }
    }
}

static const char head[] =
    "# bash completion for deploy(1)\n"
    "_deploy() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local command=${COMP_WORDS[1]} words=\n"
    "    COMPREPLY=()\n"
    "    case $command in\n"
    "    ";
static const char after_groups[] = ") command=\"$command ${COMP_WORDS[2]}\" ;;\n"
                                   "    esac\n"
                                   "    case \"$command $before\" in\n";
static const char after_values[] =
    "    esac\n"
    "    if [[ -n $words ]]; then\n"
    "        [[ $words == *=* ]] && compopt -o nospace 2> /dev/null\n"
    "    elif ((COMP_CWORD == 1)); then\n"
    "        words=\"";
static const char after_first[] = "\"\n"
                                  "    elif [[ $current == -* ]]; then\n"
                                  "        case $command in\n";
static const char after_options[] = "        esac\n"
                                    "        words+=\"";
static const char before_seconds[] = "\"\n"
                                     "    elif ((COMP_CWORD == 2)); then\n"
                                     "        case ${COMP_WORDS[1]} in\n";
static const char tail[] = "        esac\n"
                           "    fi\n"
                           "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                           "    if [[ $command == site && -z $words ]]; then\n"
                           "        COMPREPLY=($(compgen -d -- \"$current\"))\n"
                           "    fi\n"
                           "}\n"
                           "complete -F _deploy deploy\n";

int handle_generate_completion(struct run *run, struct error *err)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    strbuf_puts(&out, head);
    put_first_words(true, " | ", &out);
    strbuf_puts(&out, after_groups);
    put_all_values(&out);
    strbuf_puts(&out, after_values);
    put_first_words(false, " ", &out);
    strbuf_puts(&out, after_first);
    put_command_options(&out);
    strbuf_puts(&out, after_options);
    put_option_words(global_options, &out);
    strbuf_puts(&out, before_seconds);
    put_groups(&out);
    strbuf_puts(&out, tail);
    fputs(strbuf_text(&out), stdout);
    return 0;
}
