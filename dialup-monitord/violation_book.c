/*
 * Episodes and their rows; see the header. Called by the watch.
 */
#include "dialup-monitord/violation_book.h"

#include <stdlib.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/violations.h"

struct key {
    enum quota_entity entity;
    int64_t entity_id;
    enum quota_dimension dimension;
    bool is_in_force;
};

struct entry {
    struct key key;
    struct quota_episode episode;
    int64_t row_id; /* 0: not in the database */
    int64_t limit;
    int64_t in_force; /* of a difference, instead of the episode's peak */
    int64_t ended_at; /* 0: it goes on, or has not begun */
    char *action;     /* owned; NULL: none */
    bool is_acted_on; /* another program told the action */
    bool is_seen;     /* in this round */
    bool is_changed;
    bool has_new_action;
    int64_t flushed_id; /* while a flush is under way */
};

struct violation_book {
    struct entry *entries; /* owned, by key */
    size_t count;
    size_t size;
    int64_t at;
    bool is_loaded;
};

struct violation_book *violation_book_new(void)
{
    return xcalloc(1, sizeof(struct violation_book));
}

void violation_book_free(struct violation_book *book)
{
    if (book) {
        for (size_t i = 0; i < book->count; i++) {
            free(book->entries[i].action);
        }
        free(book->entries);
        free(book);
    }
}

bool violation_book_is_loaded(const struct violation_book *book)
{
    return book->is_loaded;
}

size_t violation_book_count(const struct violation_book *book)
{
    size_t count = 0;
    for (size_t i = 0; i < book->count; i++) {
        count += book->entries[i].episode.is_open;
    }
    return count;
}

/* Entries ---------------------------------------------------------------------------------- */

static int compare(const struct key *a, const struct key *b)
{
    const int64_t differences[] = {
        (int64_t)a->entity - (int64_t)b->entity,
        (a->entity_id > b->entity_id) - (a->entity_id < b->entity_id),
        (int64_t)a->dimension - (int64_t)b->dimension,
        (int64_t)a->is_in_force - (int64_t)b->is_in_force,
    };
    for (size_t i = 0; i < ARRAY_COUNT(differences); i++) {
        if (differences[i] != 0) {
            return differences[i] > 0 ? 1 : -1;
        }
    }
    return 0;
}

/* Where it stands, or should. */
static size_t place_of(const struct violation_book *book, const struct key *key)
{
    size_t low = 0;
    size_t high = book->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&book->entries[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct entry *find(const struct violation_book *book, const struct key *key)
{
    size_t place = place_of(book, key);
    bool is_there = place < book->count && compare(&book->entries[place].key, key) == 0;
    return is_there ? &book->entries[place] : NULL;
}

static struct entry *find_or_add(struct violation_book *book, const struct key *key)
{
    struct entry *found = find(book, key);
    if (found) {
        return found;
    }
    if (book->count == book->size) {
        book->size = book->size ? book->size * 2 : 32;
        book->entries = xrealloc(book->entries, book->size * sizeof(*book->entries));
    }
    ASSERT(book->entries);
    size_t place = place_of(book, key);
    memmove(&book->entries[place + 1], &book->entries[place],
            (book->count - place) * sizeof(*book->entries));
    book->count++;
    book->entries[place] = (struct entry){.key = *key};
    return &book->entries[place];
}

/* Neither goes on, nor may begin, nor has to be written. */
static bool is_idle(const struct entry *entry)
{
    return !entry->episode.is_open && entry->episode.since == 0 && entry->ended_at == 0;
}

static void forget_idle(struct violation_book *book)
{
    size_t kept = 0;
    for (size_t i = 0; i < book->count; i++) {
        if (is_idle(&book->entries[i])) {
            free(book->entries[i].action);
        } else {
            book->entries[kept++] = book->entries[i];
        }
    }
    book->count = kept;
}

/* Rounds ----------------------------------------------------------------------------------- */

void violation_book_begin(struct violation_book *book, int64_t at)
{
    book->at = at;
    for (size_t i = 0; i < book->count; i++) {
        book->entries[i].is_seen = false;
    }
}

static void set_action(struct entry *entry, const char *action)
{
    if (action[0] && !(entry->action && str_equal(entry->action, action))) {
        free(entry->action);
        entry->action = xstrdup(action);
        entry->has_new_action = true;
    }
}

/* What has ended waits for its flush, and looks at nothing meanwhile. */
static void look(struct violation_book *book, struct entry *entry,
                 const struct quota_episode_rules *rules, const struct quota_limit *limit,
                 int64_t used)
{
    entry->is_seen = true;
    if (entry->ended_at) {
        return;
    }
    switch (quota_episode_look(&entry->episode, rules, limit, used, book->at)) {
    case QUOTA_EPISODE_BEGAN:
    case QUOTA_EPISODE_WORSE:
        entry->is_changed = true;
        break;
    case QUOTA_EPISODE_ENDED:
        entry->ended_at = book->at;
        break;
    case QUOTA_EPISODE_SAME:
        break;
    }
}

void violation_book_look(struct violation_book *book, enum quota_entity entity, int64_t entity_id,
                         enum quota_dimension dimension, const struct quota_episode_rules *rules,
                         const struct quota_limit *limit, int64_t used, const char *action)
{
    const struct key key = {entity, entity_id, dimension, false};
    bool counts = quota_state(limit, used) >= rules->least;
    struct entry *entry = counts ? find_or_add(book, &key) : find(book, &key);
    if (!entry) {
        return;
    }
    look(book, entry, rules, limit, used);
    if (entry->episode.is_open) {
        /* A limit that was raised above the use ends the episode; it was not what was passed. */
        entry->is_changed = entry->is_changed || (counts && entry->limit != limit->hard);
        entry->limit = counts ? limit->hard : entry->limit;
        set_action(entry, entry->is_acted_on ? "" : action);
    }
}

/* The entry of that number among those that go on, or NULL. */
static struct entry *ongoing(const struct violation_book *book, size_t number)
{
    for (size_t i = 0; i < book->count; i++) {
        struct entry *entry = &book->entries[i];
        bool counts = entry->episode.is_open && !entry->key.is_in_force;
        if (counts && number-- == 0) {
            return entry;
        }
    }
    return NULL;
}

bool violation_book_get(const struct violation_book *book, size_t number,
                        struct violation_ongoing *ret_ongoing)
{
    const struct entry *entry = ongoing(book, number);
    if (entry) {
        *ret_ongoing = (struct violation_ongoing){entry->key.entity, entry->key.entity_id,
                                                  entry->key.dimension, entry->episode.began_at};
    }
    return entry != NULL;
}

void violation_book_act(struct violation_book *book, size_t number, const char *action)
{
    struct entry *entry = ongoing(book, number);
    if (entry) {
        entry->is_acted_on = true;
        set_action(entry, action);
    }
}

/* A difference is a use of 1 where nothing is allowed. */
static void look_at_difference(struct violation_book *book, struct entry *entry, bool differs,
                               int64_t after_s)
{
    const struct quota_limit nothing = {.hard = 0, .soft_percent = QUOTA_SOFT_PERCENT};
    const struct quota_episode_rules rules = {
        .least = QUOTA_OVER, .begin_after_s = after_s, .end_after_s = after_s};
    look(book, entry, &rules, &nothing, differs);
}

void violation_book_differs(struct violation_book *book, enum quota_entity entity,
                            int64_t entity_id, enum quota_dimension dimension, int64_t declared,
                            int64_t in_force, int64_t after_s, const char *action)
{
    const struct key key = {entity, entity_id, dimension, true};
    struct entry *entry = find_or_add(book, &key);
    look_at_difference(book, entry, true, after_s);
    if (entry->ended_at == 0) {
        bool is_other = entry->limit != declared || entry->in_force != in_force;
        entry->is_changed = entry->is_changed || (entry->episode.is_open && is_other);
        entry->limit = declared;
        entry->in_force = in_force;
        set_action(entry, action);
    }
}

void violation_book_end(struct violation_book *book, int64_t after_s)
{
    const struct quota_limit gone = QUOTA_NO_LIMIT;
    const struct quota_episode_rules rules = {.least = QUOTA_SOFT};
    for (size_t i = 0; i < book->count; i++) {
        struct entry *entry = &book->entries[i];
        if (!entry->is_seen && entry->key.is_in_force) {
            look_at_difference(book, entry, false, after_s);
        } else if (!entry->is_seen) {
            look(book, entry, &rules, &gone, 0);
        }
    }
    forget_idle(book);
}

/* The database ----------------------------------------------------------------------------- */

static enum quota_state state_of(enum violation_kind kind)
{
    return kind == VIOLATION_SOFT ? QUOTA_SOFT : kind == VIOLATION_HARD ? QUOTA_HARD : QUOTA_OVER;
}

int violation_book_load(struct violation_book *book, struct db *db, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct violations_list list;
    int result = violations_list_open(db, arena, &list, err);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        const struct violation *row = &list.rows[i];
        struct key key = {.entity = row->entity,
                          .entity_id = row->entity_id,
                          .is_in_force = row->kind == VIOLATION_IN_FORCE};
        if (quota_dimension_parse(row->dimension, &key.dimension)) {
            struct entry *entry = find_or_add(book, &key);
            entry->row_id = row->id;
            entry->limit = row->limit;
            entry->in_force = row->peak;
            entry->episode = (struct quota_episode){.is_open = true,
                                                    .worst = state_of(row->kind),
                                                    .began_at = row->began_at,
                                                    .peak = key.is_in_force ? 1 : row->peak};
            free(entry->action);
            entry->action = row->action[0] ? xstrdup(row->action) : NULL;
        }
    }
    book->is_loaded = book->is_loaded || result == 0;
    return result;
}

static struct violation row_of(const struct entry *entry)
{
    return (struct violation){
        .entity = entry->key.entity,
        .entity_id = entry->key.entity_id,
        .dimension = quota_dimension_info(entry->key.dimension)->name,
        .kind =
            entry->key.is_in_force ? VIOLATION_IN_FORCE : violation_kind_of(entry->episode.worst),
        .began_at = entry->episode.began_at,
        .limit = entry->limit,
        .peak = entry->key.is_in_force ? entry->in_force : entry->episode.peak,
    };
}

static bool needs_flush(const struct entry *entry)
{
    return entry->ended_at ||
           (entry->episode.is_open && (entry->is_changed || entry->has_new_action));
}

static int flush_entry(struct entry *entry, struct db *db, struct error *err)
{
    const struct violation row = row_of(entry);
    int result = 0;
    entry->flushed_id = entry->row_id;
    if (entry->row_id == 0) {
        result = violations_begin(db, &row, &entry->flushed_id, err);
    } else if (entry->is_changed) {
        result = violations_update(db, entry->row_id, row.kind, row.limit, row.peak, err);
    }
    if (result == 0 && entry->has_new_action) {
        result = violations_set_action(db, entry->flushed_id, entry->action, err);
    }
    if (result == 0 && entry->ended_at) {
        result = violations_end(db, entry->flushed_id, entry->ended_at, err);
    }
    return result;
}

static void note_flushed(struct violation_book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        struct entry *entry = &book->entries[i];
        if (!needs_flush(entry)) {
            continue;
        }
        entry->row_id = entry->flushed_id;
        entry->is_changed = false;
        entry->has_new_action = false;
        if (entry->ended_at) {
            entry->episode = (struct quota_episode){0};
            entry->ended_at = 0;
            entry->is_acted_on = false;
        }
    }
    forget_idle(book);
}

int violation_book_flush(struct violation_book *book, struct db *db, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    bool is_needed = false;
    for (size_t i = 0; i < book->count; i++) {
        is_needed = is_needed || needs_flush(&book->entries[i]);
    }
    if (!is_needed) {
        return 0;
    }
    int result = db_transaction_begin(&transaction, db, err);
    for (size_t i = 0; result == 0 && i < book->count; i++) {
        if (needs_flush(&book->entries[i])) {
            result = flush_entry(&book->entries[i], db, err);
        }
    }
    if (result == 0 && (result = db_transaction_commit(&transaction, err)) == 0) {
        note_flushed(book);
    }
    return result;
}
