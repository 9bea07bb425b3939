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

/* 127.0.0.0/8 and ::1, as the kernel prints them on a little-endian machine. */
static bool is_loopback(const char *address)
{
    size_t len = strlen(address);
    if (len == 8) {
        return strcmp(address + 6, "7F") == 0;
    }
    return strcmp(address, "00000000000000000000000001000000") == 0 ||
           (len == 32 && strncmp(address, "0000000000000000FFFF0000", 24) == 0 &&
            strcmp(address + len - 2, "7F") == 0);
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
    *ret_socket = (struct listening){(uint16_t)strtoul(port, NULL, 16), is_loopback(address)};
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

static bool is_reachable(const struct listening *sockets, size_t count, uint16_t wanted_port)
{
    for (size_t i = 0; i < count; i++) {
        if (sockets[i].port == wanted_port && !sockets[i].is_loopback) {
            return true;
        }
    }
    return false;
}

bool listening_judge(const struct listening *sockets, size_t count, uint16_t wanted_port, char *out,
                     size_t size)
{
    if (is_reachable(sockets, count, wanted_port)) {
        return false;
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
    if (count == 1) {
        snprintf(out, size,
                 "The app listens on port %u of localhost only; let it listen on 0.0.0.0 and the "
                 "port in the PORT variable (%u)",
                 sockets[0].port, wanted_port);
        return;
    }
    snprintf(out, size, "The app must listen on 0.0.0.0 and the port in the PORT variable (%u)",
             wanted_port);
}
