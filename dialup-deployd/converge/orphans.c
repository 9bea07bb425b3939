/*
 * See the header. Called by the converger's slow pass, and by the queue for builds.
 */
#include "dialup-deployd/converge/orphans.h"

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/container.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/sites.h"

static void on_removed(void *context, const struct error *err)
{
    if (err) {
        log_warning("cannot remove a container that belongs to nobody: %s", err->message);
    }
}

/* Labels are not enough: a step of a Dockerfile's build has whatever labels the Dockerfile gives
 * it, and the network of builds. */
static bool is_of(const struct deployd *deployd, const struct container *container,
                  const char *kind, enum deployd_network network)
{
    AUTO_FREE char *name = deployd_network_name(deployd, network);
    return str_equal(container->kind, kind) && str_equal(container->network, name);
}

/* Containers that serve a site which is gone; sites are never deleted from the table, so one that
 * is not in it was never ours to keep. */
static void on_all_listed(void *context, const struct container *list, size_t count,
                          const struct error *err)
{
    struct deployd *deployd = context;
    AUTO_ARENA struct arena *arena = arena_new();
    for (size_t i = 0; !err && i < count; i++) {
        struct site site;
        struct error missing;
        int found = sites_find(deployd->run->db, arena, list[i].site_id, &site, &missing);
        bool is_orphan = found == -ERR_NOT_FOUND || (found == 0 && site.state == SITE_DELETED);
        if (is_orphan && is_of(deployd, &list[i], "production", DEPLOYD_PRODUCTION)) {
            log_warning("container %.12s belongs to site %lld, which is gone: removing it",
                        list[i].id, (long long)list[i].site_id);
            container_remove(deployd->engine, list[i].id, 1, on_removed, NULL);
        }
    }
}

void orphans_remove(struct deployd *deployd)
{
    container_list(deployd->engine, config_text(deployd->run->config, CONFIG_common_instance), 0,
                   on_all_listed, NULL, deployd);
}

struct build_search {
    struct deployd *deployd;
    int64_t deployment_id;
};

static void on_builds_listed(void *context, const struct container *list, size_t count,
                             const struct error *err)
{
    struct build_search *search = context;
    for (size_t i = 0; !err && i < count; i++) {
        if (list[i].deployment_id == search->deployment_id &&
            is_of(search->deployd, &list[i], "build", DEPLOYD_DEVELOPMENT)) {
            container_remove(search->deployd->engine, list[i].id, 0, on_removed, NULL);
        }
    }
    free(search);
}

void orphans_remove_builds(struct deployd *deployd, int64_t site_id, int64_t deployment_id)
{
    struct build_search *search = xcalloc(1, sizeof(*search));
    *search = (struct build_search){deployd, deployment_id};
    container_list(deployd->engine, config_text(deployd->run->config, CONFIG_common_instance),
                   site_id, on_builds_listed, free, search);
}
