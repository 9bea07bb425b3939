/*
 * See the header. Called by the converger's slow pass, and by the queue when a build has failed.
 */
#include "dialup-deployd/converge/orphans.h"

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/container.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/deployments.h"
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

/* Sites are never deleted from the table, so one that is not in it was never ours to keep. */
static bool has_lost_site(const struct deployd *deployd, struct arena *arena,
                          const struct container *container)
{
    struct site site;
    struct error missing;
    int found = sites_find(deployd->run->db, arena, container->site_id, &site, &missing);
    return found == -ERR_NOT_FOUND || (found == 0 && site.state == SITE_DELETED);
}

/* A build's job removes its containers itself, unless it is killed: alone, or with the machine. The
 * row is read after the list, so a container that was listed is older than what it says. */
static bool has_lost_build(const struct deployd *deployd, struct arena *arena,
                           const struct container *container)
{
    struct deployment deployment;
    struct error missing;
    int found =
        deployments_find(deployd->run->db, arena, container->deployment_id, &deployment, &missing);
    return found == -ERR_NOT_FOUND || (found == 0 && deployment.state != DEPLOYMENT_BUILDING);
}

static const struct {
    const char *kind;
    enum deployd_network network;
    bool (*is_lost)(const struct deployd *deployd, struct arena *arena,
                    const struct container *container);
    const char *why;
} kinds[] = {
    {"production", DEPLOYD_PRODUCTION, has_lost_site, "its site is gone"},
    {"build", DEPLOYD_DEVELOPMENT, has_lost_build, "its build has ended"},
};

static void on_listed(void *context, const struct container *list, size_t count,
                      const struct error *err)
{
    struct deployd *deployd = context;
    AUTO_ARENA struct arena *arena = arena_new();
    for (size_t i = 0; !err && i < count; i++) {
        for (size_t j = 0; j < ARRAY_COUNT(kinds); j++) {
            if (is_of(deployd, &list[i], kinds[j].kind, kinds[j].network) &&
                kinds[j].is_lost(deployd, arena, &list[i])) {
                log_warning("container %.12s of site %lld is removed: %s", list[i].id,
                            (long long)list[i].site_id, kinds[j].why);
                container_remove(deployd->engine, list[i].id, 1, on_removed, NULL);
            }
        }
    }
}

void orphans_remove(struct deployd *deployd)
{
    container_list(deployd->engine, config_text(deployd->run->config, CONFIG_common_instance), 0,
                   on_listed, NULL, deployd);
}
