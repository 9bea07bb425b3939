/*
 * The command notices: what the server did to one's account, teams and limits, and why.
 */
#include <inttypes.h>

#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/output.h"
#include "libdialup/base/memory.h"

/* What was shown has been read; an answer that is lost shows it once more. */
static void mark_read(struct run *run, const struct json_value *notice)
{
    struct error ignored;
    const char *path = arena_printf(run->arena, "/api/me/notices/%" PRId64 "/read",
                                    json_find_integer(notice, "id", 0));
    if (!json_find_bool(notice, "is_read", false)) {
        run_call(run, "POST", path, NULL, NULL, &ignored);
    }
}

int handle_notices(struct run *run, struct error *err)
{
    bool with_all = args_has(&run->args, "all");
    const struct json_value *answer;
    int result = run_get(run, with_all ? "/api/me/notices?limit=100" : "/api/me/notices?unread=1",
                         &answer, err);
    const struct json_value *notices = result == 0 ? json_find(answer, "notices") : NULL;
    if (result < 0) {
        return result;
    }
    size_t count = notices && notices->type == JSON_ARRAY ? notices->item_count : 0;
    if (count == 0) {
        terminal_say(&run->terminal, "Nothing new.%s",
                     with_all ? "" : " What was: deploy notices --all");
    }
    for (size_t i = count; i > 0; i--) {
        const struct json_value *notice = notices->items[i - 1];
        terminal_say(&run->terminal, "%s  %s", format_time(json_find_integer(notice, "at", 0)).text,
                     output_text(run, json_find_text(notice, "text", "")));
    }
    run_print_json(run, answer);
    for (size_t i = 0; i < count && !run->is_json; i++) {
        mark_read(run, notices->items[i]);
    }
    return 0;
}
