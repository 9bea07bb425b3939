/*
 * See the header. Called by the queue, the converger and rpc.c.
 */
#include "dialup-deployd/release.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dialup-deployd/deployd.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

int64_t release_id(const struct deployment *deployment)
{
    return deployment->kind == DEPLOYMENT_ROLLBACK ? deployment->base_id : deployment->id;
}

int release_read(struct arena *arena, const struct deployment *deployment,
                 struct jobs_release *ret_release, struct error *err)
{
    if (!deployment->runtime || !*deployment->runtime) {
        return error_set(err, ERR_CONFLICT, "Deployment %lld has no release",
                         (long long)deployment->number);
    }
    const struct json_value *value;
    int result = json_parse(arena, deployment->runtime, strlen(deployment->runtime), &value, err);
    return result < 0 ? result : json_decode(arena, value, &jobs_release_shape, ret_release, err);
}

void release_log(const struct deployd *deployd, int64_t site_id, int64_t deployment_id,
                 const char *format, ...)
{
    AUTO_FREE char *path = deployd_log_path(deployd, site_id, deployment_id);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        return; /* the deployment's row says the same */
    }
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        return;
    }
    fs_write_all(fd, text, (size_t)len, NULL);
    fs_write_all(fd, "\n", 1, NULL);
    free(text);
    struct stat info;
    if (fstat(fd, &info) == 0) {
        deployd_tell_log(deployd, deployment_id, info.st_size);
    }
}
