/*
 * See the header. Called by rpc_sites.c, inside a transaction, and by the scaler.
 */
#include "dialup-deployd/adjust.h"

#include "dialup-deployd/handover.h"
#include "libdialup/db/transaction.h"
#include "libdialup/site/site_type.h"
#include "libdialup/store/deployments.h"

/* The site as it will be, and the release that is about to take over, if there is one. */
struct adjusted {
    struct site site;
    int64_t coming_id; /* 0: none */
    struct deployment_needs coming;
    bool changes_needs;
};

static int no_container(const struct site *site, const struct adjustment *adjustment,
                        struct error *err)
{
    const char *field = adjustment->memory_mib ? "memory_mib" : "cpu_millicores";
    const struct site_type *type = site_type_find(site->type);
    bool is_known = site->desired_deployment || (type && type->served == SITE_SERVED_FILES);
    if (!is_known) {
        error_set_field(err, ERR_CONFLICT, field,
                        "Nothing was deployed to %s yet, so nobody knows what it needs",
                        site->domain);
        error_hint(err, "Deploy it first");
    } else {
        error_set_field(err, ERR_CONFLICT, field,
                        "%s is served from files: it needs no memory and no CPU of its own",
                        site->domain);
        error_hint(err, "Leave both out; files cost neither");
    }
    return -ERR_CONFLICT;
}

static void adjust_needs(int64_t *memory_mib, int64_t *cpu_millicores,
                         const struct adjustment *adjustment)
{
    if (*memory_mib > 0) {
        *memory_mib = adjustment->memory_mib ? adjustment->memory_mib : *memory_mib;
        *cpu_millicores = adjustment->cpu_millicores ? adjustment->cpu_millicores : *cpu_millicores;
    }
}

static int read_coming(const struct admission *admission, struct arena *arena,
                       const struct site *site, struct adjusted *adjusted, struct error *err)
{
    struct deployment wanted;
    if (!site->desired_deployment || site->desired_deployment == site->live_deployment) {
        return 0;
    }
    int result = deployments_find(admission->db, arena, site->desired_deployment, &wanted, err);
    if (result == 0) {
        adjusted->coming_id = wanted.id;
        adjusted->coming = wanted.needs;
    }
    return result;
}

static int apply(const struct site *site, const struct adjustment *adjustment,
                 struct adjusted *adjusted, struct error *err)
{
    struct site *next = &adjusted->site;
    adjusted->changes_needs = adjustment->memory_mib || adjustment->cpu_millicores;
    if (adjusted->changes_needs && site->memory_mib == 0 && adjusted->coming.memory_mib == 0) {
        return no_container(site, adjustment, err);
    }
    adjust_needs(&next->memory_mib, &next->cpu_millicores, adjustment);
    adjust_needs(&adjusted->coming.memory_mib, &adjusted->coming.cpu_millicores, adjustment);
    next->idle_minutes =
        adjustment->has_idle_minutes ? adjustment->idle_minutes : next->idle_minutes;
    if (adjustment->strategy) {
        int64_t most = adjustment->strategy->max_instances;
        next->strategy = adjustment->strategy->name;
        next->instances = next->instances > most ? most : next->instances;
        next->sleep = adjustment->strategy->may_sleep ? next->sleep : SITE_AWAKE;
    }
    return 0;
}

static int write_rows(struct db *db, const struct site *site, const struct adjusted *adjusted,
                      int64_t now, struct error *err)
{
    const struct site *next = &adjusted->site;
    int result = sites_update(db, next, now, err);
    if (result == 0) {
        result = sites_set_instances(db, site->id, next->instances, now, err);
    }
    if (result == 0) {
        result = sites_set_sleep(db, site->id, next->sleep, now, err);
    }
    if (result == 0 && adjusted->coming_id && adjusted->changes_needs) {
        result = deployments_set_needs(db, adjusted->coming_id, &adjusted->coming, err);
    }
    return result;
}

/* Whether what the ledger holds for it has to be what it is about to need. One that is to fall
 * asleep holds its memory as long as it may still be kept awake, by a visitor who comes just now.
 */
static int is_up(struct db *db, const struct adjusted *adjusted, bool *ret_is_up, struct error *err)
{
    const struct site *next = &adjusted->site;
    *ret_is_up = next->desired == SITE_WANT_RUNNING && next->desired_deployment;
    bool is_leaving = !adjusted->coming_id && next->sleep == SITE_ASLEEP;
    return *ret_is_up && is_leaving ? admission_holds_run(db, next->id, ret_is_up, err) : 0;
}

/* What is stopped, or asleep and stays so, holds nothing. */
static int write_ledger(const struct admission *admission, struct arena *arena,
                        const struct adjusted *adjusted, int64_t now, struct error *err)
{
    const struct site *next = &adjusted->site;
    bool holds;
    int result = is_up(admission->db, adjusted, &holds, err);
    if (result < 0) {
        return result;
    }
    if (holds) {
        return handover_keep(admission, arena, next, "Cannot change this site", now, err);
    }
    return adjusted->changes_needs
               ? admission_check_alone(admission, arena, next, "Cannot change this site", err)
               : 0;
}

int adjust_site(const struct admission *admission, struct arena *arena, const struct site *site,
                const struct adjustment *adjustment, int64_t now, bool *ret_wakes,
                struct error *err)
{
    struct adjusted adjusted = {.site = *site};
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, admission->db, err);
    if (result < 0 || (result = read_coming(admission, arena, site, &adjusted, err)) < 0 ||
        (result = apply(site, adjustment, &adjusted, err)) < 0 ||
        (result = write_rows(admission->db, site, &adjusted, now, err)) < 0 ||
        (result = write_ledger(admission, arena, &adjusted, now, err)) < 0) {
        return result;
    }
    *ret_wakes = adjusted.site.sleep != site->sleep && site->desired == SITE_WANT_RUNNING;
    return db_transaction_commit(&transaction, err);
}

int adjust_instances(const struct admission *admission, struct arena *arena,
                     const struct site *site, int64_t instances, int64_t now, struct error *err)
{
    struct site wanted = *site;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    wanted.instances = instances;
    int result = db_transaction_begin(&transaction, admission->db, err);
    if (result < 0 ||
        (result = admission_keep_run(admission, arena, &wanted, "Cannot add an instance", now,
                                     err)) < 0 ||
        (result = sites_set_instances(admission->db, site->id, instances, now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}
