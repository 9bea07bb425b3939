/*
 * The one signal that the command line handles. Called by main.c and by what takes long.
 */
#include "deploy/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t pending;

static void on_interrupt(int number)
{
    pending = 1;
    signal(number, SIG_DFL);
}

void interrupt_init(void)
{
    /* No SA_RESTART: a read from the keyboard or a poll ends, too. */
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool interrupt_pending(void)
{
    return pending;
}

void interrupt_sleep_ms(int timeout_ms)
{
    if (!pending) {
        poll(NULL, 0, timeout_ms);
    }
}
