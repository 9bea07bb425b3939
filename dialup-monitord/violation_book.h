/*
 * The book of violations: which episodes go on (libdialup/quota/episodes.h), and what of them is
 * not in the database yet. One for each entity and dimension, and one more where the kernel has
 * another limit than was declared.
 *
 * A round is one look at everything: begin, look as often as there is something to look at, end,
 * flush. What could not be flushed is kept for the next flush.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/quota/episodes.h"

struct db;
struct violation_book;

struct violation_book *violation_book_new(void);

/* NULL is fine. */
void violation_book_free(struct violation_book *book);

/* What goes on as of the database; needed once, before the first round. */
int violation_book_load(struct violation_book *book, struct db *db, struct error *err);
bool violation_book_is_loaded(const struct violation_book *book);

void violation_book_begin(struct violation_book *book, int64_t at);

/* One look. The action is what was done about it by now; "" leaves an earlier one. */
void violation_book_look(struct violation_book *book, enum quota_entity entity, int64_t entity_id,
                         enum quota_dimension dimension, const struct quota_episode_rules *rules,
                         const struct quota_limit *limit, int64_t used, const char *action);

/* The kernel has in_force instead of declared. Begins after after_s, and ends after it if it is not
 * called any more. */
void violation_book_differs(struct violation_book *book, enum quota_entity entity,
                            int64_t entity_id, enum quota_dimension dimension, int64_t declared,
                            int64_t in_force, int64_t after_s, const char *action);

/* Those that go on, by number; false: there is none of that number. Differences are not among them.
 */
struct violation_ongoing {
    enum quota_entity entity;
    int64_t entity_id;
    enum quota_dimension dimension;
    int64_t began_at;
};
bool violation_book_get(const struct violation_book *book, size_t number,
                        struct violation_ongoing *ret_ongoing);

/* What another program did about it: stands instead of what a look says, from now on. */
void violation_book_act(struct violation_book *book, size_t number, const char *action);

/* What was not looked at has no limit any more, or its entity is gone: it is over. Differences that
 * were not told are over after after_s. */
void violation_book_end(struct violation_book *book, int64_t after_s);

/* How many go on. */
size_t violation_book_count(const struct violation_book *book);

/* Writes what changed, all or nothing, in one transaction. */
int violation_book_flush(struct violation_book *book, struct db *db, struct error *err);
