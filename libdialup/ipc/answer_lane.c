/*
 * Receive, send, and again. Called by server.c and request.c; ipc_answer_lane_on_done runs on nng's
 * threads.
 */
#include "libdialup/ipc/answer_lane.h"

/* A peer that does not read its answer holds a lane no longer than this. */
enum { SEND_TIMEOUT_MS = 5000 };

enum { STEP_RECEIVE, STEP_SEND };

void ipc_answer_lane_on_done(struct ipc_lane *lane)
{
    int result = nng_aio_result(lane->aio);
    if (lane->step == STEP_RECEIVE && result == 0) {
        lane->msg = nng_aio_get_msg(lane->aio);
        ipc_lane_post(lane);
        return;
    }
    if (lane->step == STEP_SEND && result != 0) {
        nng_msg_free(nng_aio_get_msg(lane->aio));
    }
    if (result != NNG_ECLOSED && result != NNG_ECANCELED) {
        ipc_answer_lane_receive(lane);
    }
}

void ipc_answer_lane_receive(struct ipc_lane *lane)
{
    lane->step = STEP_RECEIVE;
    nng_aio_set_timeout(lane->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(lane->ctx, lane->aio);
}

void ipc_answer_lane_send(struct ipc_lane *lane, const void *data, size_t size)
{
    lane->step = STEP_SEND;
    nng_aio_set_msg(lane->aio, ipc_message_new(data, size));
    nng_aio_set_timeout(lane->aio, SEND_TIMEOUT_MS);
    nng_ctx_send(lane->ctx, lane->aio);
}
