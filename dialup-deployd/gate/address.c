/*
 * Addresses of containers; see the header. Used by the gate's process for what deployd and the
 * database tell it.
 */
#include "dialup-deployd/gate/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

static bool parse(const char *text, struct sockaddr_in *ret_address)
{
    char host[GATE_ADDRESS_SIZE];
    struct sockaddr_in address = {.sin_family = AF_INET};
    int64_t port;
    const char *colon = strchr(text, ':');
    if (!colon || !str_copy(host, sizeof(host), text)) {
        return false;
    }
    host[colon - text] = '\0';
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        !str_parse_i64(colon + 1, 1, 65535, &port)) {
        return false;
    }
    address.sin_port = htons((uint16_t)port);
    *ret_address = address;
    return true;
}

int gate_address_parse(const char *text, struct sockaddr_in *ret_address, struct error *err)
{
    struct sockaddr_in address;
    char again[GATE_ADDRESS_SIZE];
    if (!parse(text, &address)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "address",
                               "\"%s\" is no IPv4 address with a port, such as 172.18.0.5:3000",
                               text);
    }
    gate_address_format(&address, again);
    if (!str_equal(again, text)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "address", "Write \"%s\" as %s", text,
                               again);
    }
    *ret_address = address;
    return 0;
}

int gate_address_parse_list(const char *text, struct sockaddr_in *ret_addresses, size_t max,
                            size_t *ret_count, struct error *err)
{
    AUTO_FREE char *copy = xstrdup(text);
    char *rest = *copy ? copy : NULL;
    size_t count = 0;
    while (rest) {
        const char *part = strsep(&rest, ",");
        if (count == max) {
            return error_set_field(err, ERR_INVALID_ARGUMENT, "address",
                                   "There may be %zu addresses at most", max);
        }
        int result = gate_address_parse(part, &ret_addresses[count], err);
        if (result < 0) {
            return result;
        }
        count++;
    }
    *ret_count = count;
    return 0;
}

void gate_address_format(const struct sockaddr_in *address, char ret_text[GATE_ADDRESS_SIZE])
{
    char host[INET_ADDRSTRLEN] = "";
    ret_text[0] = '\0';
    if (address->sin_port != 0) {
        inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
        snprintf(ret_text, GATE_ADDRESS_SIZE, "%s:%u", host, ntohs(address->sin_port));
    }
}
