/*
 * See the header: a VFS of SQLite around its own. What it does not have to change it hands on.
 */
#include "tests/model/dying_disk.h"

#include <sqlite3.h>
#include <stddef.h>

#include "libdialup/base/log.h"

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this one, in the same memory */
};

static sqlite3_vfs *real_vfs;
static int writes_left = -1;
static bool is_dead;

void dying_disk_set_writes(int writes)
{
    writes_left = writes;
    is_dead = false;
}

bool dying_disk_is_dead(void)
{
    return is_dead;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct file *)(void *)file)->real;
}

static int on_close(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int on_read(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), out, size, offset);
}

static int on_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    sqlite3_file *real = real_of(file);
    if (is_dead) {
        return SQLITE_IOERR_WRITE;
    }
    if (writes_left == 0) {
        is_dead = true;
        real->pMethods->xWrite(real, data, size / 2, offset);
        return SQLITE_IOERR_WRITE;
    }
    writes_left -= writes_left > 0;
    return real->pMethods->xWrite(real, data, size, offset);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);
    return is_dead ? SQLITE_IOERR_TRUNCATE : real->pMethods->xTruncate(real, size);
}

static int on_sync(sqlite3_file *file, int flags)
{
    return is_dead ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int on_file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), ret_size);
}

static int on_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int on_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int on_check_reserved_lock(sqlite3_file *file, int *ret_is_reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret_is_reserved);
}

static int on_file_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int on_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int on_device_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret_page)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret_page);
}

static int on_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int on_shm_unmap(sqlite3_file *file, int removes)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), removes);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_file_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_reserved_lock,
    .xFileControl = on_file_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_device_characteristics,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                   int *ret_flags)
{
    struct file *mine = (struct file *)(void *)file;
    mine->real = (sqlite3_file *)(void *)(mine + 1);
    mine->base.pMethods = NULL;
    int code = real_vfs->xOpen(real_vfs, name, mine->real, flags, ret_flags);
    if (code == SQLITE_OK) {
        mine->base.pMethods = &methods;
    }
    return code;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int syncs_folder)
{
    return is_dead ? SQLITE_IOERR_DELETE : real_vfs->xDelete(real_vfs, name, 0);
}

void dying_disk_install(void)
{
    static sqlite3_vfs mine;
    real_vfs = sqlite3_vfs_find(NULL);
    mine = *real_vfs;
    mine.zName = "dying";
    mine.pNext = NULL;
    mine.szOsFile += (int)sizeof(struct file);
    mine.xOpen = on_open;
    mine.xDelete = on_delete;
    ASSERT(sqlite3_vfs_register(&mine, 1) == SQLITE_OK);
}
