/*
 * What a container listens on, from the kernel's table.
 */
#include "dialup-deployd/converge/listening.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"

#define HEADER "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
#define TAIL " 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0000000000000000\n"
#define V4(address, state) "   0: " address " 00000000:0000 " state TAIL
#define V6(address, state) "   0: " address " 00000000000000000000000000000000:0000 " state TAIL

static void case_table(void)
{
    static const struct {
        const char *name, *text;
        size_t count;
        int port;
        bool is_loopback;
    } rows[] = {
        {"empty", "", 0, 0, false},
        {"header only", HEADER, 0, 0, false},
        {"everywhere", HEADER V4("00000000:0BB8", "0A"), 1, 3000, false},
        {"localhost", HEADER V4("0100007F:1F90", "0A"), 1, 8080, true},
        {"Docker's resolver", HEADER V4("0B00007F:A1B2", "0A"), 0, 0, false},
        {"127.1.2.3", HEADER V4("0302017F:0050", "0A"), 1, 80, true},
        {"one address", HEADER V4("020011AC:0050", "0A"), 1, 80, false},
        {"a connection", HEADER V4("0100007F:1F90", "01"), 0, 0, false},
        {"everywhere in 6", HEADER V6("00000000000000000000000000000000:0050", "0A"), 1, 80, false},
        {"localhost in 6", HEADER V6("00000000000000000000000001000000:0050", "0A"), 1, 80, true},
        {"127.0.0.1 as 6", HEADER V6("0000000000000000FFFF00000100007F:0050", "0A"), 1, 80, true},
        {"10.0.0.127 as 6", HEADER V6("0000000000000000FFFF00007F00000A:0050", "0A"), 1, 80, false},
        {"highest port", HEADER V4("00000000:FFFF", "0A"), 1, 65535, false},
        {"two", HEADER V4("00000000:0001", "0A") V4("00000000:0002", "0A"), 2, 1, false},
        {"behind a connection", HEADER V4("00000000:0001", "06") V4("00000000:0002", "0A"), 1, 2,
         false},
        {"no newline at the end", "   0: 00000000:0050 00000000:0000 0A", 1, 80, false},
        {"nonsense", "a\nb:c\n\n: : :\n   0: 00000000", 0, 0, false},
        {"short address", "   0: 7F:0050 00000000:0000 0A", 1, 80, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct listening found[4] = {{0}};
        size_t count = listening_parse(rows[i].text, found, ARRAY_COUNT(found));
        bool good = CHECK_INT(count, rows[i].count);
        good = CHECK_INT(found[0].port, rows[i].port) && good;
        good = CHECK_INT(found[0].is_loopback, rows[i].is_loopback) && good;
        if (!good) {
            printf("# %s\n", rows[i].name);
        }
    }
}

static void case_bounds(void)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct listening found[3];
    for (int i = 0; i < 7000; i++) {
        strbuf_printf(&text, V4("00000000:%04X", "0A"), i + 1);
    }
    CHECK_INT(listening_parse(strbuf_text(&text), found, 3), 3);
    CHECK_INT(found[2].port, 3);
    CHECK_INT(listening_parse(strbuf_text(&text), found, 0), 0);
    strbuf_clear(&text);
    for (int i = 0; i < 100000; i++) {
        strbuf_putc(&text, ' ');
    }
    strbuf_puts(&text, "\n" V4("00000000:0050", "0A"));
    CHECK_INT(listening_parse(strbuf_text(&text), found, 3), 1);
}

static void case_judge(void)
{
    static const struct {
        const char *name;
        struct listening sockets[3];
        size_t count;
        bool is_astray;
        const char *says;
    } rows[] = {
        {"nothing yet", {{0}}, 0, false, ""},
        {"where it should", {{3000, false}}, 1, false, ""},
        {"there, and elsewhere", {{9090, false}, {3000, false}}, 2, false, ""},
        {"there, and on localhost", {{3000, true}, {3000, false}}, 2, false, ""},
        {"a debugger", {{9229, true}}, 1, false, ""},
        {"localhost", {{41234, true}, {3000, true}}, 2, true, "port 3000 of localhost only"},
        {"another port", {{41234, true}, {8123, false}}, 2, true, "listens on port 8123"},
        {"IPv6 alone", {{3000, false, true}}, 1, true, "port 3000 of IPv6 only"},
        {"both families", {{3000, false, false}, {3000, false, true}}, 2, false, ""},
        {"localhost of IPv6", {{3000, true, true}}, 1, true, "port 3000 of localhost only"},
        {"both", {{8123, false}, {3000, true}}, 2, true, "port 3000 of localhost only"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char text[200] = "";
        bool good =
            CHECK_INT(listening_judge(rows[i].sockets, rows[i].count, 3000, text, sizeof(text)),
                      rows[i].is_astray);
        good = CHECK_CONTAINS(text, rows[i].says) && good;
        if (!good) {
            printf("# %s\n", rows[i].name);
        }
    }
}

/* Listens on a port of the kernel's choice. */
static int open_listener(const char *address, uint16_t *ret_port)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t size = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, address, &name.sin_addr);
    CHECK(bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&name, &size) == 0);
    *ret_port = ntohs(name.sin_port);
    return fd;
}

static void case_explain(void)
{
    char text[200];
    listening_explain(0, 3000, text, sizeof(text));
    CHECK_STR(text, "The app must listen on 0.0.0.0 and the port in the PORT variable (3000)");
    uint16_t port;
    AUTO_CLOSE int local = open_listener("127.0.0.1", &port);
    CHECK(local >= 0);
    listening_explain(getpid(), port, text, sizeof(text));
    /* Another program of this machine cannot have the same port of localhost. */
    AUTO_FREE char *wanted =
        xasprintf("The app listens on port %u of localhost only; let it listen on 0.0.0.0", port);
    CHECK_STR(text, wanted);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"lines of the table", case_table},
        {"long tables", case_bounds},
        {"does it listen elsewhere?", case_judge},
        {"the sentence for the owner", case_explain},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
