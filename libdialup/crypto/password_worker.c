/*
 * The one thread of the house. Jobs wait in a list, the thread takes the first, works without the
 * lock, puts it on the list of the ready ones and rings the eventfd. Whoever holds a job at a
 * moment (a list under the lock, the thread, the collector) is the only one to touch it, except
 * for on_done, which belongs to the loop's thread for ever.
 */
#include "libdialup/crypto/password_worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

struct password_job {
    STAILQ_ENTRY(password_job) next;
    struct secret password;
    bool verify;
    bool has_hash;
    char hash[PASSWORD_HASH_SIZE];
    struct password_answer answer;
    password_done_fn *on_done; /* NULL once cancelled */
    void *context;
};

STAILQ_HEAD(job_list, password_job);

struct password_worker {
    pthread_t thread;
    int ready_fd;
    size_t max_jobs;
    size_t job_count; /* the loop's: all that were given and not yet collected */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    struct job_list waiting;
    struct job_list ready;
    bool stopping;
};

static void job_free(struct password_job *job)
{
    secret_fini(&job->password);
    secret_wipe(job, sizeof(*job));
    free(job);
}

static void job_run(struct password_job *job)
{
    struct password_answer *answer = &job->answer;
    if (job->verify) {
        const char *hash = job->has_hash ? job->hash : NULL;
        answer->matches = password_verify(&job->password, hash);
        answer->needs_rehash = answer->matches && password_needs_rehash(job->hash);
    } else {
        answer->result = password_hash(&job->password, answer->hash, NULL);
    }
}

static struct password_job *wait_for_job(struct password_worker *worker)
{
    struct password_job *job = NULL;
    pthread_mutex_lock(&worker->lock);
    while (!worker->stopping && STAILQ_EMPTY(&worker->waiting)) {
        pthread_cond_wait(&worker->changed, &worker->lock);
    }
    if (!worker->stopping) {
        job = STAILQ_FIRST(&worker->waiting);
        STAILQ_REMOVE_HEAD(&worker->waiting, next);
    }
    pthread_mutex_unlock(&worker->lock);
    return job;
}

static void put_ready(struct password_worker *worker, struct password_job *job)
{
    pthread_mutex_lock(&worker->lock);
    STAILQ_INSERT_TAIL(&worker->ready, job, next);
    pthread_mutex_unlock(&worker->lock);
    eventfd_write(worker->ready_fd, 1);
}

static void *run_thread(void *argument)
{
    struct password_worker *worker = argument;
    struct password_job *job;
    while ((job = wait_for_job(worker)) != NULL) {
        job_run(job);
        put_ready(worker, job);
    }
    return NULL;
}

/* Signals are the loop's business: the thread is born with all of them blocked. */
static int start_thread(struct password_worker *worker)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&worker->thread, NULL, run_thread, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

static void worker_fini(struct password_worker *worker)
{
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    if (worker->ready_fd >= 0) {
        close(worker->ready_fd);
    }
    free(worker);
}

int password_worker_start(size_t max_jobs, struct password_worker **ret_worker, struct error *err)
{
    struct password_worker *worker = xcalloc(1, sizeof(*worker));
    worker->max_jobs = max_jobs;
    STAILQ_INIT(&worker->waiting);
    STAILQ_INIT(&worker->ready);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->changed, NULL);
    worker->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int failure = worker->ready_fd < 0 ? errno : start_thread(worker);
    if (failure != 0) {
        worker_fini(worker);
        return error_set_errno(err, ERR_INTERNAL, failure, "The password worker did not start");
    }
    *ret_worker = worker;
    return 0;
}

static void free_jobs(struct job_list *list)
{
    struct password_job *job;
    while ((job = STAILQ_FIRST(list)) != NULL) {
        STAILQ_REMOVE_HEAD(list, next);
        job_free(job);
    }
}

void password_worker_free(struct password_worker *worker)
{
    if (!worker) {
        return;
    }
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    free_jobs(&worker->waiting);
    free_jobs(&worker->ready);
    worker_fini(worker);
}

int password_worker_fd(const struct password_worker *worker)
{
    return worker->ready_fd;
}

void password_worker_collect(struct password_worker *worker)
{
    eventfd_t rings;
    eventfd_read(worker->ready_fd, &rings);

    struct job_list ready = STAILQ_HEAD_INITIALIZER(ready);
    pthread_mutex_lock(&worker->lock);
    STAILQ_CONCAT(&ready, &worker->ready);
    pthread_mutex_unlock(&worker->lock);

    struct password_job *job;
    while ((job = STAILQ_FIRST(&ready)) != NULL) {
        STAILQ_REMOVE_HEAD(&ready, next);
        worker->job_count--;
        if (job->on_done) {
            job->on_done(job->context, &job->answer);
        }
        job_free(job);
    }
}

static int submit(struct password_worker *worker, struct password_job *job,
                  const struct secret *password, struct password_job **ret_job)
{
    if (password->data) {
        secret_set(&job->password, password->data, password->size);
    }
    worker->job_count++;
    pthread_mutex_lock(&worker->lock);
    STAILQ_INSERT_TAIL(&worker->waiting, job, next);
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    if (ret_job) {
        *ret_job = job;
    }
    return 0;
}

static int check_queue(const struct password_worker *worker, struct error *err)
{
    if (worker->job_count >= worker->max_jobs) {
        error_set(err, ERR_BUSY, "Too many people log in at this moment.");
        error_hint(err, "Please try again in a few seconds.");
        return -ERR_BUSY;
    }
    return 0;
}

static struct password_job *job_new(password_done_fn *on_done, void *context)
{
    struct password_job *job = xcalloc(1, sizeof(*job));
    job->on_done = on_done;
    job->context = context;
    return job;
}

int password_verify_async(struct password_worker *worker, const struct secret *password,
                          const char *hash, password_done_fn *on_done, void *context,
                          struct password_job **ret_job, struct error *err)
{
    int result = check_queue(worker, err);
    if (result < 0) {
        return result;
    }
    struct password_job *job = job_new(on_done, context);
    job->verify = true;
    job->has_hash = hash && str_copy(job->hash, sizeof(job->hash), hash);
    return submit(worker, job, password, ret_job);
}

int password_hash_async(struct password_worker *worker, const struct secret *password,
                        password_done_fn *on_done, void *context, struct password_job **ret_job,
                        struct error *err)
{
    int result = password_check(password, err);
    if (result == 0) {
        result = check_queue(worker, err);
    }
    if (result < 0) {
        return result;
    }
    return submit(worker, job_new(on_done, context), password, ret_job);
}

void password_job_cancel(struct password_job *job)
{
    job->on_done = NULL;
}
