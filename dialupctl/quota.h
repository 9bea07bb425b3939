/*
 * What quota.c and quota_profile.c share.
 */
#pragma once

#include "dialupctl/command.h"
#include "libdialup/json/json.h"
#include "libdialup/json/writer.h"
#include "libdialup/quota/typed.h"

/* Takes a flag out of the words; false if it is not there. */
bool quota_take_flag(struct ctl *ctl, const char *flag);

/* Every word from argv[at] on as a limit, as the member "limits". */
int quota_put_limits(const struct ctl *ctl, int at, struct json_writer *writer, struct error *err);

/* Limits as a table; of a profile, without use. */
void quota_print_rows(struct ctl *ctl, const struct json_value *rows, bool is_profile);

/* `quota profile ...` */
int quota_profile(struct ctl *ctl, struct error *err);
