/*
 * What happened to one's account and teams. Called through routes.c; who writes them is notices.c
 * and whoever changes limits.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "libdialup/base/clock.h"
#include "libdialup/store/notices.h"
#include "proto/http_api.h"

enum { PAGE = 50 };

static struct http_notice view(const struct notice *notice)
{
    return (struct http_notice){
        .id = notice->id,
        .kind = notice_kind_name(notice->kind),
        .text = notice->text,
        .at = notice->at,
        .is_read = notice->read_at != 0,
        .entity = quota_entity_name(notice->entity),
        .entity_id = notice->entity_id,
    };
}

int handle_notices(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_get_me_notices_query *query = http_request_query(request);
    struct arena *arena = http_request_arena(request);
    int64_t limit = query->has_limit ? query->limit : PAGE;
    const struct notices_page page = {query->unread, query->before, limit + 1};
    struct http_notice_list answer = {0};
    struct notices_list list;
    int result = notices_list(admind->run->db, arena, access_user_id(request), &page, &list, err);
    if (result == 0) {
        result =
            notices_count_unread(admind->run->db, access_user_id(request), &answer.unread, err);
    }
    if (result < 0) {
        return result;
    }
    answer.has_next_before = list.count > (size_t)limit;
    answer.notices_count = answer.has_next_before ? (size_t)limit : list.count;
    struct http_notice *rows = arena_calloc(arena, answer.notices_count, sizeof(*rows));
    for (size_t i = 0; i < answer.notices_count; i++) {
        rows[i] = view(&list.rows[i]);
    }
    answer.notices = rows;
    answer.next_before = answer.has_next_before ? rows[limit - 1].id : 0;
    http_reply_json(request, 200, &http_notice_list_shape, &answer);
    return 0;
}

int handle_notices_read(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_done done = {0};
    int64_t id;
    int result = http_request_param_id(request, "id", &id, err);
    if (result == 0) {
        result = notices_mark_read(admind->run->db, access_user_id(request), id, clock_unix(), err);
    }
    if (result == 0) {
        http_reply_json(request, 200, &http_done_shape, &done);
    }
    return result;
}
