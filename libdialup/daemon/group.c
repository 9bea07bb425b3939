/*
 * See the header. Called by the skeleton, by deployd for the folders of a site, by dialupctl.
 */
#include "libdialup/daemon/group.h"

#include <grp.h>
#include <unistd.h>

int group_find(const struct config *config, enum config_key key, gid_t *ret_gid, struct error *err)
{
    const char *name = config_text(config, key);
    if (!*name) {
        *ret_gid = getegid();
        return 0;
    }
    const struct group *group = getgrnam(name);
    if (!group) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "The settings name a group \"%s\", which this machine does not have",
                         name);
    }
    *ret_gid = group->gr_gid;
    return 0;
}
