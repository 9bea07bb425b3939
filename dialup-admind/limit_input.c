/*
 * See the header. Called by api_quotas.c and api_profiles.c. Pure.
 */
#include "dialup-admind/limit_input.h"

#include <string.h>

#include "libdialup/base/str.h"
#include "libdialup/json/writer.h"

static int check_hard(const struct admind_limit_change *change, enum quota_dimension dimension,
                      struct error *err)
{
    if (!change->has_hard ||
        (change->hard >= QUOTA_UNLIMITED && change->hard <= QUOTA_MAX_AMOUNT)) {
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "hard", "%lld cannot be the limit of \"%s\"",
                    (long long)change->hard, change->dimension);
    enum quota_unit unit = quota_dimension_info(dimension)->unit;
    error_hint(err, "Give 0 to %lld%s%s, or -1 for no limit", (long long)QUOTA_MAX_AMOUNT,
               unit == QUOTA_COUNT ? "" : " ", unit == QUOTA_COUNT ? "" : quota_unit_name(unit));
    return -ERR_INVALID_ARGUMENT;
}

static int check_given(const struct admind_limit_change *change, struct error *err)
{
    if (change->has_hard || change->has_percent || change->has_soft_percent ||
        change->has_burst_percent) {
        return 0;
    }
    error_set_field(err, ERR_MISSING_FIELD, "hard", "Nothing is said of \"%s\"", change->dimension);
    error_hint(err, "Give hard, percent, soft_percent or burst_percent");
    return -ERR_MISSING_FIELD;
}

static int apply_one(const struct admind_limit_change *change, enum quota_entity entity,
                     struct quota_limit *limits, bool *is_changed, struct error *err)
{
    enum quota_dimension dimension;
    int result = quota_dimension_find(change->dimension, &dimension, err);
    if (result == 0 && is_changed[dimension]) {
        result = error_set_field(err, ERR_INVALID_ARGUMENT, "dimension",
                                 "The limit of \"%s\" is given twice", change->dimension);
    }
    if (result == 0) {
        result = check_given(change, err);
    }
    if (result == 0) {
        result = check_hard(change, dimension, err);
    }
    if (result < 0) {
        return result;
    }
    struct quota_limit *limit = &limits[dimension];
    is_changed[dimension] = true;
    limit->hard = change->has_hard ? change->hard : limit->hard;
    limit->percent = change->has_percent ? change->percent : limit->percent;
    limit->soft_percent = change->has_soft_percent ? change->soft_percent : limit->soft_percent;
    limit->burst_percent = change->has_burst_percent ? change->burst_percent : limit->burst_percent;
    return quota_limit_check(limit, dimension, entity, err);
}

int limit_input_apply(struct arena *arena, const struct admind_limit_change *changes, size_t count,
                      enum quota_entity entity, struct quota_limit limits[QUOTA_DIMENSION_COUNT],
                      bool ret_changed[QUOTA_DIMENSION_COUNT], struct error *err)
{
    int result = 0;
    memset(ret_changed, 0, QUOTA_DIMENSION_COUNT * sizeof(*ret_changed));
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = apply_one(&changes[i], entity, limits, ret_changed, err);
        if (result < 0) {
            error_prefix_field(err, arena_printf(arena, "limits[%zu]", i));
        }
    }
    return result;
}

const char *limit_input_describe(struct arena *arena, const struct admind_limit_change *changes,
                                 size_t count)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_begin_object(&writer);
    for (size_t i = 0; i < count; i++) {
        json_key(&writer, changes[i].dimension);
        json_encode(&writer, &admind_limit_change_shape, &changes[i]);
    }
    json_end_object(&writer);
    return arena_strdup(arena, strbuf_text(&text));
}
