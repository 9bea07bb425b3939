/*
 * The Docker client against the real engine of this machine.
 *
 * Makes a small image from the static busybox and a few containers, all with the label
 * dialup.instance=test-docker, and removes those again. Skips itself where no engine answers.
 */
#include "dialup-deployd/docker/containers.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dialup-deployd/docker/events.h"
#include "dialup-deployd/docker/images.h"
#include "dialup-deployd/docker/networks.h"
#include "dialup-deployd/docker/sync.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

#define INSTANCE "test-docker"
#define IMAGE "dialup-test-docker:busybox"
#define NETWORK "test-docker-net"
#define BRIDGE "dudtest0"

enum { MIB = 1024 * 1024 };

static const struct docker_label labels[] = {{"dialup.instance", INSTANCE}, {"dialup.site", "7"}};

static struct event_base *base;
static struct docker_client *client;
static struct docker_wait waiting;
static char last_id[80];

static int done(struct error *err)
{
    return docker_wait(&waiting, err);
}

/* A tar of one or two files, read out in pieces. */
struct tar {
    struct strbuf bytes;
    size_t at;
};

static void tar_add(struct tar *tar, const char *name, const void *data, size_t size)
{
    static const char zeros[512];
    char header[512] = {0};
    snprintf(header, 100, "%s", name);
    snprintf(header + 100, 8, "%07o", 0755);
    snprintf(header + 108, 8, "%07o", 0);
    snprintf(header + 116, 8, "%07o", 0);
    snprintf(header + 124, 12, "%011zo", size);
    snprintf(header + 136, 12, "%011o", 0);
    header[156] = '0';
    memcpy(header + 257, "ustar\00000", 8);
    memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof(header); i++) {
        sum += (unsigned char)header[i];
    }
    snprintf(header + 148, 8, "%06o", sum);
    strbuf_append(&tar->bytes, header, sizeof(header));
    strbuf_append(&tar->bytes, data, size);
    strbuf_append(&tar->bytes, zeros, (512 - size % 512) % 512);
}

static ssize_t read_tar(void *arg, char *data, size_t size)
{
    struct tar *tar = arg;
    size_t left = tar->bytes.size - tar->at;
    size_t taken = left < size ? left : size;
    memcpy(data, tar->bytes.data + tar->at, taken);
    tar->at += taken;
    return (ssize_t)taken;
}

struct building {
    struct tar tar; /* first: the arg of read */
    struct strbuf text;
};

static void on_build_text(void *arg, const char *text, size_t size)
{
    struct building *building = arg;
    strbuf_append(&building->text, text, size);
}

static void on_built(void *arg, const char *id, const struct error *err)
{
    if (!err) {
        str_copy(last_id, sizeof(last_id), id);
    }
    docker_wait_done(&waiting, err);
}

static int build(struct building *building, const char *dockerfile, const char *tag,
                 struct error *err)
{
    AUTO_STRBUF struct strbuf busybox = STRBUF_INIT;
    ASSERT(fs_read_file("/bin/busybox", 16 * MIB, &busybox, NULL) == 0);
    tar_add(&building->tar, "Dockerfile", dockerfile, strlen(dockerfile));
    tar_add(&building->tar, "busybox", busybox.data, busybox.size);
    docker_image_build(client,
                       &(struct docker_build){
                           .tag = tag,
                           .network = "none",
                           .memory_mib = 64,
                           .cpu_millicores = 500,
                           .labels = labels,
                           .label_count = ARRAY_COUNT(labels),
                           .build_args = (struct docker_label[]){{"WORD", "hello"}},
                           .build_arg_count = 1,
                           .uses_cache = true,
                           .read = read_tar,
                           .on_text = on_build_text,
                           .arg = building,
                       },
                       on_built);
    int rc = done(err);
    strbuf_fini(&building->tar.bytes);
    return rc;
}

static void on_image(void *arg, const struct docker_image *image, const struct error *err)
{
    if (!err) {
        CHECK_STR(image->id, last_id);
        CHECK(image->size_bytes > 100 * 1000);
        CHECK_STR(docker_label_find(image->labels, image->label_count, "dialup.site"), "7");
    }
    docker_wait_done(&waiting, err);
}

static void case_build(void)
{
    struct building building = {0};
    struct error err = {0};
    CHECK_INT(
        build(&building,
              "FROM scratch\nARG WORD\nCOPY busybox /bin/busybox\n"
              "RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nRUN echo said $WORD\n",
              IMAGE, &err),
        0);
    CHECK_STR(err.message, "");
    CHECK_CONTAINS(strbuf_text(&building.text), "said hello");
    docker_image_inspect(client, IMAGE, on_image, NULL);
    CHECK_INT(done(&err), 0);
    strbuf_fini(&building.text);
}

static void case_build_fails(void)
{
    struct building building = {0};
    struct error err;
    CHECK_INT(build(&building, "FROM " IMAGE "\nRUN echo before; exit 3\n",
                    "dialup-test-docker:bad", &err),
              -ERR_BUILD_FAILED);
    CHECK_CONTAINS(err.message, "non-zero code: 3");
    CHECK_CONTAINS(strbuf_text(&building.text), "before");
    strbuf_fini(&building.text);
    building = (struct building){0};
    CHECK_INT(build(&building, "FORM scratch\n", "dialup-test-docker:bad", &err),
              -ERR_INVALID_ARGUMENT);
    strbuf_fini(&building.text);
    docker_image_inspect(client, "dialup-test-docker:none", on_image, NULL);
    CHECK_INT(done(&err), -ERR_NOT_FOUND);
}

static int ensure(const char *bridge, struct error *err)
{
    docker_network_ensure(client,
                          &(struct docker_network_spec){
                              .name = NETWORK,
                              .bridge = bridge,
                              .labels = labels,
                              .label_count = ARRAY_COUNT(labels),
                          },
                          docker_wait_done, &waiting);
    return done(err);
}

static void case_network(void)
{
    struct error err = {0};
    CHECK_INT(ensure(BRIDGE, &err), 0);
    CHECK_STR(err.message, "");
    CHECK_INT(ensure(BRIDGE, &err), 0);
    CHECK_INT(ensure("other0", &err), -ERR_CONFLICT);
    CHECK_CONTAINS(err.hint, "docker network rm " NETWORK);
    CHECK(fs_exists("/sys/class/net/" BRIDGE));
}

static void on_created(void *arg, const char *id, const struct error *err)
{
    if (!err) {
        str_copy(last_id, sizeof(last_id), id);
    }
    docker_wait_done(&waiting, err);
}

static struct docker_container_spec script_spec(const char *name, const char **argv,
                                                const char *script)
{
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = script;
    argv[3] = NULL;
    return (struct docker_container_spec){
        .name = name,
        .image = IMAGE,
        .argv = argv,
        .user = "100007:100007",
        .network = NETWORK,
        .memory_mib = 32,
        .cpu_millicores = 250,
        .cpu_shares = 512,
        .pids_limit = 20,
        .nofile_limit = 256,
        .labels = labels,
        .label_count = ARRAY_COUNT(labels),
        .is_rootfs_read_only = true,
    };
}

static int create(const struct docker_container_spec *spec, struct error *err)
{
    docker_container_create(client, spec, on_created, NULL);
    return done(err);
}

static int run_script(const char *name, const char *script)
{
    const char *argv[4];
    struct docker_container_spec spec = script_spec(name, argv, script);
    struct error err = {0};
    int rc = create(&spec, &err);
    CHECK_STR(err.message, "");
    if (rc == 0) {
        docker_container_start(client, name, docker_wait_done, &waiting);
        rc = done(&err);
        CHECK_STR(err.message, "");
    }
    return rc;
}

static int remove_container(const char *name)
{
    docker_container_remove(client, name, true, docker_wait_done, &waiting);
    return done(NULL);
}

static struct docker_container seen; /* its texts are gone */
static char seen_address[64];

static void on_seen(void *arg, const struct docker_container *container, const struct error *err)
{
    if (!err) {
        seen = *container;
        str_copy(seen_address, sizeof(seen_address), container->ip_address);
        CHECK_STR(container->image, IMAGE);
        CHECK_STR(docker_label_find(container->labels, container->label_count, "dialup.instance"),
                  INSTANCE);
    }
    docker_wait_done(&waiting, err);
}

static int inspect(const char *name)
{
    docker_container_inspect(client, name, NETWORK, on_seen, NULL);
    return done(NULL);
}

static int64_t last_exit_code;

static void on_exit_code(void *arg, int64_t exit_code, const struct error *err)
{
    last_exit_code = exit_code;
    docker_wait_done(&waiting, err);
}

static void case_life(void)
{
    static const char name[] = "test-docker-life";
    if (!CHECK_INT(run_script(name, "trap 'exit 5' TERM; while :; do sleep 0.05; done"), 0)) {
        return;
    }
    CHECK_INT(inspect(name), 0);
    CHECK_INT(seen.state, DOCKER_RUNNING);
    CHECK(seen.pid > 1);
    CHECK(seen_address[0]);
    CHECK(seen.started_at_unix > 1700000000);
    CHECK_INT(seen.memory_bytes, 32 * MIB);
    CHECK_INT(seen.memory_swap_bytes, 32 * MIB);
    CHECK_INT(seen.nano_cpus, 250000000);
    CHECK_INT(seen.cpu_shares, 512);
    CHECK_INT(seen.pids_limit, 20);

    docker_container_update(client, name, &(struct docker_limits){48, 500, 0, 30}, docker_wait_done,
                            &waiting);
    CHECK_INT(done(NULL), 0);
    CHECK_INT(inspect(name), 0);
    CHECK_INT(seen.memory_bytes, 48 * MIB);
    CHECK_INT(seen.memory_swap_bytes, 48 * MIB);
    CHECK_INT(seen.nano_cpus, 500000000);
    CHECK_INT(seen.cpu_shares, 512);
    CHECK_INT(seen.pids_limit, 30);

    docker_container_start(client, name, docker_wait_done, &waiting); /* it does run */
    CHECK_INT(done(NULL), 0);
    docker_container_stop(client, name, 5, docker_wait_done, &waiting);
    CHECK_INT(done(NULL), 0);
    docker_container_wait(client, name, on_exit_code, NULL);
    CHECK_INT(done(NULL), 0);
    CHECK_INT(last_exit_code, 5);
    CHECK_INT(inspect(name), 0);
    CHECK_INT(seen.state, DOCKER_EXITED);
    CHECK_INT(seen.exit_code, 5);
    CHECK_INT(remove_container(name), 0);
    CHECK_INT(inspect(name), -ERR_NOT_FOUND);
    CHECK_INT(remove_container(name), -ERR_NOT_FOUND);
}

static void case_refusals(void)
{
    const char *argv[4];
    struct docker_container_spec spec = script_spec("test-docker-twice", argv, "true");
    struct error err;
    CHECK_INT(create(&spec, NULL), 0);
    CHECK_INT(create(&spec, &err), -ERR_CONFLICT);
    CHECK_CONTAINS(err.message, "already in use");
    CHECK_INT(remove_container("test-docker-twice"), 0);
    spec.image = "dialup-test-docker:none";
    CHECK_INT(create(&spec, &err), -ERR_NOT_FOUND);
    spec.image = IMAGE;
    spec.network = "test-docker-no-such-net";
    CHECK_INT(create(&spec, NULL), 0);
    docker_container_start(client, spec.name, docker_wait_done, &waiting);
    CHECK_INT(done(&err), -ERR_NOT_FOUND);
    CHECK_CONTAINS(err.message, "Docker could not start the container: ");
    CHECK_CONTAINS(err.message, "test-docker-no-such-net");
    CHECK_INT(remove_container("test-docker-twice"), 0);

    /* The init starts whatever the program is; what is missing shows in the exit code. */
    spec.network = NETWORK;
    argv[0] = "/bin/none";
    CHECK_INT(create(&spec, NULL), 0);
    docker_container_start(client, spec.name, docker_wait_done, &waiting);
    CHECK_INT(done(NULL), 0);
    docker_container_wait(client, spec.name, on_exit_code, NULL);
    CHECK_INT(done(NULL), 0);
    CHECK_INT(last_exit_code, 127);
    CHECK_INT(remove_container("test-docker-twice"), 0);
}

static void append_text(void *arg, enum docker_stream stream, const char *data, size_t size)
{
    struct strbuf *out = arg;
    strbuf_append(out, data, size);
}

/* on_done of a log gets the text's buffer as arg. */
static void on_log_done(void *arg, const struct error *err)
{
    docker_wait_done(&waiting, err);
}

static void read_log(const char *name, const struct docker_logs_options *options,
                     struct strbuf *out)
{
    strbuf_clear(out);
    docker_container_logs(client, name, options, append_text, on_log_done, out);
    CHECK_INT(done(NULL), 0);
}

static void case_hardening(void)
{
    static const char name[] = "test-docker-hard";
    char folder[] = "/tmp/docker-test-XXXXXX";
    CHECK(mkdtemp(folder) && chmod(folder, 0755) == 0);
    const char *argv[4];
    struct docker_container_spec spec = script_spec(
        name, argv,
        "touch /no 2>/dev/null && echo rootfs written; touch /site/no 2>/dev/null && echo site "
        "written; touch /tmp/yes && echo tmp ok; echo $WORD; id -u; ulimit -n; pwd; "
        "grep -E 'CapEff|NoNewPrivs' /proc/self/status");
    const char *const env[] = {"WORD=from env", NULL};
    const struct docker_mount mount = {folder, "/site", true};
    const struct docker_tmpfs tmpfs = {"/tmp", 4};
    spec.env = env;
    spec.mounts = &mount;
    spec.mount_count = 1;
    spec.tmpfs = &tmpfs;
    spec.tmpfs_count = 1;
    spec.workdir = "/site";
    CHECK_INT(create(&spec, NULL), 0);
    docker_container_start(client, name, docker_wait_done, &waiting);
    CHECK_INT(done(NULL), 0);
    docker_container_wait(client, name, on_exit_code, NULL);
    CHECK_INT(done(NULL), 0);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    read_log(name, &(struct docker_logs_options){0}, &text);
    CHECK_STR(strbuf_text(&text), "tmp ok\nfrom env\n100007\n256\n/site\n"
                                  "CapEff:\t0000000000000000\nNoNewPrivs:\t1\n");
    CHECK_INT(remove_container(name), 0);
    rmdir(folder);
}

static void case_logs(void)
{
    static const char name[] = "test-docker-logs";
    CHECK_INT(
        run_script(name, "for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done; echo err >&2"), 0);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    read_log(name, &(struct docker_logs_options){.follow = true}, &text);
    CHECK_STR(strbuf_text(&text), "line 1\nline 2\nline 3\nline 4\nline 5\nerr\n");
    read_log(name, &(struct docker_logs_options){.tail = 2}, &text);
    CHECK_STR(strbuf_text(&text), "line 5\nerr\n");
    read_log(name, &(struct docker_logs_options){.size_max = 10}, &text);
    CHECK_STR(strbuf_text(&text), "line 1\nlin");
    read_log(name, &(struct docker_logs_options){.tail = 1, .timestamps = true}, &text);
    CHECK_CONTAINS(strbuf_text(&text), "Z err\n");
    CHECK_INT(remove_container(name), 0);
}

static bool saw_die, saw_start;

static void on_docker_event(void *arg, const struct docker_event *event)
{
    saw_start |= strcmp(event->action, "start") == 0;
    if (strcmp(event->action, "die") == 0) {
        saw_die = true;
        CHECK_INT(event->exit_code, 3);
        CHECK_STR(docker_label_find(event->labels, event->label_count, "dialup.site"), "7");
        CHECK_STR(docker_label_find(event->labels, event->label_count, "name"),
                  "test-docker-events");
        CHECK(event->at_unix > 1700000000);
        docker_wait_done(&waiting, NULL);
    }
}

static void on_events_end(void *arg, const struct error *err)
{
    CHECK(false);
}

static void case_events(void)
{
    struct docker_request *request =
        docker_events(client, "dialup.instance=" INSTANCE, on_docker_event, on_events_end, NULL);
    CHECK_INT(run_script("test-docker-events", "sleep 0.3; exit 3"), 0);
    CHECK_INT(done(NULL), 0);
    CHECK(saw_die);
    CHECK(saw_start);
    docker_cancel(request);
    CHECK_INT(remove_container("test-docker-events"), 0);
}

static size_t listed_count;
static char listed_names[256];

static void on_list(void *arg, const struct docker_container *list, size_t count,
                    const struct error *err)
{
    listed_count = count;
    listed_names[0] = '\0';
    for (size_t i = 0; i < count && i < 4; i++) {
        strncat(listed_names, list[i].name, 60);
        strncat(listed_names, list[i].state == DOCKER_RUNNING ? " runs " : " rests ", 8);
    }
    docker_wait_done(&waiting, err);
}

static int list(void)
{
    docker_container_list(client, "dialup.instance=" INSTANCE, NETWORK, on_list, NULL);
    return done(NULL);
}

static void case_list_and_kill(void)
{
    CHECK_INT(list(), 0);
    CHECK_INT(listed_count, 0);
    CHECK_INT(run_script("test-docker-list", "sleep 60"), 0);
    CHECK_INT(list(), 0);
    CHECK_STR(listed_names, "test-docker-list runs ");
    docker_container_wait(client, "test-docker-list", on_exit_code, NULL);
    struct docker_wait kill_wait = {.base = base};
    docker_container_kill(client, "test-docker-list", "SIGKILL", docker_wait_done, &kill_wait);
    CHECK_INT(docker_wait(&kill_wait, NULL), 0);
    CHECK_INT(done(NULL), 0);
    CHECK_INT(last_exit_code, 137);
    CHECK_INT(list(), 0);
    CHECK_STR(listed_names, "test-docker-list rests ");
    CHECK_INT(remove_container("test-docker-list"), 0);
}

static void case_tidy(void)
{
    docker_network_remove(client, NETWORK, docker_wait_done, &waiting);
    CHECK_INT(done(NULL), 0);
    docker_image_remove(client, IMAGE, true, docker_wait_done, &waiting);
    CHECK_INT(done(NULL), 0);
}

/* What an earlier run that was cut short has left. */
static void remove_leftovers(void)
{
    static const char *const names[] = {"life", "twice", "hard", "logs", "events", "list"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        AUTO_FREE char *name = xasprintf("test-docker-%s", names[i]);
        remove_container(name);
    }
}

int main(void)
{
    base = event_base_new();
    waiting = (struct docker_wait){.base = base};
    const char *path = getenv("DOCKER_SOCKET");
    ASSERT(docker_client_open(base, path ? path : "/var/run/docker.sock", &client, NULL) == 0);
    if (list() < 0) {
        printf("1..0 # SKIP no Docker Engine answers\n");
        return 0;
    }
    remove_leftovers();
    static const struct check_case cases[] = {
        {"an image is built", case_build},
        {"builds that fail", case_build_fails},
        {"a network that separates", case_network},
        {"a container's life", case_life},
        {"refusals", case_refusals},
        {"what a container may not", case_hardening},
        {"logs", case_logs},
        {"events", case_events},
        {"list and kill", case_list_and_kill},
        {"all is removed", case_tidy},
    };
    int rc = check_run(cases, ARRAY_COUNT(cases));
    docker_client_close(client);
    event_base_free(base);
    return rc;
}
