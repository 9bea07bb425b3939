/*
 * Input and output of the command line; see the header. Called by every command. Messages of one
 * kind look the same everywhere because they are all made here.
 */
#include "deploy/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "deploy/format.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum { BAR_CELLS = 24, REDRAW_US = 100000, ANSWER_MAX = 1024, USUAL_COLUMNS = 80 };

void terminal_init(struct terminal *terminal, bool is_quiet)
{
    setlocale(LC_CTYPE, "");
    bool is_live = isatty(STDOUT_FILENO);
    const char *no_color = getenv("NO_COLOR");
    *terminal = (struct terminal){
        .is_utf8 = str_equal(nl_langinfo(CODESET), "UTF-8"),
        .is_live = is_live,
        .has_color = is_live && isatty(STDERR_FILENO) && (!no_color || no_color[0] == '\0'),
        .is_quiet = is_quiet,
    };
}

const char *terminal_style(const struct terminal *terminal, enum style style)
{
    static const char *const sequences[] = {
        [STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m", [STYLE_GOOD] = "\033[32m",
        [STYLE_BAD] = "\033[31m",  [STYLE_DIM] = "\033[2m",
    };
    return terminal->has_color ? sequences[style] : "";
}

void terminal_say(struct terminal *terminal, const char *format, ...)
{
    if (terminal->is_quiet) {
        return;
    }
    terminal_progress_end(terminal);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

/* The length of an escape sequence at text: "ESC [ ... letter", "ESC ] ... BEL", "ESC x". */
static size_t escape_len(const char *text, size_t size)
{
    if (size < 2) {
        return size;
    }
    size_t len = 2;
    if (text[1] == '[') {
        while (len < size && (text[len] < '@' || text[len] > '~')) {
            len++;
        }
        return len < size ? len + 1 : len;
    }
    if (text[1] == ']') {
        while (len < size && text[len] != '\a' && text[len] != '\n') {
            len++;
        }
    }
    return len;
}

void terminal_filter(const char *text, size_t size, struct strbuf *out)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        bool is_c1 = c == 0xc2 && i + 1 < size && (unsigned char)text[i + 1] < 0xa0;
        if (c == 0x1b) {
            i += escape_len(text + i, size - i) - 1;
        } else if (is_c1) {
            i++;
        } else if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f)) {
            strbuf_putc(out, (char)c);
        }
    }
}

void terminal_write(struct terminal *terminal, const char *text, size_t size)
{
    if (terminal->is_quiet) {
        return;
    }
    terminal_progress_end(terminal);
    AUTO_STRBUF struct strbuf filtered = STRBUF_INIT;
    terminal_filter(text, size, &filtered);
    fwrite(strbuf_text(&filtered), 1, filtered.size, stdout);
    fflush(stdout);
}

static void print_marked(const struct terminal *terminal, enum style style, const char *sign,
                         const char *word, const char *text)
{
    AUTO_STRBUF struct strbuf filtered = STRBUF_INIT;
    terminal_filter(text, strlen(text), &filtered);
    fprintf(stderr, "%s%s %s%s\n", terminal_style(terminal, style), terminal->is_utf8 ? sign : word,
            strbuf_text(&filtered), terminal_style(terminal, STYLE_PLAIN));
}

void terminal_error(struct terminal *terminal, const struct error *err)
{
    terminal_progress_end(terminal);
    fflush(stdout);
    const char *message = err->message[0] != '\0' ? err->message : error_info(err->code)->sentence;
    print_marked(terminal, STYLE_BAD, "\xe2\x9d\x8c", "error:", message);
    if (err->hint[0] != '\0') {
        print_marked(terminal, STYLE_DIM, "\xf0\x9f\x92\xa1", "hint:", err->hint);
    }
}

void terminal_note(struct terminal *terminal, const char *format, ...)
{
    if (terminal->is_quiet) {
        return;
    }
    terminal_progress_end(terminal);
    fflush(stdout);
    AUTO_STRBUF struct strbuf filtered = STRBUF_INIT;
    AUTO_FREE char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    ASSERT(len >= 0);
    terminal_filter(text, (size_t)len, &filtered); /* some of it may be a server's words */
    fprintf(stderr, "%s\n", strbuf_text(&filtered));
}

static int columns_of_screen(void)
{
    struct winsize size = {0};
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : USUAL_COLUMNS;
}

/* A line that is too long for the screen would not be drawn over but below the one before it. */
static void draw_bar(struct terminal *terminal, const char *what, int percent, const char *done,
                     const char *total)
{
    char bar[BAR_CELLS + 1];
    char line[160];
    int columns = columns_of_screen();
    int full = percent * BAR_CELLS / 100;
    for (int i = 0; i < BAR_CELLS; i++) {
        bar[i] = i < full ? '#' : '.';
    }
    bar[BAR_CELLS] = '\0';
    int len =
        snprintf(line, sizeof(line), "%s [%s] %d%% %s of %s", what, bar, percent, done, total);
    if (len >= columns) {
        snprintf(line, sizeof(line), "%s %d%%", what, percent);
    }
    printf("\r%.*s\033[K", columns - 1, line);
    fflush(stdout);
    terminal->has_line = true;
}

void terminal_progress(struct terminal *terminal, const char *what, int64_t done, int64_t total)
{
    if (terminal->is_quiet || total <= 0) {
        return;
    }
    int percent = (int)(100.0 * (double)done / (double)total);
    struct text_size done_text = format_bytes(done);
    struct text_size total_text = format_bytes(total);
    if (!terminal->is_live) {
        if (percent / 25 != terminal->shown_percent / 25) {
            terminal->shown_percent = percent;
            printf("%s: %s of %s\n", what, done_text.text, total_text.text);
            fflush(stdout);
        }
        return;
    }
    int64_t now_us = clock_monotonic_us();
    if (done == total || now_us - terminal->shown_us > REDRAW_US) {
        terminal->shown_us = now_us;
        draw_bar(terminal, what, percent, done_text.text, total_text.text);
    }
}

void terminal_progress_end(struct terminal *terminal)
{
    terminal->shown_percent = 0;
    if (terminal->has_line) {
        terminal->has_line = false;
        putchar('\n');
        fflush(stdout);
    }
}

/* A line of at most size - 1 bytes, read byte by byte so that nothing stays in a buffer. */
static int read_line(char *line, size_t size, struct error *err)
{
    size_t len = 0;
    char c;
    ssize_t got;
    while ((got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
        if (len + 1 == size) {
            return error_set(err, ERR_TOO_LARGE, "The answer is too long");
        }
        line[len++] = c;
    }
    if (got < 0) {
        return error_set_errno(err, ERR_IO, errno, "Could not read the answer");
    }
    if (got == 0 && len == 0) {
        error_set(err, ERR_INVALID_ARGUMENT, "There was no answer");
        error_hint(err, "Run it in a terminal, or send the answer to its standard input");
        return -ERR_INVALID_ARGUMENT;
    }
    line[len] = '\0';
    return 0;
}

static int ask(const char *question, char *line, size_t size, struct error *err)
{
    fflush(stdout);
    fprintf(stderr, "%s", question);
    fflush(stderr);
    int result = read_line(line, size, err);
    if (result < 0 && question[0] != '\0') {
        fputc('\n', stderr); /* nobody pressed the key that would have ended the line */
    }
    return result;
}

int terminal_ask(struct terminal *terminal, const char *question, struct strbuf *answer,
                 struct error *err)
{
    terminal_progress_end(terminal);
    char line[ANSWER_MAX];
    int result = ask(question, line, sizeof(line), err);
    if (result == 0) {
        strbuf_puts(answer, line);
    }
    return result;
}

int terminal_ask_secret(struct terminal *terminal, const char *question, struct secret *answer,
                        struct error *err)
{
    terminal_progress_end(terminal);
    struct termios before;
    bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (is_terminal) {
        struct termios silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    char line[ANSWER_MAX];
    /* Nobody is there to be asked when a script writes the answer. */
    int result = ask(is_terminal ? question : "", line, sizeof(line), err);
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (result == 0) {
        secret_set(answer, line, strlen(line));
    }
    secret_wipe(line, sizeof(line));
    return result;
}
