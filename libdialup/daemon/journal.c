/*
 * The journald sink; the only file that includes sd-journal. Called once, by daemon_main.
 */
#include "libdialup/daemon/journal.h"

/* The place of the message is a field already; without this it would be that of sendv, too. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum { MAX_FIELDS = 10 };

static const int priorities[] = {
    [LOG_LEVEL_ERROR] = 3,
    [LOG_LEVEL_WARNING] = 4,
    [LOG_LEVEL_INFO] = 6,
    [LOG_LEVEL_DEBUG] = 7,
};

static void add(struct iovec *fields, int *count, const char *key, const char *value)
{
    if (value) {
        char *text = xasprintf("%s=%s", key, value);
        fields[(*count)++] = (struct iovec){text, strlen(text)};
    }
}

static void send_to_journal(const struct log_entry *entry)
{
    struct iovec fields[MAX_FIELDS];
    int count = 0;
    char number[16];
    snprintf(number, sizeof(number), "%d", priorities[entry->level]);
    add(fields, &count, "PRIORITY", number);
    add(fields, &count, "MESSAGE", entry->message);
    add(fields, &count, "SYSLOG_IDENTIFIER", entry->program);
    add(fields, &count, "REQUEST_ID", entry->context->request_id);
    add(fields, &count, "DIALUP_USER", entry->context->user);
    add(fields, &count, "DIALUP_SITE", entry->context->site);
    add(fields, &count, "CODE_FILE", entry->file);
    snprintf(number, sizeof(number), "%d", entry->line);
    add(fields, &count, "CODE_LINE", number);
    sd_journal_sendv(fields, count);
    for (int i = 0; i < count; i++) {
        free(fields[i].iov_base);
    }
}

bool journal_use_if_connected(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat info;
    if (!stream || fstat(STDERR_FILENO, &info) < 0) {
        return false;
    }
    char ours[64];
    snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)info.st_dev, (uintmax_t)info.st_ino);
    if (!str_equal(stream, ours)) {
        return false;
    }
    log_set_sink(send_to_journal);
    return true;
}
