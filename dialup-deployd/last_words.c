/*
 * See the header. Written by the converger's probe (action_probe.c), read for `site_logs`.
 */
#include "dialup-deployd/last_words.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dialup-deployd/deployd.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"

enum { READ_MAX_BYTES = 2 * LAST_WORDS_BYTES };

static char *path_of(const struct deployd *deployd, int64_t site_id)
{
    return deployd_site_path(deployd, site_id, "logs/last-words.log");
}

const char *last_words_lines(const char *text, size_t size, int64_t lines)
{
    const char *begin = text + size;
    while (begin > text) {
        bool is_line_end = begin[-1] == '\n' && begin != text + size;
        if (is_line_end && --lines == 0) {
            break;
        }
        begin--;
    }
    return begin;
}

const char *last_words_advice(const char *text, size_t size)
{
    static const char read_only[] = "The site's folder is read-only: write to /tmp, which is empty "
                                    "again after a restart";
    static const char missing[] = "Name what is missing in the dependencies of package.json, or "
                                  "mend its path";
    static const char not_there[] = "The script that starts it is not there, or its lines end as "
                                    "on Windows: save it with Unix line ends";
    static const char not_runnable[] = "What starts it may not be executed: RUN chmod +x FILE in "
                                       "the Dockerfile";
    static const char only_npm[] =
        "Of yarn, pnpm, bun and npm only npm is here: let the scripts of "
        "package.json say npm run";
    static const char heap[] =
        "It ran out of memory: make it use less, or give it more with deploy "
        "sites set DOMAIN --memory SIZE";
    static const char no_port[] =
        "Let it listen on the port in the PORT variable: ports below 1024 "
        "are not for it";
    static const char alone[] = "It could not reach another program, such as a database: beside a "
                                "site there is none";
    static const struct {
        const char *phrase;
        const char *advice;
    } known[] = {
        {"yarn: not found", only_npm},
        {"pnpm: not found", only_npm},
        {"bun: not found", only_npm},
        {"JavaScript heap out of memory", heap},
        {"listen EACCES", no_port},
        {"Cannot find module", missing},
        {"Cannot find package", missing},
        {"EROFS", read_only},
        {"Read-only file system", read_only},
        {"syscall: 'mkdir'", read_only},                  /* node calls it ENOENT */
        {"failed: No such file or directory", not_there}, /* tini */
        {"failed: Permission denied", not_runnable},
        {"ECONNREFUSED", alone},
    };
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (memmem(text, size, known[i].phrase, strlen(known[i].phrase))) {
            return known[i].advice;
        }
    }
    return NULL;
}

void last_words_keep(const struct deployd *deployd, int64_t site_id, const char *what_happened,
                     const char *text, size_t size)
{
    AUTO_FREE char *path = path_of(deployd, site_id);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0640);
    AUTO_STRBUF struct strbuf head = STRBUF_INIT;
    time_t now = (time_t)clock_unix();
    struct tm utc;
    char at[32];
    if (fd < 0) {
        return;
    }
    strftime(at, sizeof(at), "%Y-%m-%d %H:%M:%S", gmtime_r(&now, &utc));
    size_t cut = size > LAST_WORDS_BYTES ? size - LAST_WORDS_BYTES : 0; /* lines have no limit */
    strbuf_printf(&head, "--- %s UTC: %s. What it wrote before: ---\n", at, what_happened);
    if (fs_write_all(fd, strbuf_text(&head), head.size, NULL) == 0 &&
        fs_write_all(fd, text + cut, size - cut, NULL) == 0) {
        fs_write_all(fd, "--- end ---\n", strlen("--- end ---\n"), NULL);
    }
}

void last_words_forget(const struct deployd *deployd, int64_t site_id)
{
    AUTO_FREE char *path = path_of(deployd, site_id);
    unlink(path);
}

void last_words_read(const struct deployd *deployd, int64_t site_id, struct strbuf *out)
{
    AUTO_FREE char *path = path_of(deployd, site_id);
    fs_read_file(path, READ_MAX_BYTES, out, NULL);
}
