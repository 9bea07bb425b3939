/*
 * A mailbox: how a library thread hands finished work to the event loop.
 *
 * Any thread may post; the loop's thread delivers, in the order of posting. A piece of mail is a
 * member of what it announces and belongs to the poster again once it is delivered: it must not be
 * posted twice before that. Nothing here blocks for longer than a list operation.
 */
#pragma once

#include "libdialup/base/error.h"

struct event_base;
struct ipc_mailbox;

struct ipc_mail {
    struct ipc_mail *next;
};

/* Called on the loop's thread. Must not free the mailbox. */
typedef void ipc_deliver_fn(void *context, struct ipc_mail *mail);

int ipc_mailbox_open(struct event_base *base, ipc_deliver_fn *deliver, void *context,
                     struct ipc_mailbox **ret_mailbox, struct error *err);

/* From any thread. */
void ipc_mailbox_post(struct ipc_mailbox *mailbox, struct ipc_mail *mail);

/* On the loop's thread: nothing is delivered from now on, what is posted is kept. */
void ipc_mailbox_mute(struct ipc_mailbox *mailbox);

/* On any thread, after mute, when nobody posts any more. NULL is fine. */
void ipc_mailbox_free(struct ipc_mailbox *mailbox);
