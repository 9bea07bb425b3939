/*
 * Interfaces' counters by netlink; see the header, and rtnetlink(7). Used by the sampler.
 */
#include "dialup-monitord/links.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum { DATAGRAM_BYTES = 256 * 1024, PATIENCE_S = 1 };

struct link {
    uint32_t index;
    struct link_bytes bytes;
};

struct link_list {
    struct link *rows; /* owned */
    size_t count;
    size_t capacity;
};

/* Two ends of one interface: their indexes on this machine and in the container. */
struct pair {
    uint32_t here;
    uint32_t there;
};

struct links {
    int fd;
    uint32_t sequence;
    char *datagram;           /* owned */
    struct link_list present; /* by index */
    struct link_list coming;
    struct pair *pairs; /* owned; by there */
    size_t pair_count;
    size_t pair_capacity;
    bool knows_pairs;
};

struct links *links_new(void)
{
    struct links *links = xcalloc(1, sizeof(*links));
    links->fd = -1;
    return links;
}

int links_open(struct links **ret_links, struct error *err)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot open a netlink socket");
    }
    /* The kernel answers within the call; this is for the day it does not. */
    const struct timeval patience = {PATIENCE_S, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    struct links *links = links_new();
    links->fd = fd;
    links->datagram = xmalloc(DATAGRAM_BYTES);
    *ret_links = links;
    return 0;
}

void links_close(struct links *links)
{
    if (!links) {
        return;
    }
    if (links->fd >= 0) {
        close(links->fd);
    }
    free(links->datagram);
    free(links->present.rows);
    free(links->coming.rows);
    free(links->pairs);
    free(links);
}

static void add_link(struct link_list *list, uint32_t index, const struct rtnl_link_stats64 *stats)
{
    enum { FIRST_ROWS = 64 };
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : FIRST_ROWS;
        list->rows = xreallocarray(list->rows, list->capacity, sizeof(*list->rows));
    }
    list->rows[list->count++] = (struct link){
        .index = index,
        .bytes = {.rx_bytes = (int64_t)stats->rx_bytes, .tx_bytes = (int64_t)stats->tx_bytes},
    };
}

/* Attributes are aligned to 4 bytes, the counters in them to 8: hence the copies. */
static void parse_stats(struct links *links, const struct nlmsghdr *header)
{
    struct if_stats_msg message;
    struct rtnl_link_stats64 stats = {0};
    const char *body = (const char *)header + NLMSG_HDRLEN;
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(message))) {
        return;
    }
    memcpy(&message, body, sizeof(message));
    size_t left = header->nlmsg_len - NLMSG_SPACE(sizeof(message));
    const char *at = body + NLMSG_ALIGN(sizeof(message));
    struct rtattr attribute;
    while (left >= sizeof(attribute)) {
        memcpy(&attribute, at, sizeof(attribute));
        if (attribute.rta_len < sizeof(attribute) || attribute.rta_len > left) {
            return;
        }
        if (attribute.rta_type == IFLA_STATS_LINK_64) {
            size_t size = attribute.rta_len - RTA_LENGTH(0);
            memcpy(&stats, at + RTA_LENGTH(0), size < sizeof(stats) ? size : sizeof(stats));
            add_link(&links->coming, message.ifindex, &stats);
        }
        size_t step = RTA_ALIGN(attribute.rta_len);
        at += step < left ? step : left;
        left -= step < left ? step : left;
    }
}

int links_parse(struct links *links, const void *data, size_t size, struct error *err)
{
    const char *at = data;
    while (size >= sizeof(struct nlmsghdr)) {
        const struct nlmsghdr *header = (const void *)at;
        if (header->nlmsg_len < sizeof(*header) || header->nlmsg_len > size) {
            return error_set(err, ERR_IO, "The kernel's list of interfaces is broken");
        }
        if (header->nlmsg_type == NLMSG_DONE) {
            return 0;
        }
        if (header->nlmsg_type == NLMSG_ERROR) {
            return error_set(err, ERR_IO, "The kernel does not give the interfaces' counters");
        }
        if (header->nlmsg_type == RTM_NEWSTATS) {
            parse_stats(links, header);
        }
        size_t step = NLMSG_ALIGN(header->nlmsg_len);
        at += step < size ? step : size;
        size -= step < size ? step : size;
    }
    return 1;
}

static int by_index(const void *a, const void *b)
{
    const struct link *left = a;
    const struct link *right = b;
    return left->index < right->index ? -1 : left->index > right->index;
}

void links_finish(struct links *links)
{
    struct link_list old = links->present;
    links->present = links->coming;
    links->coming = old;
    links->coming.count = 0;
    if (links->present.count > 0) {
        qsort(links->present.rows, links->present.count, sizeof(struct link), by_index);
    }
}

static int ask(struct links *links, struct error *err)
{
    const struct {
        struct nlmsghdr header;
        struct if_stats_msg message;
    } request = {
        .header =
            {
                .nlmsg_len = sizeof(request),
                .nlmsg_type = RTM_GETSTATS,
                .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                .nlmsg_seq = ++links->sequence,
            },
        .message = {.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)},
    };
    if (send(links->fd, &request, sizeof(request), 0) != (ssize_t)sizeof(request)) {
        return error_set_errno(err, ERR_IO, errno, "Cannot ask for the interfaces' counters");
    }
    return 0;
}

int links_refresh(struct links *links, struct error *err)
{
    int result = ask(links, err);
    links->coming.count = 0;
    for (bool more = result == 0; more;) {
        ssize_t got = recv(links->fd, links->datagram, DATAGRAM_BYTES, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_set_errno(err, ERR_IO, errno, "Cannot read the interfaces' counters");
        }
        result = links_parse(links, links->datagram, (size_t)got, err);
        more = result > 0;
    }
    if (result == 0) {
        links_finish(links);
    }
    return result;
}

bool links_find(const struct links *links, uint32_t index, struct link_bytes *ret_bytes)
{
    const struct link key = {.index = index};
    const struct link *found =
        links->present.count == 0
            ? NULL
            : bsearch(&key, links->present.rows, links->present.count, sizeof(key), by_index);
    if (found) {
        *ret_bytes = found->bytes;
    }
    return found != NULL;
}

/* Peers ------------------------------------------------------------------------------------- */

/* A small number in a file of the kernel's; 0 if it cannot be read. */
static uint32_t read_number(int dir_fd, const char *name, const char *file)
{
    char path[IFNAMSIZ + 32];
    char text[24];
    int64_t number;
    snprintf(path, sizeof(path), "%.*s/%s", IFNAMSIZ, name, file);
    AUTO_CLOSE int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (got <= 0) {
        return 0;
    }
    text[got] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return str_parse_i64(text, 1, UINT32_MAX, &number) ? (uint32_t)number : 0;
}

static int by_there(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    return left->there < right->there ? -1 : left->there > right->there;
}

static void add_pair(struct links *links, struct pair pair)
{
    enum { FIRST_ROWS = 64 };
    if (links->pair_count == links->pair_capacity) {
        links->pair_capacity = links->pair_capacity ? 2 * links->pair_capacity : FIRST_ROWS;
        links->pairs = xreallocarray(links->pairs, links->pair_capacity, sizeof(*links->pairs));
    }
    links->pairs[links->pair_count++] = pair;
}

/* Docker's interfaces on this machine: veth, each with the index of its other end. */
static void read_pairs(struct links *links)
{
    DIR *folder = opendir("/sys/class/net");
    links->pair_count = 0;
    links->knows_pairs = true;
    if (!folder) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (!str_starts_with(entry->d_name, "veth")) {
            continue;
        }
        const struct pair pair = {
            .here = read_number(dirfd(folder), entry->d_name, "ifindex"),
            .there = read_number(dirfd(folder), entry->d_name, "iflink"),
        };
        if (pair.here != 0 && pair.there != 0) {
            add_pair(links, pair);
        }
    }
    closedir(folder);
    if (links->pair_count > 0) {
        qsort(links->pairs, links->pair_count, sizeof(*links->pairs), by_there);
    }
}

uint32_t links_parse_index(const char *table, const char *device)
{
    for (const char *line = table; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        char index[10];
        char name[IFNAMSIZ];
        _Static_assert(IFNAMSIZ == 16, "the width below");
        if (sscanf(line, "%9[0-9] %15s", index, name) == 2 && str_equal(name, device)) {
            return (uint32_t)strtoul(index, NULL, 10);
        }
    }
    return 0;
}

void links_forget_peers(struct links *links)
{
    links->knows_pairs = false;
}

/* A process's /proc/PID/net is open to everybody, unlike its root and its namespaces: to look into
 * those one has to be allowed to look into its memory. The files are of one namespace each, so two
 * processes with the same file share it. */
uint32_t links_peer_of_process(struct links *links, pid_t pid)
{
    enum { MAX_TABLE_BYTES = 64 * 1024 };
    struct stat ours;
    struct stat theirs;
    AUTO_FREE char *path = xasprintf("/proc/%d/net/igmp", (int)pid);
    AUTO_STRBUF struct strbuf table = STRBUF_INIT;
    if (stat("/proc/self/net/igmp", &ours) < 0 || stat(path, &theirs) < 0 ||
        ours.st_ino == theirs.st_ino || fs_read_file(path, MAX_TABLE_BYTES, &table, NULL) < 0) {
        return 0;
    }
    if (!links->knows_pairs) {
        read_pairs(links);
    }
    const struct pair key = {.there = links_parse_index(strbuf_text(&table), "eth0")};
    const struct pair *found =
        key.there == 0 || links->pair_count == 0
            ? NULL
            : bsearch(&key, links->pairs, links->pair_count, sizeof(key), by_there);
    return found ? found->here : 0;
}
