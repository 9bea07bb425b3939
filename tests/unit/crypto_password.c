/*
 * Passwords, at once and by the worker: right, wrong, nobody, full queue, cancelled, freed early.
 */
#include <poll.h>

#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "libdialup/crypto/password.h"
#include "libdialup/crypto/password_worker.h"
#include "tests/harness/check.h"

static struct secret password(const char *text)
{
    struct secret secret = SECRET_INIT;
    secret_set(&secret, text, strlen(text));
    return secret;
}

static void case_hash_and_verify(void)
{
    AUTO_SECRET struct secret right = password("correct horse battery");
    AUTO_SECRET struct secret wrong = password("correct horse batterx");
    char hash[PASSWORD_HASH_SIZE];
    if (!CHECK_INT(password_hash(&right, hash, NULL), 0)) {
        return;
    }
    CHECK_CONTAINS(hash, "$argon2id$v=19$m=65536,t=2,p=1$");
    CHECK(password_verify(&right, hash));
    CHECK(!password_verify(&wrong, hash));
    CHECK(!password_needs_rehash(hash));
}

static void case_older_parameters(void)
{
    /* of "password", 8 MiB and one pass */
    CHECK(password_needs_rehash("$argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$"
                                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    CHECK(password_needs_rehash("not a hash"));
}

static void case_nobody(void)
{
    AUTO_SECRET struct secret any = password("correct horse battery");
    CHECK(!password_verify(&any, NULL));
    CHECK(!password_verify(&any, ""));
    CHECK(!password_verify(&any, "$argon2id$broken"));
}

static void case_choice(void)
{
    static const struct {
        const char *name, *text;
        int result;
    } rows[] = {
        {"too short", "short", -ERR_INVALID_ARGUMENT},
        {"nine characters in eighteen bytes", "äöüäöüäöü", -ERR_INVALID_ARGUMENT},
        {"ten", "0123456789", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_SECRET struct secret chosen = password(rows[i].text);
        if (!CHECK_INT(password_check(&chosen, NULL), rows[i].result)) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
    AUTO_SECRET struct secret huge = SECRET_INIT;
    char text[PASSWORD_MAX_SIZE + 1];
    memset(text, 'a', sizeof(text));
    secret_set(&huge, text, sizeof(text));
    CHECK_INT(password_check(&huge, NULL), -ERR_INVALID_ARGUMENT);
    CHECK(!password_verify(&huge, NULL));
}

struct seen {
    int count;
    struct password_answer answer;
};

static void on_done(void *context, const struct password_answer *answer)
{
    struct seen *seen = context;
    seen->count++;
    seen->answer = *answer;
}

static void collect_until(struct password_worker *worker, const struct seen *seen, int count)
{
    while (seen->count < count) {
        struct pollfd ready = {.fd = password_worker_fd(worker), .events = POLLIN};
        if (!CHECK_INT(poll(&ready, 1, 20000), 1)) {
            return;
        }
        password_worker_collect(worker);
    }
}

static void case_worker(void)
{
    AUTO_SECRET struct secret right = password("correct horse battery");
    AUTO_SECRET struct secret wrong = password("correct horse batterx");
    struct password_worker *worker;
    struct seen seen = {0};
    CHECK_INT(password_worker_start(4, &worker, NULL), 0);

    CHECK_INT(password_hash_async(worker, &right, on_done, &seen, NULL, NULL), 0);
    collect_until(worker, &seen, 1);
    CHECK_INT(seen.answer.result, 0);
    char hash[PASSWORD_HASH_SIZE];
    memcpy(hash, seen.answer.hash, sizeof(hash));

    CHECK_INT(password_verify_async(worker, &right, hash, on_done, &seen, NULL, NULL), 0);
    collect_until(worker, &seen, 2);
    CHECK(seen.answer.matches && !seen.answer.needs_rehash);

    CHECK_INT(password_verify_async(worker, &wrong, hash, on_done, &seen, NULL, NULL), 0);
    CHECK_INT(password_verify_async(worker, &right, NULL, on_done, &seen, NULL, NULL), 0);
    collect_until(worker, &seen, 4);
    CHECK(!seen.answer.matches);
    password_worker_free(worker);
}

static void case_full_queue_and_cancel(void)
{
    AUTO_SECRET struct secret any = password("correct horse battery");
    struct password_worker *worker;
    struct password_job *job;
    struct seen seen = {0};
    struct seen cancelled = {0};
    struct error err;
    CHECK_INT(password_worker_start(2, &worker, NULL), 0);
    CHECK_INT(password_verify_async(worker, &any, NULL, on_done, &cancelled, &job, NULL), 0);
    CHECK_INT(password_verify_async(worker, &any, NULL, on_done, &seen, NULL, NULL), 0);
    CHECK_INT(password_verify_async(worker, &any, NULL, on_done, &seen, NULL, &err), -ERR_BUSY);
    CHECK_CONTAINS(err.hint, "try again");
    password_job_cancel(job);
    collect_until(worker, &seen, 1);
    CHECK_INT(cancelled.count, 0);
    CHECK_INT(password_verify_async(worker, &any, NULL, on_done, &seen, NULL, NULL), 0);
    password_worker_free(worker); /* with a job inside */
    CHECK_INT(seen.count, 1);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"hash and verify", case_hash_and_verify},
        {"older parameters are noticed", case_older_parameters},
        {"nobody's password is never right", case_nobody},
        {"what may be chosen", case_choice},
        {"the worker answers", case_worker},
        {"full queue, cancel, early end", case_full_queue_and_cancel},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
