/*
 * Why does nobody answer? What a container listens on, read from /proc/PID/net/tcp of its own
 * network, so that a friend is told "your app listens on 127.0.0.1:8080" instead of "timeout".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct listening {
    uint16_t port;
    bool is_loopback; /* answers only inside the container */
    bool is_ipv6;     /* may take IPv4, too */
};

/* Parses the text of /proc/net/tcp or tcp6: sockets in state LISTEN. Pure. Returns how many of at
 * most max were found. */
size_t listening_parse(const char *text, struct listening *out, size_t max);

/* Whether the container, which just refused a connection to the wanted port, listens elsewhere: on
 * that port of localhost or of IPv6 only, or on another port. Then out is a sentence that says so.
 * It may have begun to listen since the refusal: believe what is seen twice. Reads /proc of pid. */
bool listening_is_astray(pid_t pid, uint16_t wanted_port, char *out, size_t size);

/* Pure: the same of what listening_parse found. */
bool listening_judge(const struct listening *sockets, size_t count, uint16_t wanted_port, char *out,
                     size_t size);

/* One sentence for the owner of a site whose container does not answer on wanted_port. Reads
 * /proc of pid (0: it has ended). */
void listening_explain(pid_t pid, uint16_t wanted_port, char *out, size_t size);
