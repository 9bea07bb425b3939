/*
 * Where the log goes: to the journal if stderr is its stream, else to stderr as plain lines.
 */
#include "libdialup/daemon/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

/* What one warning leaves in stderr, a file, with $JOURNAL_STREAM made from that file: its device
 * and its inode plus `off`; NULL: without the variable. */
static off_t size_of_warning(const char *format, unsigned off)
{
    char path[] = "/tmp/dialup-journal-XXXXXX";
    struct stat info;
    int before = dup(STDERR_FILENO);
    int fd = mkstemp(path);
    ASSERT(before >= 0 && fd >= 0 && fstat(fd, &info) == 0 && dup2(fd, STDERR_FILENO) >= 0);
    unsetenv("JOURNAL_STREAM");
    if (format) {
        AUTO_FREE char *stream =
            xasprintf("%ju:%ju%s", (uintmax_t)info.st_dev, (uintmax_t)info.st_ino + off, format);
        setenv("JOURNAL_STREAM", stream, 1);
    }
    journal_use_if_connected();
    const struct log_context context = {.request_id = "r-1", .site = "a.example.org"};
    const struct log_context *outer = log_context_swap(&context);
    log_warning("a line of the test of the journal");
    log_context_swap(outer);
    ASSERT(fstat(fd, &info) == 0 && dup2(before, STDERR_FILENO) >= 0);
    log_set_sink(NULL);
    close(before);
    close(fd);
    unlink(path);
    return info.st_size;
}

static void case_elsewhere(void)
{
    CHECK(size_of_warning(NULL, 0) > 0);
    CHECK(size_of_warning("", 1) > 0); /* the stream of another program */
    CHECK(size_of_warning("x", 0) > 0);
}

static void case_journal(void)
{
    CHECK_INT(size_of_warning("", 0), 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"plain lines where stderr is no journal", case_elsewhere},
        {"to the journal where stderr is its stream", case_journal},
    };
    log_init("test", LOG_LEVEL_INFO);
    return check_run(cases, ARRAY_COUNT(cases));
}
