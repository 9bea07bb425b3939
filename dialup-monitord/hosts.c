/*
 * Hosts of static sites; see the header. Called for each line of the access log.
 */
#include "dialup-monitord/hosts.h"

#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/site/site_type.h"
#include "libdialup/store/sites.h"

/* Two hosts that meet in a slot take turns; a name that nobody has costs a look-up, not memory. */
enum { SLOTS = 4096 };

struct slot {
    char *host; /* owned; NULL: empty */
    int64_t site_id;
};

struct hosts {
    struct db *db;
    struct slot slots[SLOTS];
};

struct hosts *hosts_new(struct db *db)
{
    struct hosts *hosts = xcalloc(1, sizeof(*hosts));
    hosts->db = db;
    return hosts;
}

void hosts_free(struct hosts *hosts)
{
    if (hosts) {
        hosts_forget(hosts);
        free(hosts);
    }
}

void hosts_forget(struct hosts *hosts)
{
    for (size_t i = 0; i < SLOTS; i++) {
        free(hosts->slots[i].host);
        hosts->slots[i] = (struct slot){0};
    }
}

/* FNV-1a, 32 bits. */
static size_t slot_of(const char *host)
{
    uint32_t hash = 2166136261u;
    for (; *host; host++) {
        hash = (hash ^ (unsigned char)*host) * 16777619u;
    }
    return hash % SLOTS;
}

/* A stopped site's page comes from the gate, which counts it. */
static bool is_served_from_files(const struct site *site)
{
    const struct site_type *type = site_type_find(site->type);
    return site->route_address[0] == '\0' && site->state != SITE_STOPPED &&
           (!type || type->served != SITE_SERVED_CONTAINER);
}

static int64_t look_up(struct db *db, const char *host)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct site site;
    bool is_found = sites_find_by_domain(db, arena, host, &site, NULL) == 0;
    return is_found && is_served_from_files(&site) ? site.id : 0;
}

int64_t hosts_find_static(struct hosts *hosts, const char *host)
{
    struct slot *slot = &hosts->slots[slot_of(host)];
    if (!slot->host || !str_equal(slot->host, host)) {
        free(slot->host);
        slot->host = xstrdup(host);
        slot->site_id = look_up(hosts->db, host);
    }
    return slot->site_id;
}
