/*
 * Ctrl-C: remembered, and looked at where it is safe to stop. A second one ends the program at
 * once.
 */
#pragma once

#include <stdbool.h>

void interrupt_init(void);
bool interrupt_pending(void);

/* Sleeps, but not longer than until Ctrl-C. */
void interrupt_sleep_ms(int timeout_ms);
