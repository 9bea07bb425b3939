/*
 * See the header. Called when a deployment ends, when a site is deleted, and now and then.
 */
#include "dialup-deployd/images.h"

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/image.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"

struct images {
    struct deployd *deployd;
    bool is_sweeping;
    bool is_asked; /* again, meanwhile */
};

struct images *images_new(struct deployd *deployd)
{
    struct images *images = xcalloc(1, sizeof(*images));
    images->deployd = deployd;
    return images;
}

void images_free(struct images *images)
{
    free(images);
}

/* What the rows say ------------------------------------------------------------------------- */

static bool is_owner(const struct site *site, const char *owner)
{
    AUTO_FREE char *wanted =
        xasprintf("%s:%lld", quota_entity_name(site->owner_kind), (long long)site->owner_id);
    return str_equal(owner, wanted);
}

/* Whether a deployment is served from this release, or is about to be. */
static bool serves(struct db *db, struct arena *arena, int64_t deployment_id, int64_t release)
{
    struct deployment row;
    return deployment_id && deployments_find(db, arena, deployment_id, &row, NULL) == 0 &&
           release_id(&row) == release;
}

/* A release that visitors have, are to get, or can be brought back to. */
static bool is_kept(const struct deployd *deployd, struct arena *arena, const struct site *site,
                    const struct deployment *row)
{
    struct db *db = deployd->run->db;
    AUTO_FREE char *folder = deployd_release_path(deployd, site->id, row->id);
    bool was_live = row->state == DEPLOYMENT_LIVE || row->state == DEPLOYMENT_SUPERSEDED;
    return (was_live && fs_exists(folder)) || serves(db, arena, site->live_deployment, row->id) ||
           serves(db, arena, site->desired_deployment, row->id);
}

/* name: one of its tags, or NULL. A build that was begun again left an image under another one. */
static bool is_its_image(struct arena *arena, const struct deployment *row, const char *name)
{
    struct jobs_release release;
    return name && release_read(arena, row, &release, NULL) == 0 && release.image &&
           str_equal(release.image, name);
}

static bool is_unneeded(const struct deployd *deployd, struct arena *arena,
                        const struct image *image, const char *name)
{
    struct db *db = deployd->run->db;
    struct site site;
    struct deployment row;
    if (sites_find(db, arena, image->site_id, &site, NULL) < 0 || !is_owner(&site, image->owner) ||
        deployments_find(db, arena, image->deployment_id, &row, NULL) < 0 ||
        row.site_id != site.id) {
        return false;
    }
    if (site.state == SITE_DELETED) {
        return true;
    }
    return deployment_state_is_final(row.state) &&
           !(is_kept(deployd, arena, &site, &row) && is_its_image(arena, &row, name));
}

/* Sweeping ---------------------------------------------------------------------------------- */

static void on_removed(void *context, const struct error *err)
{
    if (err && err->code != ERR_CONFLICT) {
        log_warning("cannot remove an image that nobody needs: %s", err->message);
    } else if (err) {
        log_debug("an image stays for now: %s", err->message);
    }
}

static void remove_unneeded(const struct deployd *deployd, const struct image *image,
                            const char *name)
{
    AUTO_ARENA struct arena *arena = arena_new();
    if (is_unneeded(deployd, arena, image, name)) {
        log_info("image %s of site %lld, deployment %lld, is not needed any more: removing it",
                 name ? name : image->id, (long long)image->site_id,
                 (long long)image->deployment_id);
        image_remove(deployd->engine, name ? name : image->id, on_removed, NULL);
    }
}

static void on_listed(void *context, const struct image *list, size_t count,
                      const struct error *err)
{
    struct images *images = context;
    images->is_sweeping = false;
    if (err) {
        log_debug("cannot look for images that nobody needs: %s", err->message);
        return; /* the next sweep asks again */
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < list[i].tag_count; j++) {
            remove_unneeded(images->deployd, &list[i], list[i].tags[j]);
        }
        if (list[i].tag_count == 0) {
            remove_unneeded(images->deployd, &list[i], NULL);
        }
    }
    if (images->is_asked) {
        images_sweep(images);
    }
}

void images_sweep(struct images *images)
{
    const struct config *config = images->deployd->run->config;
    images->is_asked = images->is_sweeping;
    if (!images->is_sweeping) {
        images->is_sweeping = true;
        image_list(images->deployd->engine, config_text(config, CONFIG_common_instance), on_listed,
                   images);
    }
}
