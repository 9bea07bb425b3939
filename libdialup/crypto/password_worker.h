/*
 * A thread that hashes and checks passwords, one at a time, so that an event loop never waits.
 *
 * All functions are called on the loop's thread. The loop watches password_worker_fd for reading
 * and then calls password_worker_collect, which calls the answers' functions. The thread blocks
 * all signals, touches no log and nothing but the queue and its job. crypto_init comes first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/error.h"
#include "libdialup/base/secret.h"
#include "libdialup/crypto/password.h"

struct password_worker;
struct password_job;

struct password_answer {
    bool matches;                  /* verify */
    bool needs_rehash;             /* verify: it matches, and was made with older parameters */
    int result;                    /* hash: 0 or -ERR_BUSY */
    char hash[PASSWORD_HASH_SIZE]; /* hash */
};

/* answer is borrowed for the call. The job is gone afterwards. */
typedef void password_done_fn(void *context, const struct password_answer *answer);

/* At most max_jobs wait or run at a time. ERR_INTERNAL if no thread can be had. */
int password_worker_start(size_t max_jobs, struct password_worker **ret_worker, struct error *err);

/* Waits for the running job (a fraction of a second), forgets the others; no function is called.
 * NULL is fine. */
void password_worker_free(struct password_worker *worker);

/* Borrowed; readable when something can be collected. */
int password_worker_fd(const struct password_worker *worker);

/* Calls the functions of all answers that are ready, in order. Never blocks. Must not be called
 * from one of them, and they must not free the worker. */
void password_worker_collect(struct password_worker *worker);

/* Takes a copy of password and hash (NULL as in password_verify). ERR_BUSY if the queue is full.
 * ret_job may be NULL. */
int password_verify_async(struct password_worker *worker, const struct secret *password,
                          const char *hash, password_done_fn *on_done, void *context,
                          struct password_job **ret_job, struct error *err);

/* ERR_INVALID_ARGUMENT (length) or ERR_BUSY. */
int password_hash_async(struct password_worker *worker, const struct secret *password,
                        password_done_fn *on_done, void *context, struct password_job **ret_job,
                        struct error *err);

/* The job's function will not be called. Not after it was. */
void password_job_cancel(struct password_job *job);
