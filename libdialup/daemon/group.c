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
        char field[CONFIG_KEY_NAME_SIZE];
        config_key_name(key, field);
        error_set_field(err, ERR_INVALID_ARGUMENT, field,
                        "%s names a group \"%s\", which this machine does not have", field, name);
        error_hint(err, "Correct it in the settings, or make the group: groupadd --system %s",
                   name);
        return -ERR_INVALID_ARGUMENT;
    }
    *ret_gid = group->gr_gid;
    return 0;
}
