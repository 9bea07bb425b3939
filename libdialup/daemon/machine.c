/*
 * The machine's size; see the header. Called by those who show or judge limits.
 */
#include "libdialup/daemon/machine.h"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>

enum { BYTES_PER_MIB = 1024 * 1024, MILLICORES_PER_CORE = 1000 };

struct quota_machine machine_of_settings(const struct config *config)
{
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
