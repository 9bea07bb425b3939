/*
 * Events: order, numbers, gaps, a publisher that restarts, a subscriber that is slow.
 */
#include "libdialup/ipc/events.h"

#include <unistd.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"
#include "tests/unit/ipc_fixture.h"

struct seen {
    size_t events;
    size_t gaps;
    size_t both;
    int64_t last_seq;
    int64_t lost;
    char last_text[64];
};

static void on_event(void *context, const struct ipc_event *event)
{
    struct seen *seen = context;
    if (seen->last_seq != 0 && event->seq > seen->last_seq) {
        seen->lost += event->seq - seen->last_seq - 1;
    }
    seen->last_seq = event->seq;
    seen->events++;
    seen->both++;
    snprintf(seen->last_text, sizeof(seen->last_text), "%s",
             json_find_text(event->data, "text", "-"));
}

static void on_gap(void *context)
{
    struct seen *seen = context;
    seen->gaps++;
    seen->both++;
}

static struct ipc_publisher *publish(struct fixture *f)
{
    struct ipc_publisher *publisher = NULL;
    struct error err = {0};
    if (ipc_publisher_open(f->base, f->events_path, &publisher, &err) < 0) {
        printf("# %s\n", err.message);
    }
    return publisher;
}

static struct ipc_subscriber *subscribe(struct fixture *f, struct seen *seen)
{
    const struct ipc_subscriber_options options = {.path = f->events_path,
                                                   .on_event = on_event,
                                                   .on_gap = on_gap,
                                                   .context = seen,
                                                   .look_ms = 50};
    struct ipc_subscriber *subscriber = NULL;
    CHECK_INT(ipc_subscriber_open(f->base, &options, &subscriber, NULL), 0);
    return subscriber;
}

static bool emit(struct ipc_publisher *publisher, const char *text)
{
    const struct fixture_result data = {.text = text};
    return ipc_publisher_emit(publisher, "test.happened", &fixture_result_shape, &data);
}

/* The publisher may learn of the connection later than the subscriber: emits until one arrives.
 * Afterwards none is under way: a connection that ends while some are can hang libnng 1.5
 * (docs/decisions/0002). */
static void settle(struct fixture *f, struct ipc_publisher *publisher, struct seen *seen)
{
    size_t before = seen->events;
    while (seen->events == before) {
        emit(publisher, "first");
        event_base_loop(f->base, EVLOOP_NONBLOCK);
    }
    snprintf(seen->last_text, sizeof(seen->last_text), "-");
    emit(publisher, "settled");
    while (strcmp(seen->last_text, "settled") != 0) {
        event_base_loop(f->base, EVLOOP_ONCE);
    }
}

static void case_in_order(void)
{
    struct fixture f;
    fixture_init(&f, false, false);
    struct seen seen = {0};
    struct ipc_publisher *publisher = publish(&f);
    struct ipc_subscriber *subscriber = subscribe(&f, &seen);
    CHECK(fixture_run_until_count(&f, &seen.gaps, 1));
    settle(&f, publisher, &seen);
    seen = (struct seen){.last_seq = seen.last_seq};
    for (int i = 0; i < 200; i++) {
        CHECK(emit(publisher, "one of many"));
    }
    CHECK(fixture_run_until_count(&f, &seen.events, 200));
    CHECK_INT(seen.lost, 0);
    CHECK_INT(seen.gaps, 0);
    CHECK(ipc_subscriber_close(subscriber));
    CHECK(ipc_publisher_close(publisher));
    fixture_fini(&f);
}

static void case_gap(void)
{
    struct fixture f;
    fixture_init(&f, false, false);
    struct seen seen = {0};
    struct ipc_publisher *publisher = publish(&f);
    struct ipc_subscriber *subscriber = subscribe(&f, &seen);
    settle(&f, publisher, &seen);
    seen = (struct seen){.last_seq = seen.last_seq};
    AUTO_FREE char *large = xcalloc(1, IPC_MAX_EVENT_BYTES + 1);
    memset(large, 'x', IPC_MAX_EVENT_BYTES);
    CHECK(!emit(publisher, large));
    emit(publisher, "after the gap");
    CHECK(fixture_run_until_count(&f, &seen.events, 1));
    CHECK_INT(seen.gaps, 1);
    CHECK_INT(seen.lost, 1);
    ipc_subscriber_close(subscriber);
    ipc_publisher_close(publisher);
    fixture_fini(&f);
}

static void case_slow_subscriber(void)
{
    struct fixture f;
    fixture_init(&f, false, false);
    struct seen seen = {0};
    struct ipc_publisher *publisher = publish(&f);
    struct ipc_subscriber *subscriber = subscribe(&f, &seen);
    settle(&f, publisher, &seen);
    seen = (struct seen){.last_seq = seen.last_seq};
    /* The loop does not run meanwhile. */
    for (int i = 0; i < 20000; i++) {
        emit(publisher, "flood");
    }
    settle(&f, publisher, &seen);
    CHECK(seen.lost == 0 || seen.gaps > 0);
    CHECK(seen.lost > 0);
    ipc_subscriber_close(subscriber);
    ipc_publisher_close(publisher);
    fixture_fini(&f);
}

static void case_restart(void)
{
    struct fixture f;
    fixture_init(&f, false, false);
    struct seen seen = {0};
    struct ipc_publisher *publisher = publish(&f);
    struct ipc_subscriber *subscriber = subscribe(&f, &seen);
    settle(&f, publisher, &seen);
    int64_t last_seq = seen.last_seq;
    size_t gaps = seen.gaps;
    CHECK(ipc_publisher_close(publisher));
    publisher = publish(&f);
    CHECK(fixture_run_until_count(&f, &seen.gaps, gaps + 1));
    settle(&f, publisher, &seen);
    CHECK(seen.last_seq > last_seq);
    ipc_subscriber_close(subscriber);
    ipc_publisher_close(publisher);
    fixture_fini(&f);
}

static void case_given_up(void)
{
    struct fixture f;
    fixture_init(&f, false, false);
    struct seen seen = {0};
    struct ipc_publisher *publisher = publish(&f);
    struct ipc_subscriber *subscriber = subscribe(&f, &seen);
    settle(&f, publisher, &seen);
    size_t gaps = seen.gaps;
    ipc_subscriber_hang_up(subscriber);
    CHECK(fixture_run_until_count(&f, &seen.gaps, gaps + 1));
    settle(&f, publisher, &seen);
    ipc_subscriber_close(subscriber);
    ipc_publisher_close(publisher);
    fixture_fini(&f);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"events arrive in order", case_in_order},
        {"a missing number is a gap", case_gap},
        {"a slow subscriber is told", case_slow_subscriber},
        {"a publisher restarts", case_restart},
        {"a subscriber that the library gave up connects again", case_given_up},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
