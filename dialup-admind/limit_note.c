/*
 * Limits beside the machine's size, as the settings or the kernel tell it. Called by api_quotas.c.
 */
#include "dialup-admind/limit_note.h"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>

#include "libdialup/base/str.h"

enum { BYTES_PER_MIB = 1024 * 1024, MILLICORES_PER_CORE = 1000, AMOUNT_SIZE = 64 };

struct quota_machine limit_note_machine(const struct admind *admind)
{
    const struct config *config = admind->run->config;
    struct quota_machine machine = {
        .memory_mib = config_integer(config, CONFIG_deployd_memory_mib),
        .cpu_millicores = config_integer(config, CONFIG_deployd_cpu_millicores),
    };
    struct sysinfo info;
    struct statvfs disk;
    if (machine.memory_mib == 0 && sysinfo(&info) == 0) {
        machine.memory_mib = (int64_t)(info.totalram / BYTES_PER_MIB * info.mem_unit);
    }
    if (machine.cpu_millicores == 0) {
        machine.cpu_millicores = (int64_t)get_nprocs() * MILLICORES_PER_CORE;
    }
    if (statvfs(config_text(config, CONFIG_common_state_dir), &disk) == 0) {
        machine.storage_mib = (int64_t)(disk.f_blocks * disk.f_frsize / BYTES_PER_MIB);
    }
    return machine;
}

const char *limit_note(const struct admind *admind, struct arena *arena,
                       const struct quota_limit *limits, const bool *changed)
{
    AUTO_STRBUF struct strbuf note = STRBUF_INIT;
    const struct quota_machine machine = limit_note_machine(admind);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        int64_t has = changed[i] ? quota_machine_has(&machine, (enum quota_dimension)i) : 0;
        if (has > 0 && limits[i].hard > has) {
            char limit[AMOUNT_SIZE];
            char whole[AMOUNT_SIZE];
            quota_format(info->unit, limits[i].hard, limit, sizeof(limit));
            quota_format(info->unit, has, whole, sizeof(whole));
            strbuf_printf(&note, "%s%s is now %s, and this machine has %s", note.size ? "; " : "",
                          info->name, limit, whole);
        }
    }
    if (note.size == 0) {
        return NULL;
    }
    strbuf_puts(&note, ". Sites get no more than the machine has.");
    return arena_strdup(arena, strbuf_text(&note));
}
