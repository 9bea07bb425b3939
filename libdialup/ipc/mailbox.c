/*
 * The list under a mutex, and the eventfd that wakes the loop when the list was empty. Called by
 * port.c alone. The threads that post touch the list and nothing else.
 */
#include "libdialup/ipc/mailbox.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

struct ipc_mailbox {
    pthread_mutex_t lock;
    struct ipc_mail *first;
    struct ipc_mail **end;
    int event_fd;
    struct event *event;
    ipc_deliver_fn *deliver;
    void *context;
};

static void on_readable(int fd, short what, void *context);

int ipc_mailbox_open(struct event_base *base, ipc_deliver_fn *deliver, void *context,
                     struct ipc_mailbox **ret_mailbox, struct error *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot open an event descriptor");
    }
    struct ipc_mailbox *mailbox = xcalloc(1, sizeof(*mailbox));
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->end = &mailbox->first;
    mailbox->event_fd = fd;
    mailbox->deliver = deliver;
    mailbox->context = context;
    mailbox->event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, mailbox);
    ASSERT(mailbox->event && event_add(mailbox->event, NULL) == 0);
    *ret_mailbox = mailbox;
    return 0;
}

void ipc_mailbox_post(struct ipc_mailbox *mailbox, struct ipc_mail *mail)
{
    mail->next = NULL;
    pthread_mutex_lock(&mailbox->lock);
    bool was_empty = !mailbox->first;
    *mailbox->end = mail;
    mailbox->end = &mail->next;
    pthread_mutex_unlock(&mailbox->lock);
    if (was_empty) {
        /* Fails only if 2^64 - 2 wake-ups were left unread. */
        (void)!write(mailbox->event_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
}

void ipc_mailbox_mute(struct ipc_mailbox *mailbox)
{
    event_free(mailbox->event);
    mailbox->event = NULL;
}

void ipc_mailbox_free(struct ipc_mailbox *mailbox)
{
    if (!mailbox) {
        return;
    }
    pthread_mutex_destroy(&mailbox->lock);
    close(mailbox->event_fd);
    free(mailbox);
}

static struct ipc_mail *take_all(struct ipc_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    struct ipc_mail *mail = mailbox->first;
    mailbox->first = NULL;
    mailbox->end = &mailbox->first;
    pthread_mutex_unlock(&mailbox->lock);
    return mail;
}

static void on_readable(int fd, short what, void *context)
{
    struct ipc_mailbox *mailbox = context;
    uint64_t wakes = 0;
    (void)!read(fd, &wakes, sizeof(wakes));
    struct ipc_mail *mail = take_all(mailbox);
    while (mail) {
        /* The receiver may post the same mail again before it returns. */
        struct ipc_mail *next = mail->next;
        mailbox->deliver(mailbox->context, mail);
        mail = next;
    }
}
