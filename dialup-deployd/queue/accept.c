/*
 * See the header. Called by a build that ended, and by the queue for rollbacks.
 */
#include "dialup-deployd/queue/accept.h"

#include "dialup-deployd/admission.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/clock.h"
#include "libdialup/db/transaction.h"
#include "libdialup/json/writer.h"
#include "libdialup/site/site_type.h"
#include "libdialup/store/sites.h"

enum { FALLBACK_MEMORY_MIB = 256, FALLBACK_MILLICORES = 250 };

/* The site's kind and needs, as the build found them, for a site that did not know yet. */
static void adopt_type(struct site *site, const struct jobs_release *release)
{
    const struct site_type *type = site_type_find(release->type);
    bool was_known = str_equal(site->type, release->type);
    site->type = release->type;
    if (str_equal(release->serve, "files")) {
        site->memory_mib = 0;
        site->cpu_millicores = 0;
    } else if (!was_known || site->memory_mib == 0) {
        /* A container always has limits. */
        site->memory_mib = type ? type->memory_mib : FALLBACK_MEMORY_MIB;
        site->cpu_millicores = type ? type->cpu_millicores : FALLBACK_MILLICORES;
    }
}

static const char *encode_release(struct arena *arena, const struct jobs_release *release)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_encode(&writer, &jobs_release_shape, release);
    return arena_strdup(arena, strbuf_text(&text));
}

/* In one transaction: is there room for what was built, and from now on it is what should be. */
int accept_release(struct deployd *deployd, struct arena *arena, int64_t site_id,
                   int64_t deployment_id, const struct jobs_release *release, struct error *err)
{
    struct db *db = deployd->run->db;
    struct site site;
    int64_t now = clock_unix();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result == 0) {
        result = sites_find(db, arena, site_id, &site, err);
    }
    if (result == 0 && site.desired == SITE_WANT_DELETED) {
        result = error_set(err, ERR_CONFLICT, "The site was deleted meanwhile");
    }
    if (result < 0) {
        return result;
    }
    struct admission admission = admission_for(deployd, site.owner_kind, site.owner_id);
    adopt_type(&site, release);
    if ((result = admission_reserve_run(&admission, arena, &site, "Cannot deploy", now, err)) < 0 ||
        (result = admission_account_storage(&admission, arena, &site, release->site_bytes,
                                            "Cannot deploy", now, err)) < 0 ||
        (result = sites_update(db, &site, now, err)) < 0 ||
        (result = sites_set_storage(db, site_id, release->site_bytes, release->site_inodes, now,
                                    err)) < 0 ||
        (result = deployments_set_release(db, deployment_id, encode_release(arena, release),
                                          release->files, release->size_bytes,
                                          release->received_bytes, err)) < 0 ||
        (result = deployments_set_state(db, deployment_id, DEPLOYMENT_STARTING, "Starting", now,
                                        err)) < 0 ||
        (result = sites_set_desired_deployment(db, site_id, deployment_id, now, err)) < 0 ||
        (result = sites_set_desired(db, site_id, SITE_WANT_RUNNING, now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}

/* There is nothing to build: the release is there. */
int accept_rollback(struct deployd *deployd, struct arena *arena,
                    const struct deployment *deployment, struct error *err)
{
    struct db *db = deployd->run->db;
    struct deployment origin;
    struct jobs_release release;
    struct site site;
    int64_t now = clock_unix();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 ||
        (result = deployments_find(db, arena, deployment->base_id, &origin, err)) < 0 ||
        (result = release_read(arena, &origin, &release, err)) < 0 ||
        (result = sites_find(db, arena, deployment->site_id, &site, err)) < 0) {
        return result;
    }
    if (site.desired == SITE_WANT_DELETED) {
        return error_set(err, ERR_CONFLICT, "The site was deleted meanwhile");
    }
    struct admission admission = admission_for(deployd, site.owner_kind, site.owner_id);
    adopt_type(&site, &release);
    if ((result = admission_reserve_run(&admission, arena, &site, "Cannot roll back", now, err)) <
            0 ||
        (result = sites_update(db, &site, now, err)) < 0 ||
        (result = deployments_set_release(db, deployment->id, origin.runtime, origin.files,
                                          origin.size_bytes, 0, err)) < 0 ||
        (result = deployments_set_state(db, deployment->id, DEPLOYMENT_STARTING, "Starting", now,
                                        err)) < 0 ||
        (result = sites_set_desired_deployment(db, site.id, deployment->id, now, err)) < 0 ||
        (result = sites_set_desired(db, site.id, SITE_WANT_RUNNING, now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}
