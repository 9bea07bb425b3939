/*
 * What nobody needs any more: ended sessions, and uploads that nothing happened to for a day, with
 * their files. Called at start and by a timer.
 */
#include "dialup-admind/admind.h"
#include "dialup-admind/upload_files.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/store/notices.h"
#include "libdialup/store/sessions.h"

enum { UPLOAD_KEEP_S = 24 * 3600, NOTICE_KEEP_S = 100 * 24 * 3600 };

static void remove_uploads(const struct admind *admind, int64_t before, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct uploads_list list;
    if (uploads_list_stale(admind->run->db, arena, before, &list, err) < 0) {
        log_warning("cannot look for forgotten uploads: %s", err->message);
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        upload_files_remove(admind, list.rows[i].id);
    }
    if (list.count > 0) {
        log_info("removed %zu forgotten uploads", list.count);
    }
}

void housekeeping_run(struct admind *admind)
{
    int64_t now = clock_unix();
    int64_t removed;
    struct error err;
    if (sessions_expire(admind->run->db, now, &removed, &err) < 0) {
        log_warning("cannot remove ended sessions: %s", err.message);
    }
    if (notices_expire(admind->run->db, now - NOTICE_KEEP_S, &removed, &err) < 0) {
        log_warning("cannot remove old notices: %s", err.message);
    }
    remove_uploads(admind, now - UPLOAD_KEEP_S, &err);
}
