/*
 * Shapes: a struct and its table written by hand, one field of each type, read and written.
 */
#include "libdialup/json/shape.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

struct leaf {
    const char *name;
    int64_t hard;
    bool has_hard;
};

static const struct json_field leaf_fields[] = {
    {"name", JSON_FIELD_STRING, .required = true, .offset = offsetof(struct leaf, name), .min = 1,
     .max = 8},
    {"hard", JSON_FIELD_INTEGER, .offset = offsetof(struct leaf, hard),
     .has_offset = offsetof(struct leaf, has_hard), .min = -1, .max = 100},
};
static const struct json_shape leaf_shape = {"leaf", sizeof(struct leaf), leaf_fields,
                                             ARRAY_COUNT(leaf_fields)};

struct tree {
    const char *kind;
    const char *note;
    double share;
    bool has_share;
    bool on;
    bool off;
    bool has_off;
    const struct leaf *leaf;
    const char *const *tags;
    size_t tags_count;
    const int64_t *numbers;
    size_t numbers_count;
    const struct leaf *limits;
    size_t limits_count;
    const struct json_value *extra;
};

static const char *const kinds[] = {"static", "node", NULL};
static const struct json_field tree_fields[] = {
    {"kind", JSON_FIELD_STRING, .required = true, .offset = offsetof(struct tree, kind), .max = 20,
     .enum_values = kinds},
    {"note", JSON_FIELD_STRING, .offset = offsetof(struct tree, note), .max = 6},
    {"share", JSON_FIELD_NUMBER, .offset = offsetof(struct tree, share),
     .has_offset = offsetof(struct tree, has_share), .number_min = 0.0, .number_max = 1.0},
    {"on", JSON_FIELD_BOOL, .required = true, .offset = offsetof(struct tree, on)},
    {"off", JSON_FIELD_BOOL, .offset = offsetof(struct tree, off),
     .has_offset = offsetof(struct tree, has_off)},
    {"leaf", JSON_FIELD_OBJECT, .offset = offsetof(struct tree, leaf), .shape = &leaf_shape},
    {"tags", JSON_FIELD_STRING_ARRAY, .offset = offsetof(struct tree, tags),
     .count_offset = offsetof(struct tree, tags_count), .item_min = 1, .item_max = 4, .max = 3},
    {"numbers", JSON_FIELD_INTEGER_ARRAY, .offset = offsetof(struct tree, numbers),
     .count_offset = offsetof(struct tree, numbers_count), .item_min = -9, .item_max = 9, .min = 2,
     .max = 3},
    {"limits", JSON_FIELD_OBJECT_ARRAY, .offset = offsetof(struct tree, limits),
     .count_offset = offsetof(struct tree, limits_count), .max = 3, .shape = &leaf_shape},
    {"extra", JSON_FIELD_ANY, .offset = offsetof(struct tree, extra)},
};
static const struct json_shape tree_shape = {"tree", sizeof(struct tree), tree_fields,
                                             ARRAY_COUNT(tree_fields)};

static int decode(struct arena *arena, const char *text, struct tree *ret_tree, struct error *err)
{
    const struct json_value *value = NULL;
    if (!CHECK_INT(json_parse(arena, text, strlen(text), &value, err), 0)) {
        return -1;
    }
    return json_decode(arena, value, &tree_shape, ret_tree, err);
}

static const char full[] =
    "{\"kind\":\"node\",\"note\":\"hi\",\"share\":0.25,\"on\":true,\"off\":false,"
    "\"leaf\":{\"name\":\"l\"},\"tags\":[\"a\",\"b\"],\"numbers\":[1,-2],"
    "\"limits\":[{\"name\":\"x\",\"hard\":-1},{\"name\":\"y\",\"hard\":100},{\"name\":\"z\"}],"
    "\"extra\":{\"any\":[1]}}";

static void case_full(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct tree tree;
    struct error err = {0};
    if (!CHECK_INT(decode(arena, full, &tree, &err), 0)) {
        printf("# %s: %s\n", err.field, err.message);
        return;
    }
    CHECK_STR(tree.kind, "node");
    CHECK(tree.has_share && tree.share == 0.25 && tree.on && tree.has_off && !tree.off);
    CHECK(!tree.leaf->has_hard);
    CHECK_INT(tree.tags_count, 2);
    CHECK_STR(tree.tags[1], "b");
    CHECK_INT(tree.numbers[1], -2);
    CHECK_INT(tree.limits_count, 3);
    CHECK_INT(tree.limits[1].hard, 100);
    CHECK_STR(tree.limits[2].name, "z");
    CHECK_INT(tree.extra->type, JSON_OBJECT);
}

static void encode(const struct tree *tree, struct strbuf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_encode(&writer, &tree_shape, tree);
}

static void case_round_trip(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    struct tree tree;
    if (CHECK_INT(decode(arena, full, &tree, NULL), 0)) {
        encode(&tree, &out);
        CHECK_STR(strbuf_text(&out), full);
    }
}

static void case_absent(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    struct tree tree;
    memset(&tree, 0xFF, sizeof(tree));
    CHECK_INT(decode(arena, "{\"on\":false,\"kind\":\"static\",\"share\":null,\"tags\":null}",
                     &tree, NULL),
              0);
    CHECK(!tree.note && !tree.leaf && !tree.tags && !tree.limits && !tree.extra);
    CHECK(!tree.has_share && !tree.has_off);
    CHECK_INT(tree.tags_count + tree.numbers_count + tree.limits_count, 0);
    encode(&tree, &out);
    CHECK_STR(strbuf_text(&out), "{\"kind\":\"static\",\"on\":false}");
}

static void case_required_null_string(void)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    const struct tree tree = {0};
    encode(&tree, &out);
    CHECK_STR(strbuf_text(&out), "{\"kind\":null,\"on\":false}");
}

/* Each row is {"kind":"node","on":true, ROW}. */
static void case_refused(void)
{
    static const struct {
        const char *json;
        enum error_code code;
        const char *field;
        const char *message;
    } rows[] = {
        {"\"note\":5", ERR_INVALID_ARGUMENT, "note", "must be a string, not a number"},
        {"\"note\":\"1234567\"", ERR_TOO_LARGE, "note", "too long: 7 bytes, at most 6"},
        {"\"leaf\":{\"name\":\"\"}", ERR_INVALID_ARGUMENT, "leaf.name", "too short"},
        {"\"leaf\":{\"name\":null}", ERR_INVALID_ARGUMENT, "leaf.name", "a string, not null"},
        {"\"leaf\":{}", ERR_MISSING_FIELD, "leaf.name", "The field \"name\" is missing"},
        {"\"leaf\":[]", ERR_INVALID_ARGUMENT, "leaf", "an object, not an array"},
        {"\"leaf\":{\"name\":\"n\",\"soft\":1}", ERR_UNKNOWN_FIELD, "leaf.soft",
         "no field \"soft\""},
        {"\"share\":1.5", ERR_INVALID_ARGUMENT, "share", "a number from 0 to 1"},
        {"\"share\":\"1\"", ERR_INVALID_ARGUMENT, "share", "a number, not a string"},
        {"\"off\":0", ERR_INVALID_ARGUMENT, "off", "true or false, not a number"},
        {"\"tags\":\"a\"", ERR_INVALID_ARGUMENT, "tags", "a list, not a string"},
        {"\"tags\":[\"a\",1]", ERR_INVALID_ARGUMENT, "tags[1]", "a string"},
        {"\"tags\":[\"a\",\"b\",\"c\",\"d\"]", ERR_TOO_LARGE, "tags", "0 to 3 items, not 4"},
        {"\"numbers\":[1]", ERR_INVALID_ARGUMENT, "numbers", "2 to 3 items, not 1"},
        {"\"numbers\":[1,2.5]", ERR_INVALID_ARGUMENT, "numbers[1]", "a whole number from -9 to 9"},
        {"\"numbers\":[10,1]", ERR_INVALID_ARGUMENT, "numbers[0]", "from -9 to 9"},
        {"\"numbers\":[1,null]", ERR_INVALID_ARGUMENT, "numbers[1]", "a whole number, not null"},
        {"\"tags\":[\"12345\"]", ERR_TOO_LARGE, "tags[0]", "too long: 5 bytes, at most 4"},
        {"\"tags\":[\"a\",\"\"]", ERR_INVALID_ARGUMENT, "tags[1]", "too short"},
        {"\"limits\":[{\"name\":\"a\"},{\"name\":\"b\",\"hard\":101}]", ERR_INVALID_ARGUMENT,
         "limits[1].hard", "from -1 to 100"},
        {"\"limits\":[{\"name\":\"a\",\"hard\":1.0}]", ERR_INVALID_ARGUMENT, "limits[0].hard",
         "a whole number"},
        {"\"limits\":[{\"name\":\"a\",\"hard\":9223372036854775808}]", ERR_INVALID_ARGUMENT,
         "limits[0].hard", "a whole number"},
        {"\"limits\":[1]", ERR_INVALID_ARGUMENT, "limits[0]", "an object, not a number"},
        {"\"nmae\":1", ERR_UNKNOWN_FIELD, "nmae", "There is no field \"nmae\" here"},
        {"\"\\u001b[2J\":1", ERR_UNKNOWN_FIELD, " [2J", "no field \" [2J\""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        struct tree tree;
        struct error err = {0};
        char *text = arena_printf(arena, "{\"kind\":\"node\",\"on\":true,%s}", rows[i].json);
        bool good = CHECK_INT(decode(arena, text, &tree, &err), -(int)rows[i].code);
        good &= CHECK_STR(err.field, rows[i].field);
        good &= CHECK_CONTAINS(err.message, rows[i].message);
        if (!good) {
            printf("# in %s\n", rows[i].json);
        }
    }
}

static void case_enum(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct tree tree;
    struct error err = {0};
    CHECK_INT(decode(arena, "{\"kind\":\"rust\",\"on\":true}", &tree, &err), -ERR_INVALID_ARGUMENT);
    CHECK_STR(err.field, "kind");
    CHECK_CONTAINS(err.message, "static, node");
}

static void case_hint(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct tree tree;
    struct error err = {0};
    CHECK_INT(decode(arena, "{\"kin\":1}", &tree, &err), -ERR_UNKNOWN_FIELD);
    CHECK_CONTAINS(err.hint, "kind, note");
}

static void case_root(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct tree tree;
    struct error err = {0};
    CHECK_INT(decode(arena, "[]", &tree, &err), -ERR_INVALID_ARGUMENT);
    CHECK_STR(err.field, "");
    CHECK_INT(decode(arena, "{\"on\":true}", &tree, &err), -ERR_MISSING_FIELD);
    CHECK_STR(err.field, "kind");
    CHECK_INT(decode(arena, "{\"limits\":[{}]}", &tree, NULL), -ERR_MISSING_FIELD);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"every type", case_full},
        {"read and written again", case_round_trip},
        {"absent members", case_absent},
        {"a required string that is NULL", case_required_null_string},
        {"refused, by path", case_refused},
        {"enum", case_enum},
        {"the fields that exist", case_hint},
        {"the object itself", case_root},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
