/*
 * Addresses of containers as text: "172.18.0.5:3000", nothing else. Pure.
 */
#pragma once

#include <netinet/in.h>
#include <stddef.h>

#include "libdialup/base/error.h"

enum { GATE_ADDRESS_SIZE = 24 };

/* Four numbers and a port from 1 on, in their shortest form. ERR_INVALID_ARGUMENT, field
 * "address". */
int gate_address_parse(const char *text, struct sockaddr_in *ret_address, struct error *err);

/* Up to max of them, comma-separated as the database has them; "" is none. */
int gate_address_parse_list(const char *text, struct sockaddr_in *ret_addresses, size_t max,
                            size_t *ret_count, struct error *err);

/* "" for port 0. */
void gate_address_format(const struct sockaddr_in *address, char ret_text[GATE_ADDRESS_SIZE]);
