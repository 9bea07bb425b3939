/*
 * See the header. Called by quota.c.
 */
#include "dialupctl/quota_beside.h"

#include <string.h>

#include "dialupctl/peers.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/quota/limits.h"

enum { KBIT_PER_MBIT = 1000 };

const struct json_value *quota_with_member(struct ctl *ctl, const struct json_value *object,
                                           const char *name, const struct json_value *value)
{
    static const struct json_value null = {.type = JSON_NULL};
    struct json_member *members =
        arena_calloc(ctl->arena, object->member_count + 1, sizeof(*members));
    struct json_value *copy = arena_alloc(ctl->arena, sizeof(*copy));
    if (object->member_count > 0) {
        memcpy(members, object->members, object->member_count * sizeof(*members));
    }
    members[object->member_count] = (struct json_member){name, value ? value : &null};
    *copy = *object;
    copy->members = members;
    copy->member_count++;
    return copy;
}

/* Whose limits they are, in the words of deployd and monitord. */
static void put_owner(const struct json_value *quotas, int64_t system_id, struct strbuf *params)
{
    struct json_writer writer;
    const char *entity = json_find_text(quotas, "entity", "system");
    bool is_system = str_equal(entity, "system");
    json_writer_init(&writer, params);
    json_begin_object(&writer);
    json_put_text(&writer, "owner_kind", entity);
    json_put_integer(&writer, "owner_id",
                     is_system ? system_id : json_find_integer(quotas, "entity_id", 0));
    json_end_object(&writer);
}

static const struct json_value *with_use(struct ctl *ctl, const struct json_value *row,
                                         int64_t used)
{
    struct json_value *number = arena_alloc(ctl->arena, sizeof(*number));
    struct json_value *state = arena_alloc(ctl->arena, sizeof(*state));
    const struct quota_limit limit = {
        .hard = json_find_integer(row, "effective", QUOTA_UNLIMITED),
        .soft_percent = json_find_integer(row, "soft_percent", QUOTA_SOFT_PERCENT),
    };
    const char *name = quota_state_name(quota_state(&limit, used));
    *number = (struct json_value){
        .type = JSON_NUMBER, .is_integer = true, .integer = used, .number = (double)used};
    *state = (struct json_value){.type = JSON_STRING, .text = name, .len = strlen(name)};
    return quota_with_member(ctl, quota_with_member(ctl, row, "used", number), "state", state);
}

/* A copy of the rows, in which those of the gate say what is used. */
static const struct json_value *rows_with_gate(struct ctl *ctl, const struct json_value *rows,
                                               const struct json_value *gate)
{
    const struct {
        const char *dimension;
        int64_t used;
    } uses[] = {
        {"bandwidth",
         (json_find_integer(gate, "kbit_per_s", 0) + KBIT_PER_MBIT / 2) / KBIT_PER_MBIT},
        {"connections", json_find_integer(gate, "connections", 0)},
    };
    const struct json_value **items =
        arena_calloc(ctl->arena, rows->item_count, sizeof(struct json_value *));
    struct json_value *copy = arena_alloc(ctl->arena, sizeof(*copy));
    for (size_t i = 0; i < rows->item_count; i++) {
        items[i] = rows->items[i];
        for (size_t k = 0; k < ARRAY_COUNT(uses); k++) {
            if (str_equal(json_find_text(items[i], "dimension", ""), uses[k].dimension)) {
                items[i] = with_use(ctl, items[i], uses[k].used);
            }
        }
    }
    *copy = *rows;
    copy->items = items;
    return copy;
}

const struct json_value *quota_with_gate(struct ctl *ctl, const struct json_value *quotas)
{
    AUTO_STRBUF struct strbuf params = STRBUF_INIT;
    const struct json_value *rows = json_find(quotas, "rows");
    const struct json_value *gate;
    struct error err;
    put_owner(quotas, 0, &params);
    if (!rows || rows->type != JSON_ARRAY ||
        peer_ask(ctl, "monitord", "usage_of_owner", &params, &gate, &err) < 0) {
        return quotas;
    }
    struct json_member *members = arena_calloc(ctl->arena, quotas->member_count, sizeof(*members));
    struct json_value *copy = arena_alloc(ctl->arena, sizeof(*copy));
    for (size_t i = 0; i < quotas->member_count; i++) {
        members[i] = quotas->members[i];
        if (members[i].value == rows) {
            members[i].value = rows_with_gate(ctl, rows, gate);
        }
    }
    *copy = *quotas;
    copy->members = members;
    return copy;
}

const struct json_value *quota_put_in_force(struct ctl *ctl, const struct json_value *quotas)
{
    AUTO_STRBUF struct strbuf params = STRBUF_INIT;
    const struct json_value *answer;
    struct error err;
    put_owner(quotas, 1, &params);
    return peer_ask(ctl, "deployd", "limits_apply", &params, &answer, &err) == 0 ? answer : NULL;
}
