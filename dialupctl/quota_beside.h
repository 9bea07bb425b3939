/*
 * What others know beside the limits that admind keeps: monitord what passes the gate, deployd what
 * the containers have. Without them it is left out, and that is no failure.
 */
#pragma once

#include "dialupctl/command.h"
#include "libdialup/json/json.h"

/* The answer of quota_show or quota_set, with the use of bandwidth and connections. */
const struct json_value *quota_with_gate(struct ctl *ctl, const struct json_value *quotas);

/* Has what runs follow, waits for it, and returns what it has then: deployd's answer to
 * limits_apply. NULL if deployd does not answer; running sites follow later. */
const struct json_value *quota_put_in_force(struct ctl *ctl, const struct json_value *quotas);

/* The object with one member more; NULL stands for null. */
const struct json_value *quota_with_member(struct ctl *ctl, const struct json_value *object,
                                           const char *name, const struct json_value *value);
