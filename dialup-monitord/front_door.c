/*
 * See the header. Called by the health check.
 */
#include "dialup-monitord/front_door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"

/* 0, or what is wrong. One whose queue is full is there all the same. */
static int dial(int port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        return 0;
    }
    /* On loopback a refusal is there at once. */
    int problem = errno;
    socklen_t size = sizeof(problem);
    if (problem == EINPROGRESS && getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0) {
        return errno;
    }
    return problem;
}

struct health_finding front_door_check(const struct config *config)
{
    AUTO_FREE char *environment =
        xasprintf("%s-caddy/environment", config_text(config, CONFIG_common_run_dir));
    int port = (int)config_integer(config, CONFIG_caddy_ask_port);
    if (!fs_exists(environment)) {
        return health_ok("Caddy is not this suite's");
    }
    int problem = dial(port);
    return problem ? health_problem(
                         HEALTH_FAILING,
                         "Look at it: systemctl status dialup-caddy; who has its ports: ss -ltnp",
                         "Caddy does not listen on port %d: %s. No visitor gets in", port,
                         strerror(problem))
                   : health_ok("Caddy listens");
}
