/*
 * The command fit: what is the largest that would be admitted now?
 */
#include <inttypes.h>

#include "deploy/find.h"
#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/output.h"
#include "libdialup/base/memory.h"

static void print_room(struct run *run, const struct json_value *answer)
{
    static const char *const titles[] = {"DIMENSION", "ROOM FOR"};
    const struct json_value *rows = json_find(answer, "dimensions");
    struct output_table table;
    output_table_init(&table, run, titles, ARRAY_COUNT(titles));
    for (size_t i = 0; rows && rows->type == JSON_ARRAY && i < rows->item_count; i++) {
        const struct json_value *row = rows->items[i];
        int64_t amount = json_find_integer(row, "largest", -1);
        output_cell(&table, "%s", json_find_text(row, "dimension", ""));
        output_cell(&table, "%s",
                    amount < 0 ? "no limit"
                               : format_whole_amount(amount, json_find_text(row, "unit", "")).text);
    }
    output_table_print(&table);
}

int handle_fit(struct run *run, struct error *err)
{
    const char *team_name = args_option(&run->args, "team");
    const char *path = "/api/quotas/fit";
    const struct json_value *team;
    const struct json_value *answer;
    int result = team_name ? find_team(run, team_name, &team, err) : 0;
    if (team_name && result == 0) {
        path = arena_printf(run->arena, "/api/quotas/fit?team=%" PRId64,
                            json_find_integer(team, "id", 0));
    }
    if (result == 0) {
        result = run_get(run, path, &answer, err);
    }
    if (result == 0) {
        print_room(run, answer);
        run_print_json(run, answer);
    }
    return result;
}
