/*
 * The kernel's answer with the interfaces' counters: as it comes, cut short, and made up. The last
 * case asks the real kernel.
 */
#include "dialup-monitord/links.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

enum {
    MESSAGE_BYTES = NLMSG_HDRLEN + sizeof(struct if_stats_msg) + RTA_LENGTH(0) +
                    sizeof(struct rtnl_link_stats64)
};

/* A message about one interface; returns its size. */
static size_t put_stats(char *out, uint32_t index, uint64_t rx_bytes, uint64_t tx_bytes)
{
    const struct nlmsghdr header = {.nlmsg_len = MESSAGE_BYTES, .nlmsg_type = RTM_NEWSTATS};
    const struct if_stats_msg message = {.ifindex = index};
    const struct rtattr attribute = {.rta_type = IFLA_STATS_LINK_64,
                                     .rta_len = RTA_LENGTH(sizeof(struct rtnl_link_stats64))};
    const struct rtnl_link_stats64 stats = {.rx_bytes = rx_bytes, .tx_bytes = tx_bytes};
    char *at = mempcpy(out, &header, sizeof(header));
    at = mempcpy(at, &message, sizeof(message));
    at = mempcpy(at, &attribute, sizeof(attribute));
    memcpy(at, &stats, sizeof(stats));
    return MESSAGE_BYTES;
}

static size_t put_header(char *out, uint16_t type, uint32_t size)
{
    const struct nlmsghdr header = {.nlmsg_len = size, .nlmsg_type = type};
    memcpy(out, &header, sizeof(header));
    return NLMSG_HDRLEN;
}

static void case_dump(void)
{
    _Alignas(8) char data[4 * MESSAGE_BYTES];
    struct links *links = links_new();
    struct link_bytes bytes = {0};
    size_t size = put_stats(data, 9, 90, 91);
    size += put_stats(data + size, 3, 30, UINT64_C(5) << 32);
    CHECK_INT(links_parse(links, data, size, NULL), 1);
    CHECK(!links_find(links, 9, &bytes)); /* not before the end */
    size = put_stats(data, 7, 70, 71);
    size += put_header(data + size, NLMSG_DONE, NLMSG_HDRLEN);
    CHECK_INT(links_parse(links, data, size, NULL), 0);
    links_finish(links);
    CHECK(links_find(links, 3, &bytes));
    CHECK_INT(bytes.rx_bytes, 30);
    CHECK_INT(bytes.tx_bytes, INT64_C(5) << 32);
    CHECK(links_find(links, 7, &bytes) && links_find(links, 9, &bytes));
    CHECK_INT(bytes.tx_bytes, 91);
    CHECK(!links_find(links, 4, &bytes));
    links_finish(links);
    CHECK(!links_find(links, 3, &bytes)); /* a dump without it */
    links_close(links);
}

static void case_refused(void)
{
    _Alignas(8) char data[MESSAGE_BYTES];
    struct links *links = links_new();
    struct error err = {0};
    size_t size = put_header(data, NLMSG_ERROR, NLMSG_HDRLEN);
    CHECK_INT(links_parse(links, data, size, &err), -ERR_IO);
    put_header(data, RTM_NEWSTATS, 4);
    CHECK_INT(links_parse(links, data, NLMSG_HDRLEN, &err), -ERR_IO);
    put_header(data, RTM_NEWSTATS, 4000);
    CHECK_INT(links_parse(links, data, NLMSG_HDRLEN, &err), -ERR_IO);
    links_close(links);
}

/* Every size and every attribute length; the sanitizers watch. */
static void case_cut(void)
{
    for (uint32_t size = NLMSG_HDRLEN; size <= MESSAGE_BYTES; size++) {
        for (unsigned claimed = 0; claimed <= MESSAGE_BYTES; claimed += 3) {
            uint16_t len = (uint16_t)claimed;
            char *data = xcalloc(1, size);
            _Alignas(8) char whole[MESSAGE_BYTES];
            struct links *links = links_new();
            put_stats(whole, 5, 1, 2);
            memcpy(whole, &size, sizeof(size));
            memcpy(whole + NLMSG_HDRLEN + sizeof(struct if_stats_msg), &len, sizeof(len));
            memcpy(data, whole, size);
            CHECK_INT(links_parse(links, data, size, NULL), 1);
            links_finish(links);
            links_close(links);
            free(data);
        }
    }
}

/* The kernel's own format, with a group's line that begins like a number. */
static void case_index(void)
{
    static const char table[] = "Idx\tDevice    : Count Querier\tReporter\n"
                                "1\tlo        :     1      V3\n"
                                "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
                                "214\teth0      :     1      V3\n"
                                "\t\t\t\t010000E0     1 0:00000000\t\t0\n";
    static const struct {
        const char *table;
        const char *device;
        uint32_t index;
    } rows[] = {
        {table, "eth0", 214}, {table, "lo", 1},
        {table, "eth", 0},    {table, "Device", 0},
        {"", "eth0", 0},      {"7\teth0", "eth0", 7},
        {"7\n", "eth0", 0},   {"99999999999 eth0", "eth0", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        CHECK_INT(links_parse_index(rows[i].table, rows[i].device), rows[i].index);
    }
}

static void case_kernel(void)
{
    struct links *links = NULL;
    struct link_bytes bytes = {-1, -1};
    struct error err = {0};
    if (!CHECK_INT(links_open(&links, &err), 0)) {
        return;
    }
    CHECK_INT(links_refresh(links, &err), 0);
    CHECK(links_find(links, if_nametoindex("lo"), &bytes));
    CHECK(bytes.rx_bytes >= 0 && bytes.tx_bytes >= 0);
    CHECK_INT(links_refresh(links, &err), 0);
    CHECK_INT(links_peer_of_process(links, getpid()), 0); /* shares our network */
    CHECK_INT(links_peer_of_process(links, 4194000), 0);
    links_close(links);
    links_close(NULL);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a dump in two parts", case_dump},
        {"an error, and sizes that lie", case_refused},
        {"messages cut anywhere", case_cut},
        {"the index of a device", case_index},
        {"what this machine's kernel says", case_kernel},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
