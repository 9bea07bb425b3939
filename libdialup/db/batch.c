/*
 * The queue behind batch.h. Called by the daemons for every change that a request makes.
 */
#include "libdialup/db/batch.h"

#include <stdlib.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/db.h"
#include "libdialup/db/transaction.h"

/* At some 50 us an item a full batch holds the writers' lock for about 10 ms. */
enum { MAX_ITEMS_PER_RUN = 200, MAX_TRIES = 20, RETRY_DELAY_MS = 2 };

struct item {
    struct item *next;
    db_work_fn *work;
    db_done_fn *done;
    void *context;
    int result;
    struct error *err; /* NULL unless it failed */
};

struct list {
    struct item *first;
    struct item **end;
    size_t count;
};

struct db_batch {
    struct db *db;
    db_needs_run_fn *needs_run;
    void *context;
    struct list queue;
    int tries;
    bool is_asked;
};

static void list_init(struct list *list)
{
    *list = (struct list){.end = &list->first};
}

static void list_push(struct list *list, struct item *item)
{
    item->next = NULL;
    *list->end = item;
    list->end = &item->next;
    list->count++;
}

static struct item *list_pop(struct list *list)
{
    struct item *item = list->first;
    list->first = item->next;
    if (!list->first) {
        list->end = &list->first;
    }
    list->count--;
    return item;
}

static void ask(struct db_batch *batch, int delay_ms)
{
    if (!batch->is_asked && batch->queue.count > 0) {
        batch->is_asked = true;
        batch->needs_run(batch->context, delay_ms);
    }
}

static void fail_item(struct item *item, int result, const struct error *err)
{
    item->result = result;
    if (!item->err) {
        item->err = xmalloc(sizeof(*item->err));
    }
    *item->err = *err;
}

static void finish(struct list *items)
{
    while (items->count > 0) {
        struct item *item = list_pop(items);
        if (item->done) {
            item->done(item->context, item->result, item->err);
        }
        free(item->err);
        free(item);
    }
}

struct db_batch *db_batch_new(struct db *db, db_needs_run_fn *needs_run, void *context)
{
    struct db_batch *batch = xcalloc(1, sizeof(*batch));
    batch->db = db;
    batch->needs_run = needs_run;
    batch->context = context;
    list_init(&batch->queue);
    return batch;
}

static void fail_all(struct list *items, const struct error *err)
{
    for (struct item *item = items->first; item; item = item->next) {
        if (item->result == 0) {
            fail_item(item, -(int)err->code, err);
        }
    }
}

void db_batch_free(struct db_batch *batch)
{
    if (!batch) {
        return;
    }
    struct error err = {0};
    error_set(&err, ERR_UNAVAILABLE, "The program is stopping");
    batch->is_asked = true; /* so that what a callback adds does not ask any more */
    while (batch->queue.count > 0) {
        struct list items;
        list_init(&items);
        while (batch->queue.count > 0) {
            list_push(&items, list_pop(&batch->queue));
        }
        fail_all(&items, &err);
        finish(&items);
    }
    free(batch);
}

void db_batch_add(struct db_batch *batch, db_work_fn *work, db_done_fn *done, void *context)
{
    struct item *item = xcalloc(1, sizeof(*item));
    item->work = work;
    item->done = done;
    item->context = context;
    list_push(&batch->queue, item);
    ask(batch, 0);
}

size_t db_batch_queued(const struct db_batch *batch)
{
    return batch->queue.count;
}

static int run_item(struct db *db, struct item *item, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction part = {0};
    int r = db_transaction_begin(&part, db, err);
    if (r == 0) {
        r = item->work(db, item->context, err);
    }
    return r == 0 ? db_transaction_commit(&part, err) : r;
}

/* Whether the transaction as a whole can still be committed; if not, err says why. */
static bool run_items(struct db *db, struct list *items, struct error *err)
{
    for (struct item *item = items->first; item; item = item->next) {
        struct error own = {0};
        int r = run_item(db, item, &own);
        if (r < 0) {
            fail_item(item, r, &own);
        }
        if (!db_in_transaction(db)) {
            *err = own;
            return false;
        }
    }
    return true;
}

static void run_in_transaction(struct db_batch *batch, struct db_transaction *transaction,
                               struct list *items)
{
    struct error err = {0};
    if (!run_items(batch->db, items, &err) || db_transaction_commit(transaction, &err) < 0) {
        db_transaction_end(transaction);
        fail_all(items, &err);
    }
}

static void take_items(struct db_batch *batch, struct list *items)
{
    list_init(items);
    while (batch->queue.count > 0 && items->count < MAX_ITEMS_PER_RUN) {
        list_push(items, list_pop(&batch->queue));
    }
}

void db_batch_run(struct db_batch *batch)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    struct error err = {0};
    struct list items;
    batch->is_asked = false;
    if (batch->queue.count == 0) {
        return;
    }
    int r = db_transaction_begin(&transaction, batch->db, &err);
    if (r == -ERR_BUSY && ++batch->tries < MAX_TRIES) {
        ask(batch, RETRY_DELAY_MS);
        return;
    }
    batch->tries = 0;
    take_items(batch, &items);
    if (r < 0) {
        fail_all(&items, &err);
    } else {
        run_in_transaction(batch, &transaction, &items);
    }
    finish(&items);
    ask(batch, 0);
}
