/*
 * See the header. Called by a build that ended, and by the queue for rollbacks.
 */
#include "dialup-deployd/queue/accept.h"

#include "dialup-deployd/admission.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/handover.h"
#include "dialup-deployd/pressure/hold.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/clock.h"
#include "libdialup/db/transaction.h"
#include "libdialup/json/writer.h"
#include "libdialup/store/sites.h"
#include "libdialup/store/storage.h"

static struct deployment_needs declare(const struct site *site, const struct jobs_release *release)
{
    return handover_declare(site, release->type, str_equal(release->serve, "files"));
}

/* A release of before may be of a type that the server does not take any more; builds know. */
static int check_allowed(const struct deployd *deployd, const struct jobs_release *release,
                         struct error *err)
{
    if (!str_equal(release->type, "dockerfile") ||
        str_equal(config_text(deployd->run->config, CONFIG_deployd_dockerfile_sites), "yes")) {
        return 0;
    }
    int result = error_set(err, ERR_FORBIDDEN,
                           "That release was built by a Dockerfile, and this server "
                           "takes none any more");
    error_hint(err,
               "Ask admin to switch deployd.dockerfile_sites on, or deploy it as another type");
    return result;
}

/* Neither the site nor the deployment may have been given up while it was built. */
static int check_wanted(struct db *db, struct arena *arena, const struct site *site,
                        int64_t deployment_id, struct error *err)
{
    struct deployment deployment;
    int result = deployments_find(db, arena, deployment_id, &deployment, err);
    if (result == 0 && site->desired == SITE_WANT_DELETED) {
        result = error_set(err, ERR_CONFLICT, "The site was deleted meanwhile");
    } else if (result == 0 && deployment_state_is_final(deployment.state)) {
        result = error_set(err, ERR_CONFLICT, "The deployment was cancelled meanwhile");
    }
    return result;
}

static const char *encode_release(struct arena *arena, const struct jobs_release *release)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_encode(&writer, &jobs_release_shape, release);
    return arena_strdup(arena, strbuf_text(&text));
}

/* Images and what containers wrote stay as they were measured last. */
static int account_storage(const struct admission *admission, struct arena *arena,
                           const struct site *site, const struct jobs_release *release, int64_t now,
                           struct error *err)
{
    struct storage_parts parts;
    int result = storage_find(admission->db, site->id, &parts, err);
    parts.releases_bytes = release->site_bytes;
    if (result < 0 || (result = admission_account_storage(
                           admission, arena, site, storage_charged(&parts, release->site_inodes),
                           "Cannot deploy", now, err)) < 0) {
        return result;
    }
    return storage_put(admission->db, site->id, &parts, release->site_inodes, now, err);
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
    if (result == 0) {
        result = check_wanted(db, arena, &site, deployment_id, err);
    }
    if (result != 0) {
        return result;
    }
    struct admission admission = admission_for(deployd, site.owner_kind, site.owner_id);
    const struct deployment_needs needs = declare(&site, release);
    if ((result = hold_check(&admission, arena, &site, &needs, "Cannot deploy", err)) < 0 ||
        (result = handover_begin(&admission, arena, &site, deployment_id, &needs, "Cannot deploy",
                                 now, err)) < 0 ||
        (result = account_storage(&admission, arena, &site, release, now, err)) < 0 ||
        (result = deployments_set_release(db, deployment_id, encode_release(arena, release),
                                          release->files, release->size_bytes,
                                          release->received_bytes, err)) < 0) {
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
        (result = sites_find(db, arena, deployment->site_id, &site, err)) < 0 ||
        (result = check_wanted(db, arena, &site, deployment->id, err)) < 0 ||
        (result = check_allowed(deployd, &release, err)) < 0) {
        return result;
    }
    struct admission admission = admission_for(deployd, site.owner_kind, site.owner_id);
    const struct deployment_needs needs = declare(&site, &release);
    if ((result = hold_check(&admission, arena, &site, &needs, "Cannot roll back", err)) < 0 ||
        (result = deployments_set_release(db, deployment->id, origin.runtime, origin.files,
                                          origin.size_bytes, 0, err)) < 0 ||
        (result = handover_begin(&admission, arena, &site, deployment->id, &needs,
                                 "Cannot roll back", now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}
