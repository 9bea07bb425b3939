/*
 * Errors: what a fallible function returns and what it says to the person who asked.
 *
 * A fallible function returns 0 or -ERR_xxx. Where it takes a `struct error *err` it also fills
 * it in, naming the field and the remedy; err may be NULL if the caller has no use for the words.
 * The table behind the codes is errors.def.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

enum error_code {
    ERR_OK = 0,
#define ERROR(code, name, sentence, rpc, http, exit) ERR_##code,
#include "libdialup/base/errors.def"
#undef ERROR
    ERR_COUNT
};

struct error_info {
    const char *name;     /* stable, for machines */
    const char *sentence; /* for people, without a full stop */
    int rpc_code;         /* JSON-RPC 2.0 error code */
    int http_status;
    int exit_code; /* of the command line tools */
};

struct error {
    enum error_code code;
    char field[96];    /* path of the field that is wrong, "" if none: "limits.memory" */
    char message[384]; /* what and why, one sentence or two */
    char hint[320];    /* what to do next, "" if there is nothing to say */
    /* ERR_QUOTA_EXCEEDED: what was compared, a JSON list of the contracts' `check`; NULL if it is
     * not known. Borrowed: it lives as long as the request's arena, which a copy of the error must
     * not outlive without taking it along. */
    const char *checks_json;
};

/* Whether the same may succeed a moment later, with nobody doing anything about it: a lock, a part
 * that is being restarted, a disk or a table of descriptors that was full. */
bool error_is_passing(enum error_code code);

/* The row of a code; the row of ERR_INTERNAL for a code that does not exist. */
const struct error_info *error_info(enum error_code code);

/* The code with this name, or ERR_OK if there is none. */
enum error_code error_by_name(const char *name);

/* Fills err (if not NULL) with code and message; field and hint become "". Code is not ERR_OK.
 * Returns -code. */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, and names the field that is wrong. */
int error_set_field(struct error *err, enum error_code code, const char *field, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));

/* As error_set, with ": " and the text of errno_value at the end. ENOSPC and EDQUOT become
 * ERR_NO_SPACE, whatever the code. */
int error_set_errno(struct error *err, enum error_code code, int errno_value, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));

/* A compiler cannot look into error.c. Told here that none of the three returns 0, it follows what
 * a function that fails leaves unset, and warns of those who use it all the same. */
static inline int error_is_set(int result)
{
    if (result >= 0) {
        __builtin_unreachable();
    }
    return result;
}
#define error_set(...) error_is_set(error_set(__VA_ARGS__))
#define error_set_field(...) error_is_set(error_set_field(__VA_ARGS__))
#define error_set_errno(...) error_is_set(error_set_errno(__VA_ARGS__))

/* Adds what to do next to an error that is set already. */
void error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix." (or "prefix" before an index "[3]") in front of the field's path. */
void error_prefix_field(struct error *err, const char *prefix);
