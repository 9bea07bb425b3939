/*
 * The settings: one file for the whole suite, `key = value` below `[section]` lines, comments
 * after '#'. The table is settings.def.
 *
 * A file with an unknown section or key, a value out of range, or a key twice is refused with its
 * line. What the file leaves out has its default. Reading blocks on the disk; done once, at start.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/base/str.h"

enum config_key {
#define SETTING(section, key, type, value, min, max, help) CONFIG_##section##_##key,
#include "libdialup/daemon/settings.def"
#undef SETTING
    CONFIG_KEY_COUNT
};

#define CONFIG_DEFAULT_PATH "/etc/dialup/dialup.conf"

struct config;

/* All defaults. */
struct config *config_new(void);
void config_free(struct config *config);

/* Reads text into config; name is for messages. */
int config_parse(struct config *config, const char *name, const char *text, struct error *err);

/* Reads a file of at most 256 KiB. */
int config_load(const char *path, struct config **ret_config, struct error *err);

/* "section.key", for messages. */
enum { CONFIG_KEY_NAME_SIZE = 64 };
void config_key_name(enum config_key key, char ret_name[CONFIG_KEY_NAME_SIZE]);

/* Borrowed, never NULL. */
const char *config_text(const struct config *config, enum config_key key);
int64_t config_integer(const struct config *config, enum config_key key);

/* Sets one value as if it stood in the file: "section.key". For tests and command lines. */
int config_set(struct config *config, const char *path, const char *value, struct error *err);

/* A whole file with every setting, its help as comment, and its present value. */
void config_print(const struct config *config, struct strbuf *out);

/* Makes "DIR/PART" paths from the two directories, as the rest of the suite expects them; freed by
 * the caller. */
char *config_state_path(const struct config *config, const char *part);
char *config_run_path(const struct config *config, const char *part);

/* "https://HOST" with the public scheme, and the port where it is not the scheme's own; freed by
 * the caller. */
char *config_public_url(const struct config *config, const char *host);
