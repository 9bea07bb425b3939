/*
 * The listening sockets of a container, from the kernel's table (proc_pid_net(5)): each line is
 * "sl local_address rem_address st ...", addresses in hexadecimal, state 0A is LISTEN.
 */
#include "dialup-deployd/converge/listening.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum { MAX_TABLE_BYTES = 1 << 20, MAX_SOCKETS = 16 };

static const char STATE_LISTEN[] = "0A";

/* As the kernel prints addresses on a little-endian machine. One of IPv4, or IPv4 mapped into IPv6,
 * ends with its first byte. */
static bool is_ipv6(const char *address)
{
    return strlen(address) == 32 && strncmp(address, "0000000000000000FFFF0000", 24) != 0;
}

/* 127.0.0.0/8 and ::1. */
static bool is_loopback(const char *address)
{
    return is_ipv6(address) ? strcmp(address, "00000000000000000000000001000000") == 0
                            : strlen(address) >= 8 && str_ends_with(address, "7F");
}

/* Docker's own resolver, 127.0.0.11, listens in each container. */
static bool is_resolver(const char *address)
{
    return str_equal(address, "0B00007F");
}

/* A copy of one line at a time: sscanf(3) measures all of its text first, and how long the table is
 * the container decides. */
static bool parse_line(const char *line, size_t len, struct listening *ret_socket)
{
    char text[256];
    char address[33];
    char port[5];
    char state[3];
    if (len >= sizeof(text)) {
        return false;
    }
    memcpy(text, line, len);
    text[len] = '\0';
    if (sscanf(text, " %*d: %32[0-9A-F]:%4[0-9A-F] %*[0-9A-F]:%*4[0-9A-F] %2[0-9A-F]", address,
               port, state) != 3 ||
        !str_equal(state, STATE_LISTEN) || is_resolver(address)) {
        return false;
    }
    *ret_socket = (struct listening){(uint16_t)strtoul(port, NULL, 16), is_loopback(address),
                                     is_ipv6(address)};
    return true;
}

size_t listening_parse(const char *text, struct listening *out, size_t max)
{
    size_t count = 0;
    const char *line = text;
    while (*line && count < max) {
        size_t len = strcspn(line, "\n");
        count += parse_line(line, len, &out[count]);
        line += len + (line[len] == '\n');
    }
    return count;
}

static size_t read_listening(pid_t pid, struct listening *out, size_t max)
{
    static const char *const files[] = {"tcp", "tcp6"};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        AUTO_FREE char *path = xasprintf("/proc/%d/net/%s", (int)pid, files[i]);
        AUTO_STRBUF struct strbuf text = STRBUF_INIT;
        if (fs_read_file(path, MAX_TABLE_BYTES, &text, NULL) == 0) {
            count += listening_parse(strbuf_text(&text), out + count, max - count);
        }
    }
    return count;
}

static const struct listening *find_open(const struct listening *sockets, size_t count,
                                         uint16_t wanted_port, bool is_ipv6)
{
    for (size_t i = 0; i < count; i++) {
        if (sockets[i].port == wanted_port && !sockets[i].is_loopback &&
            sockets[i].is_ipv6 == is_ipv6) {
            return &sockets[i];
        }
    }
    return NULL;
}

bool listening_judge(const struct listening *sockets, size_t count, uint16_t wanted_port, char *out,
                     size_t size)
{
    if (find_open(sockets, count, wanted_port, false)) {
        return false;
    }
    /* The kernel does not say which sockets of IPv6 take IPv4 as well; who was refused knows. */
    if (find_open(sockets, count, wanted_port, true)) {
        snprintf(out, size,
                 "The app listens on port %u of IPv6 only; let it listen on 0.0.0.0, or on :: "
                 "without \"ipv6Only\"",
                 wanted_port);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (sockets[i].port == wanted_port) {
            snprintf(out, size,
                     "The app listens on port %u of localhost only; let it listen on 0.0.0.0",
                     wanted_port);
            return true;
        }
    }
    /* What else listens on localhost may be a debugger. */
    for (size_t i = 0; i < count; i++) {
        if (!sockets[i].is_loopback) {
            snprintf(out, size,
                     "The app listens on port %u; let it listen on the port in the PORT variable "
                     "(%u)",
                     sockets[i].port, wanted_port);
            return true;
        }
    }
    return false;
}

bool listening_is_astray(pid_t pid, uint16_t wanted_port, char *out, size_t size)
{
    struct listening sockets[MAX_SOCKETS];
    size_t count = pid > 0 ? read_listening(pid, sockets, MAX_SOCKETS) : 0;
    /* Among so many, the right one may be one that was left out. */
    return count < MAX_SOCKETS && listening_judge(sockets, count, wanted_port, out, size);
}

void listening_explain(pid_t pid, uint16_t wanted_port, char *out, size_t size)
{
    struct listening sockets[MAX_SOCKETS] = {{0}};
    size_t count = pid > 0 ? read_listening(pid, sockets, MAX_SOCKETS) : 0;
    if (count < MAX_SOCKETS && listening_judge(sockets, count, wanted_port, out, size)) {
        return;
    }
    if (count == 1) { /* on localhost and another port: else it would be judged */
        snprintf(out, size,
                 "The app listens on port %u of localhost only; let it listen on 0.0.0.0 and the "
                 "port in the PORT variable (%u)",
                 sockets[0].port, wanted_port);
        return;
    }
    snprintf(out, size, "The app must listen on 0.0.0.0 and the port in the PORT variable (%u)",
             wanted_port);
}
