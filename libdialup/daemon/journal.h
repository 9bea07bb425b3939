/*
 * Log entries as journald fields (MESSAGE, PRIORITY, REQUEST_ID, DIALUP_SITE, ...), where systemd
 * connected our stderr to the journal; elsewhere the plain lines of libdialup/base/log.h stay.
 */
#pragma once

#include <stdbool.h>

/* Switches the log to the journal if stderr is one ($JOURNAL_STREAM, systemd.exec(5)); whether it
 * is. */
bool journal_use_if_connected(void);
