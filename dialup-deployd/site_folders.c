/*
 * See the header. Called by the queue before a build.
 */
#include "dialup-deployd/site_folders.h"

#include "dialup-deployd/deployd.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/daemon/group.h"

static const struct part {
    const char *name;
    mode_t mode;
    enum config_key group;
} parts[] = {
    {"", 0711, CONFIG_common_group},             /* others may go to what is theirs, and not look */
    {"releases", 0750, CONFIG_common_web_group}, /* Caddy serves files from there */
    {"manifests", 0750, CONFIG_common_group},
    {"logs", 0750, CONFIG_common_group}, /* admind shows them to the site's owner */
};

int site_folders_make(const struct deployd *deployd, int64_t site_id, struct error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < ARRAY_COUNT(parts); i++) {
        AUTO_FREE char *path = deployd_site_path(deployd, site_id, parts[i].name);
        gid_t gid;
        result = group_find(deployd->run->config, parts[i].group, &gid, err);
        if (result == 0) {
            result = fs_make_dir_for(path, parts[i].mode, gid, err);
        }
    }
    return result;
}
