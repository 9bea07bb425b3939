/*
 * Limits of accounts, teams and the server, whoever asks: the API, or root through rpc_quotas.c.
 * Writes the database in one transaction with what people are told of it; making running containers
 * follow is deployd's.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "dialup-admind/people.h"
#include "libdialup/quota/quota.h"
#include "proto/http_api.h"

/* Whose limits. The system's id is 0. */
struct quotas_subject {
    enum quota_entity entity;
    int64_t id;
    const char *profile; /* of an account */
};

/* What binds; and what was given, in raw. Texts are in the arena. */
int quotas_read(const struct admind *admind, struct arena *arena,
                const struct quotas_subject *subject, struct quota_level *ret_level,
                struct quota_limit raw[QUOTA_DIMENSION_COUNT], struct error *err);

/* Whoever changes limits: who is recorded, and who need not be told. */
struct quotas_actor {
    struct people_actor people;
    int64_t user_id; /* 0: root */
};

/* What there is to say of limits that were changed; in the arena. */
struct quotas_saved {
    const char *note; /* NULL: nothing */
    const char *const *warnings;
    size_t warnings_count;
};

/* Limits and notices together, then the record. Nothing runs with them yet: quotas_apply_to. */
int quotas_save(const struct admind *admind, struct arena *arena,
                const struct quotas_subject *subject, const struct admind_limit_change *changes,
                size_t count, const struct quotas_actor *actor, struct quotas_saved *ret_saved,
                struct error *err);

/* For deployd. */
struct deployd_limits_apply_params quotas_apply_params(enum quota_entity entity, int64_t id);

/* Has running containers follow limits that are saved; a failure is logged, since they follow once
 * deployd is back. */
void quotas_apply_to(struct admind *admind, enum quota_entity entity, int64_t id);
