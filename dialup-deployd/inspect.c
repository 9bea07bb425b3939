/*
 * Answers about running containers; see the header. Called by rpc.c.
 */
#include "dialup-deployd/inspect.h"

#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/last_words.h"
#include "libdialup/base/memory.h"
#include "libdialup/cgroup/cgroup.h"
#include "libdialup/store/sites.h"

enum { LOG_MAX_BYTES = 2 << 20 };

/* What the kernel has in force for a process's group, and its working set; zeros if it has ended.
 */
static struct cgroup_limits read_in_force(const struct deployd *deployd, int64_t pid,
                                          int64_t *ret_memory_used_bytes)
{
    struct cgroup_dirs dirs;
    struct cgroup_reader *reader = NULL;
    struct cgroup_sample sample = {0};
    struct cgroup_limits limits = {0};
    const char *root = config_text(deployd->run->config, CONFIG_monitord_cgroup_root);
    if (cgroup_find(root, (pid_t)pid, &dirs, NULL) == 0) {
        cgroup_read_limits(&dirs, &limits, NULL);
        if (cgroup_reader_open(&dirs, &reader, NULL) == 0) {
            cgroup_reader_sample(reader, true, &sample, NULL);
        }
        cgroup_reader_close(reader);
    }
    *ret_memory_used_bytes = sample.memory_bytes;
    return limits;
}

static struct deployd_limits_in_force describe(const struct deployd *deployd,
                                               const struct running_container *running,
                                               struct arena *arena)
{
    int64_t memory_used_bytes;
    struct cgroup_limits kernel = read_in_force(deployd, running->pid, &memory_used_bytes);
    int64_t over_bytes = kernel.memory_bytes - running->memory_bytes;
    return (struct deployd_limits_in_force){
        .site_id = running->site_id,
        .container_id = arena_strdup(arena, running->id),
        .memory_declared_bytes = running->memory_bytes,
        .memory_in_force_bytes = kernel.memory_bytes,
        .cpu_declared_millicores = running->cpu_millicores,
        .cpu_in_force_millicores = kernel.cpu_millicores,
        .pids_declared = running->pids,
        .pids_in_force = kernel.pids,
        .agrees = kernel.memory_bytes == running->memory_bytes &&
                  kernel.cpu_millicores == running->cpu_millicores && kernel.pids == running->pids,
        .memory_used_bytes = memory_used_bytes,
        .memory_over_bytes = over_bytes > 0 ? over_bytes : 0,
    };
}

int inspect_site_limits(struct deployd *deployd, struct arena *arena, int64_t site_id,
                        struct deployd_limits_in_force *ret_limits, struct error *err)
{
    size_t count;
    const struct running_container *list =
        converger_running(deployd->converger, arena, site_id, &count);
    if (count == 0) {
        int result = error_set(err, ERR_NOT_FOUND, "This site has no running container");
        error_hint(err,
                   "Static sites have none at all, and one that sleeps has none until the next "
                   "visit wakes it");
        return result;
    }
    size_t shown = 0; /* one that visitors are led to, if there is one */
    for (size_t i = 1; i < count; i++) {
        shown = list[i].is_routed && !list[shown].is_routed ? i : shown;
    }
    *ret_limits = describe(deployd, &list[shown], arena);
    return 0;
}

const struct deployd_limits_in_force *inspect_owner_limits(struct deployd *deployd,
                                                           struct arena *arena,
                                                           enum quota_entity owner_kind,
                                                           int64_t owner_id, size_t *ret_count)
{
    size_t count;
    size_t used = 0;
    const struct running_container *list = converger_running(deployd->converger, arena, 0, &count);
    struct deployd_limits_in_force *limits = arena_calloc(arena, count, sizeof(*limits));
    for (size_t i = 0; i < count; i++) {
        if (owner_kind == QUOTA_SYSTEM ||
            (list[i].owner_kind == owner_kind && list[i].owner_id == owner_id)) {
            limits[used++] = describe(deployd, &list[i], arena);
        }
    }
    *ret_count = used;
    return limits;
}

const struct deployd_container *inspect_containers(struct deployd *deployd, struct arena *arena,
                                                   size_t *ret_count)
{
    size_t count;
    const struct running_container *list = converger_running(deployd->converger, arena, 0, &count);
    struct deployd_container *containers = arena_calloc(arena, count, sizeof(*containers));
    for (size_t i = 0; i < count; i++) {
        containers[i] = (struct deployd_container){
            .container_id = list[i].id,
            .pid = list[i].pid,
            .site_id = list[i].site_id,
            .owner_kind = quota_entity_name(list[i].owner_kind),
            .owner_id = list[i].owner_id,
            .kind = "production",
            .has_memory_declared_bytes = true,
            .memory_declared_bytes = list[i].memory_bytes,
            .has_cpu_declared_millicores = true,
            .cpu_declared_millicores = list[i].cpu_millicores,
            .has_pids_declared = true,
            .pids_declared = list[i].pids,
        };
    }
    *ret_count = count;
    return containers;
}

/* Logs --------------------------------------------------------------------------------------- */

struct log_request {
    struct ipc_request *request;
    const struct deployd *deployd;
    struct site site;
    int64_t tail;
};

/* What its owner can do about it. */
static void append_advice(const struct site *site, struct strbuf *text)
{
    if (site->state == SITE_FAILED) {
        strbuf_printf(text,
                      "\nIt does not run now. Start it again: deploy sites restart %s\n"
                      "Or go back to an earlier release: deploy sites rollback %s\n",
                      site->domain, site->domain);
    } else if (!site->live_deployment) {
        strbuf_printf(text, "\nIt was never live. Mend it and deploy it again.\n");
    }
}

/* What it wrote before its container was replaced comes first: it is older. */
static struct deployd_site_logs_result make_answer(const struct log_request *asked, const char *now,
                                                   size_t size)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    last_words_read(asked->deployd, asked->site.id, &text);
    strbuf_append(&text, now, size);
    append_advice(&asked->site, &text);
    const char *all = strbuf_text(&text);
    const char *from = last_words_lines(all, text.size, asked->tail);
    size_t shown = (size_t)(all + text.size - from);
    size_t cut = shown > LOG_MAX_BYTES ? shown - LOG_MAX_BYTES : 0;
    return (struct deployd_site_logs_result){
        .text = arena_strndup(ipc_request_arena(asked->request), from + cut, shown - cut)};
}

static void on_logs(void *context, const char *text, size_t size, const struct error *err)
{
    const struct log_request *asked = context;
    bool is_gone = err && err->code == ERR_NOT_FOUND; /* removed since it was seen */
    if (err && !is_gone) {
        ipc_request_fail(asked->request, err);
    } else {
        const struct deployd_site_logs_result result = make_answer(asked, text, size);
        ipc_request_reply(asked->request, &result);
    }
}

static bool has_last_words(const struct deployd *deployd, int64_t site_id)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    last_words_read(deployd, site_id, &text);
    return text.size > 0;
}

int inspect_start_logs(struct deployd *deployd, struct ipc_request *request, int64_t site_id,
                       int64_t tail, struct deployd_site_logs_result *ret_result, struct error *err)
{
    struct arena *arena = ipc_request_arena(request);
    struct log_request *asked = arena_alloc(arena, sizeof(*asked));
    const char *id = converger_log_source(deployd->converger, site_id);
    *asked = (struct log_request){.request = request, .deployd = deployd, .tail = tail};
    int result = sites_find(deployd->run->db, arena, site_id, &asked->site, err);
    if (result < 0) {
        return result;
    }
    if (id) {
        container_logs(deployd->engine, id, tail, on_logs, asked);
        return IPC_LATER;
    }
    if (has_last_words(deployd, site_id)) {
        *ret_result = make_answer(asked, "", 0);
        return 0;
    }
    result = error_set(err, ERR_CONFLICT, "This site has no container now, so no log of one");
    error_hint(err, "Static sites are files, and a stopped site has none. What a deployment did: "
                    "deploy sites logs DOMAIN --deployment N");
    return result;
}
