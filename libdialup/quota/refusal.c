/*
 * The words of admission: refusals, hints and warnings. See admission.h.
 */
#include <stdio.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/quota/admission.h"

/* How a sentence speaks of a level. */
static const struct {
    const char *reached; /* and then "site limit" */
    const char *place;
    const char *use; /* and then "90% of its memory" */
    const char *of;
} level_words[] = {
    [QUOTA_SYSTEM] = {"The server has reached its", " on the server", "The server promises", "its"},
    [QUOTA_TEAM] = {"Your team has reached its", " to your team", "Your team uses", "its"},
    [QUOTA_USER] = {"You've reached your", "", "You use", "your"},
};

static void describe_refusal(const struct quota_check *check, char *out, size_t size)
{
    const struct quota_dimension_info *info = quota_dimension_info(check->dimension);
    enum quota_entity entity = check->level->entity;
    if (info->unit == QUOTA_COUNT) {
        snprintf(out, size, "%s %s limit (%lld/%lld)", level_words[entity].reached, info->noun,
                 (long long)check->used, (long long)check->limit);
        return;
    }
    char need[32];
    char have[32];
    int64_t left = check->limit > check->used ? check->limit - check->used : 0;
    quota_format(info->unit, check->requested, need, sizeof(need));
    quota_format(info->unit, left, have, sizeof(have));
    snprintf(out, size, "Not enough %s available%s (need %s, have %s)", info->noun,
             level_words[entity].place, need, have);
}

/* A whole that is refused says nothing new if a part of it is refused at the same level. */
static bool is_said_by_part(const struct quota_verdict *verdict, const struct quota_check *check)
{
    for (size_t i = 0; i < verdict->count; i++) {
        const struct quota_check *other = &verdict->checks[i];
        if (other != check && !other->allowed && other->level == check->level &&
            quota_dimension_info(other->dimension)->whole == check->dimension) {
            return true;
        }
    }
    return false;
}

/* Room that a person brought into a team is asked back from there, if it is enough. */
static bool is_with_team(const struct quota_check *check)
{
    return check->level->entity == QUOTA_USER &&
           check->projected <= check->limit + check->level->brought.of[check->dimension];
}

/* Its members can do something about a team's limit, and others than an admin can raise it. */
static void hint_at_team(const struct quota_check *check, struct error *err)
{
    const char *name = check->level->name;
    const char *leads = check->level->leads ? check->level->leads : "its lead";
    if (quota_dimension_is_shared(check->dimension)) {
        error_hint(err,
                   "Ask %.120s to move more into the team %.64s (deploy team advice shows what "
                   "would help), or admin to raise its limit; or stop or remove a site of it",
                   leads, name);
    } else {
        error_hint(err,
                   "Ask admin to raise the limit of the team %.64s, or %.120s which of its sites "
                   "can go",
                   name, leads);
    }
}

/* What exists or is stored is not less for a site that is stopped. */
static bool is_freed_by_stopping(enum quota_dimension dimension)
{
    const struct quota_dimension_info *info = quota_dimension_info(dimension);
    return info->kind == QUOTA_RESERVED || dimension == QUOTA_CONCURRENT_CONTAINERS ||
           dimension == QUOTA_DEV_CONTAINERS;
}

/* Whatever else stops, one thing that asks for more than the limit never fits. */
static bool is_above_all(const struct quota_check *check)
{
    return quota_dimension_info(check->dimension)->kind == QUOTA_RESERVED && check->limit > 0 &&
           check->requested > check->limit;
}

static void set_hint(const struct quota_check *check, struct error *err)
{
    const struct quota_dimension_info *info = quota_dimension_info(check->dimension);
    if (check->level->entity == QUOTA_TEAM) {
        hint_at_team(check, err);
    } else if (check->level->entity == QUOTA_SYSTEM && !is_freed_by_stopping(check->dimension)) {
        error_hint(err, "Remove what is not needed, or ask admin: the server itself is full");
    } else if (check->level->entity == QUOTA_SYSTEM) {
        error_hint(
            err, "Stop a site that is not needed, or ask admin: the server itself is nearly full");
    } else if (is_with_team(check)) {
        char brought[32];
        quota_format(info->unit, check->level->brought.of[check->dimension], brought,
                     sizeof(brought));
        error_hint(err, "You bring %s into a team: ask its lead to give some back. Or: %s", brought,
                   info->hint);
    } else if (is_above_all(check)) {
        char limit[32];
        quota_format(info->unit, check->limit, limit, sizeof(limit));
        error_hint(err, "Take at most %s for it, or ask admin for more %s", limit, info->noun);
    } else {
        error_hint(err, "%s", info->hint);
    }
}

int quota_refuse(const struct quota_verdict *verdict, const char *action, struct error *err)
{
    char text[sizeof(err->message)];
    const struct quota_check *first = NULL;
    size_t used = 0;
    for (size_t i = 0; i < verdict->count; i++) {
        const struct quota_check *check = &verdict->checks[i];
        if (check->allowed || is_said_by_part(verdict, check)) {
            continue;
        }
        char sentence[200];
        describe_refusal(check, sentence, sizeof(sentence));
        if (used < sizeof(text)) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ". " : "",
                                     sentence);
        }
        first = first ? first : check;
    }
    ASSERT(first);
    int result = error_set(err, ERR_QUOTA_EXCEEDED, "%s: %s", action, text);
    set_hint(first, err);
    return result;
}

int quota_refuse_editor(const char *action, struct error *err)
{
    int result =
        error_set(err, ERR_FORBIDDEN, "%s: Editor access disabled for your account", action);
    error_hint(err, "Contact admin to enable editor access");
    return result;
}

/* Warnings ------------------------------------------------------------------------------------ */

static void describe_warning(const struct quota_check *check, char *out, size_t size)
{
    const struct quota_dimension_info *info = quota_dimension_info(check->dimension);
    enum quota_entity entity = check->level->entity;
    char amount[80];
    char limit[80];
    if (check->lent) {
        quota_format_noun(check->dimension, check->projected - check->limit, amount,
                          sizeof(amount));
        quota_format(info->unit, check->limit, limit, sizeof(limit));
        snprintf(out, size,
                 "%s above the limit of %s: this is lent, and goes first when the server fills up",
                 amount, limit);
    } else {
        quota_format(info->unit, check->projected, amount, sizeof(amount));
        quota_format_noun(check->dimension, check->limit, limit, sizeof(limit));
        snprintf(out, size, "%s %s of %s %s", level_words[entity].use, amount,
                 level_words[entity].of, limit);
    }
}

void quota_warn(const struct quota_verdict *verdict, const enum quota_entity *with_entity,
                char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < verdict->count; i++) {
        const struct quota_check *check = &verdict->checks[i];
        if (!check->allowed || !check->soft_reached ||
            (with_entity && check->level->entity != *with_entity)) {
            continue;
        }
        char sentence[200];
        describe_warning(check, sentence, sizeof(sentence));
        if (used < size) {
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ". " : "", sentence);
        }
    }
}
