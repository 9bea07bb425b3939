/*
 * The parser: yajl reads the text, we build values in the caller's arena and refuse what json.h
 * says. Called with text from outside, so each callback counts before it allocates.
 *
 * Values wait on one stack (`pending`) until their array or object ends; then they are copied into
 * the arena, all at once. Only yajl_number is used for numbers: yajl's own conversions lose what
 * does not fit. Never yajl_tree: it recurses as deep as the text says.
 */
#include "libdialup/json/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/quote.h"
#include "libdialup/json/scan.h"

/* Longer than any double needs (a denormal has 752 significant digits; nobody sends those). */
enum { NUMBER_MAX_LEN = 400, PENDING_AT_FIRST = 32 };

/* A value that waits for its array or object to end. */
struct entry {
    const char *name; /* NULL in an array */
    const struct json_value *value;
    size_t name_end; /* offset in the text, for messages */
};

struct parse {
    struct arena *arena;
    const char *data;
    size_t size;
    yajl_handle yajl;
    struct error *err;
    int result;       /* what a callback refused with */
    bool is_complete; /* yajl has seen all of the text */

    struct entry *pending;
    size_t pending_count;
    size_t pending_capacity;

    size_t frames[JSON_MAX_DEPTH]; /* where in pending each open array or object begins */
    int depth;
    size_t node_count;

    const char *name; /* the key that was read last */
    size_t name_end;
    const struct json_value *root;
};

/* Ends the parse with a message about the token that ends at end. */
static int refuse_at(struct parse *parse, enum error_code code, size_t start, const char *what)
{
    size_t line;
    size_t column;
    json_scan_position(parse->data, start, &line, &column);
    parse->result = error_set(parse->err, code, "Line %zu, column %zu: %s", line, column, what);
    return 0;
}

static int refuse_token(struct parse *parse, enum error_code code, size_t end, const char *what)
{
    return refuse_at(parse, code, json_scan_token_start(parse->data, end), what);
}

/* Where the token ends that yajl reads now. At the very end it reads a space of its own. */
static size_t token_end(const struct parse *parse)
{
    return parse->is_complete ? parse->size : yajl_get_bytes_consumed(parse->yajl);
}

static int refuse(struct parse *parse, enum error_code code, const char *what)
{
    return refuse_token(parse, code, token_end(parse), what);
}

static void push_pending(struct parse *parse, const struct entry *entry)
{
    if (parse->pending_count == parse->pending_capacity) {
        parse->pending_capacity *= 2;
        parse->pending = xreallocarray(parse->pending, parse->pending_capacity, sizeof(*entry));
    }
    parse->pending[parse->pending_count++] = *entry;
}

/* A new value in its place; NULL if there are too many. */
static struct json_value *add_value(struct parse *parse, enum json_type type)
{
    if (parse->node_count == JSON_MAX_NODES) {
        refuse(parse, ERR_TOO_LARGE, "there are more values than we read in one go");
        return NULL;
    }
    parse->node_count++;
    struct json_value *value = arena_alloc(parse->arena, sizeof(*value));
    value->type = type;
    if (parse->depth == 0) {
        parse->root = value;
    } else {
        struct entry entry = {parse->name, value, parse->name_end};
        push_pending(parse, &entry);
        parse->name = NULL;
    }
    return value;
}

static int on_null(void *context)
{
    return add_value(context, JSON_NULL) != NULL;
}

static int on_boolean(void *context, int truth)
{
    struct json_value *value = add_value(context, JSON_BOOL);
    if (value) {
        value->boolean = truth != 0;
    }
    return value != NULL;
}

/* The numeric locale must be C: strtod reads its decimal point. */
static int on_number(void *context, const char *digits, size_t len)
{
    struct parse *parse = context;
    char text[NUMBER_MAX_LEN + 1];
    if (len > NUMBER_MAX_LEN) {
        return refuse(parse, ERR_PARSE, "this number has too many digits");
    }
    memcpy(text, digits, len);
    text[len] = '\0';
    double number = strtod(text, NULL);
    if (!isfinite(number)) {
        return refuse(parse, ERR_PARSE, "this number is too large");
    }
    struct json_value *value = add_value(parse, JSON_NUMBER);
    if (!value) {
        return 0;
    }
    value->number = number;
    errno = 0;
    long long integer = strtoll(text, NULL, 10);
    if (errno == 0 && !strpbrk(text, ".eE")) {
        value->is_integer = true;
        value->integer = integer;
    }
    return 1;
}

static int on_string(void *context, const unsigned char *text, size_t len)
{
    struct parse *parse = context;
    struct json_value *value = add_value(parse, JSON_STRING);
    if (value) {
        value->text = arena_strndup(parse->arena, (const char *)text, len);
        value->len = len;
    }
    return value != NULL;
}

static int on_key(void *context, const unsigned char *text, size_t len)
{
    struct parse *parse = context;
    parse->name = arena_strndup(parse->arena, (const char *)text, len);
    parse->name_end = token_end(parse);
    return 1;
}

/* Opens an array or object: its value is made now, so that it stands before its items. */
static int begin(struct parse *parse, enum json_type type)
{
    if (parse->depth == JSON_MAX_DEPTH) {
        return refuse(parse, ERR_TOO_DEEP, "arrays and objects are nested too deep here");
    }
    if (!add_value(parse, type)) {
        return 0;
    }
    parse->frames[parse->depth++] = parse->pending_count;
    return 1;
}

/* Closes the innermost one and gives its value, to be filled from its entries, which are popped but
 * stay readable until the next push. */
static struct json_value *end(struct parse *parse, const struct entry **ret_entries,
                              size_t *ret_count)
{
    size_t start = parse->frames[--parse->depth];
    *ret_entries = parse->pending + start;
    *ret_count = parse->pending_count - start;
    parse->pending_count = start;
    /* The value is ours and still being built; const is for those who read it later. */
    union {
        const struct json_value *read;
        struct json_value *write;
    } value = {parse->depth == 0 ? parse->root : parse->pending[start - 1].value};
    return value.write;
}

static int on_start_array(void *context)
{
    return begin(context, JSON_ARRAY);
}

static int on_end_array(void *context)
{
    struct parse *parse = context;
    const struct entry *entries;
    size_t count;
    struct json_value *array = end(parse, &entries, &count);
    const struct json_value **items = arena_calloc(parse->arena, count, sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[i] = entries[i].value;
    }
    array->items = items;
    array->item_count = count;
    return 1;
}

static int on_start_map(void *context)
{
    return begin(context, JSON_OBJECT);
}

static int compare_names(const void *a, const void *b)
{
    const struct entry *const *left = a;
    const struct entry *const *right = b;
    int order = strcmp((*left)->name, (*right)->name);
    return order != 0 ? order : (*left < *right ? -1 : *left > *right);
}

/* The second of two entries of one name, or NULL. Sorts, for a peer chooses how many there are. */
static const struct entry *find_duplicate(const struct entry *entries, size_t count)
{
    AUTO_FREE const struct entry **sorted = xcalloc(count, sizeof(*sorted));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &entries[i];
    }
    qsort(sorted, count, sizeof(*sorted), compare_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
            return sorted[i];
        }
    }
    return NULL;
}

static int refuse_duplicate(struct parse *parse, const struct entry *entry)
{
    struct json_quoted name = json_quote(entry->name);
    char what[JSON_QUOTE_SIZE + 64];
    snprintf(what, sizeof(what), "the key \"%s\" stands twice in one object", name.text);
    return refuse_token(parse, ERR_PARSE, entry->name_end, what);
}

static int on_end_map(void *context)
{
    struct parse *parse = context;
    const struct entry *entries;
    size_t count;
    struct json_value *object = end(parse, &entries, &count);
    const struct entry *duplicate = count > 1 ? find_duplicate(entries, count) : NULL;
    if (duplicate) {
        return refuse_duplicate(parse, duplicate);
    }
    struct json_member *members = arena_calloc(parse->arena, count, sizeof(*members));
    for (size_t i = 0; i < count; i++) {
        members[i].name = entries[i].name;
        members[i].value = entries[i].value;
    }
    object->members = members;
    object->member_count = count;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end_array,
};

/* yajl does not look at what malloc gives. */
static void *yajl_malloc_or_abort(void *context, size_t size)
{
    return xmalloc(size);
}

static void *yajl_realloc_or_abort(void *context, void *memory, size_t size)
{
    return xrealloc(memory, size);
}

static void yajl_free_memory(void *context, void *memory)
{
    free(memory);
}

/* What yajl says (the first part that is found) and what we say instead. */
static const char *const sayings[][2] = {
    {"trailing garbage", "there is more text after the end of the value"},
    {"separated by a colon", "a colon is missing after this key"},
    {"invalid object key", "a key in double quotes should stand here"},
    {"after key and value", "a comma or a closing } should stand here"},
    {"after array element", "a comma or a closing ] should stand here"},
    {"unallowed token", "a value should stand here"},
    {"which it may not", "this escape is not known; a backslash itself is written \\\\"},
    {"invalid character inside string", "line ends, tabs and other control characters in a text "
                                        "must be escaped (\\n, \\t)"},
    {"non-hex", "four hexadecimal digits should follow \\u"},
    {"after the minus sign", "a digit should follow the minus sign"},
    {"after the exponent", "a digit should follow the exponent"},
    {"after the decimal point", "a digit should follow the decimal point"},
    {"invalid char", "this is not JSON; texts and keys stand in double quotes"},
    {"invalid string", "this is not JSON; texts and keys stand in double quotes"},
};

static const char *explain(const char *saying)
{
    for (size_t i = 0; i < ARRAY_COUNT(sayings); i++) {
        if (strstr(saying, sayings[i][0])) {
            return sayings[i][1];
        }
    }
    return "this is not JSON";
}

static void refuse_as_yajl_says(struct parse *parse)
{
    if (parse->is_complete) {
        refuse_at(parse, ERR_PARSE, parse->size, "the text ends too early");
        return;
    }
    unsigned char *saying = yajl_get_error(parse->yajl, 0, NULL, 0);
    const char *what = explain((const char *)saying);
    bool is_lexical = strstr((const char *)saying, "lexical") != NULL;
    yajl_free_error(parse->yajl, saying);
    size_t end = token_end(parse);
    if (is_lexical) {
        refuse_at(parse, ERR_PARSE, end > 0 ? end - 1 : 0, what);
    } else {
        refuse_token(parse, ERR_PARSE, end, what);
    }
}

static int run_yajl(struct parse *parse)
{
    yajl_alloc_funcs memory = {yajl_malloc_or_abort, yajl_realloc_or_abort, yajl_free_memory, NULL};
    parse->yajl = yajl_alloc(&callbacks, &memory, parse);
    /* The scan has looked at every byte already. */
    yajl_config(parse->yajl, yajl_dont_validate_strings, 1);

    yajl_status status = yajl_parse(parse->yajl, (const unsigned char *)parse->data, parse->size);
    if (status == yajl_status_ok) {
        parse->is_complete = true;
        status = yajl_complete_parse(parse->yajl);
    }
    if (status != yajl_status_ok && parse->result == 0) {
        refuse_as_yajl_says(parse);
    }
    yajl_free(parse->yajl);
    return parse->result;
}

int json_parse(struct arena *arena, const char *data, size_t size,
               const struct json_value **ret_value, struct error *err)
{
    struct parse parse = {.arena = arena, .data = size ? data : "", .size = size, .err = err};
    size_t offset;
    const char *wrong = json_scan(parse.data, size, &offset);
    if (wrong) {
        refuse_at(&parse, ERR_PARSE, offset, wrong);
        return parse.result;
    }
    parse.pending_capacity = PENDING_AT_FIRST;
    parse.pending = xcalloc(parse.pending_capacity, sizeof(*parse.pending));
    int result = run_yajl(&parse);
    free(parse.pending);
    if (result == 0) {
        ASSERT(parse.root && parse.depth == 0);
        *ret_value = parse.root;
    }
    return result;
}
