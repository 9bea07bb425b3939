/*
 * The machine's size, from the kernel; see the header. Called by admission, at start.
 */
#include "dialup-deployd/machine.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

int machine_measure(const char *state_dir, struct machine *ret_machine, struct error *err)
{
    struct sysinfo info;
    struct statvfs disk;
    if (sysinfo(&info) < 0 || statvfs(state_dir, &disk) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot measure this machine");
    }
    *ret_machine = (struct machine){
        .memory_mib = (int64_t)(info.totalram / 1024 * info.mem_unit / 1024),
        .cpu_millicores = (int64_t)get_nprocs() * 1000,
        .storage_mib = (int64_t)(disk.f_blocks / 1024 * disk.f_frsize / 1024),
    };
    return 0;
}
