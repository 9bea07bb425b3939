/*
 * The command site: a folder becomes a live site.
 *
 * Look at the folder (site_folder.c), create the site if there is none, find out what the server
 * has already, send the rest, queue a deployment, watch it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deploy/find.h"
#include "deploy/follow.h"
#include "deploy/format.h"
#include "deploy/handlers.h"
#include "deploy/interrupt.h"
#include "deploy/output.h"
#include "deploy/pack.h"
#include "deploy/site_folder.h"
#include "deploy/sites.h"
#include "deploy/upload.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum { TIDY_TIMEOUT_MS = 5000 };

struct job {
    struct run *run;
    struct domain domain;
    struct site_folder source;
    struct keeping keeping; /* of a new site */
    int64_t team_id;        /* a new site's owner; 0: whoever deploys */
    struct manifest base;   /* what the server has */
    struct manifest wanted;
    struct manifest_diff diff;
    int64_t archive_bytes;
    char summary[160];
    bool has_created;               /* the site is of this run */
    bool was_queued;                /* the server has a deployment, or may have one */
    char upload_id[UPLOAD_ID_SIZE]; /* "": none */
};

static int read_team(struct job *job, struct error *err)
{
    const char *name = args_option(&job->run->args, "team");
    const struct json_value *team;
    int result = name ? find_team(job->run, name, &team, err) : 0;
    if (name && result == 0) {
        job->team_id = json_find_integer(team, "id", 0);
    }
    return result;
}

static int read_options(struct job *job, struct error *err)
{
    const struct args *args = &job->run->args;
    const char *domain = args_option(args, "domain");
    const char *type = args_option(args, "type");
    job->source.path = args->word_count > 0 ? args->words[0] : ".";
    if (!domain) {
        error_set_field(err, ERR_MISSING_FIELD, "domain", "Which site?");
        error_hint(err, "deploy site --domain mysite %s", job->source.path);
        return -ERR_MISSING_FIELD;
    }
    int result = type ? site_type_parse(type, &job->source.type, err) : 0;
    if (result == 0) {
        result = sites_read_keeping(args, &job->keeping, err);
    }
    if (result == 0) {
        result = read_team(job, err);
    }
    return result < 0 ? result : run_domain(job->run, domain, &job->domain, err);
}

/* A deploy changes files and nothing else of a site that is there. */
static int check_keeping(const struct job *job, const struct json_value *site, struct error *err)
{
    const struct keeping *wanted = &job->keeping;
    int64_t minutes = json_find_integer(site, "idle_minutes", 0);
    bool is_strategy_other =
        wanted->strategy && !str_equal(wanted->strategy, json_find_text(site, "strategy", ""));
    if (!is_strategy_other && (wanted->idle_minutes < 0 || wanted->idle_minutes == minutes)) {
        return 0;
    }
    error_set_field(err, ERR_CONFLICT, is_strategy_other ? "strategy" : "idle_minutes",
                    "%s is there already, and a deploy does not change how it is kept",
                    job->domain.name);
    error_hint(err, "Change it first: deploy sites set %s --help", job->domain.name);
    return -ERR_CONFLICT;
}

/* Nor whose it is. */
static int check_team(const struct job *job, const struct json_value *site, struct error *err)
{
    bool is_teams = str_equal(json_find_text(site, "owner_kind", ""), "team");
    if (job->team_id == 0 || (is_teams && json_find_integer(site, "owner_id", 0) == job->team_id)) {
        return 0;
    }
    error_set_field(err, ERR_CONFLICT, "team", "%s is there already, and is not the team's",
                    job->domain.name);
    error_hint(err, "Deploy without --team, or choose another domain for the team's site");
    return -ERR_CONFLICT;
}

/* An admin may deploy to everybody's sites, and may have meant a new one of their own. */
static void note_foreign_owner(const struct job *job, const struct json_value *site)
{
    const struct json_value *me;
    const char *owner = json_find_text(site, "owner", "");
    if (!str_equal(json_find_text(site, "owner_kind", ""), "user") || owner[0] == '\0' ||
        run_me(job->run, &me, NULL) < 0 ||
        str_equal(owner, json_find_text(json_find(me, "user"), "email", ""))) {
        return;
    }
    terminal_note(&job->run->terminal,
                  "%s belongs to %s. If you meant a site of your own, take another domain, and "
                  "bring theirs back: deploy sites rollback %s",
                  job->domain.name, owner, job->domain.name);
}

/* The site's own type, unless one was asked for. *ret_exists says whether there is a site. */
static int look_up_site(struct job *job, bool *ret_exists, struct error *err)
{
    struct error local;
    const struct json_value *site;
    const char *path = arena_printf(job->run->arena, "/api/sites/%s", job->domain.name);
    int result = run_get(job->run, path, &site, &local);
    *ret_exists = result == 0;
    if (result == -ERR_NOT_FOUND) {
        return 0;
    }
    if (result < 0) {
        *err = local;
        return result;
    }
    if ((result = check_keeping(job, site, err)) < 0 || (result = check_team(job, site, err)) < 0) {
        return result;
    }
    const struct site_type *stored = site_type_find(json_find_text(site, "type", "auto"));
    if (job->source.type && stored && job->source.type != stored && stored->id != SITE_TYPE_AUTO &&
        job->source.type->id != SITE_TYPE_AUTO) {
        error_set_field(err, ERR_CONFLICT, "type", "%s is a site of type %s, not %s",
                        job->domain.name, stored->name, job->source.type->name);
        error_hint(err, "Deploy without --type, or delete the site and create it anew");
        return -ERR_CONFLICT;
    }
    if (stored && stored->id != SITE_TYPE_AUTO) {
        job->source.is_type_kept = !job->source.type;
        job->source.type = stored;
    }
    note_foreign_owner(job, site);
    return 0;
}

/* "blog.mysite" was perhaps meant to be completed, as "mysite" is. */
static void note_foreign_domain(const struct job *job)
{
    const struct json_value *me;
    if (run_me(job->run, &me, NULL) < 0) {
        return;
    }
    const char *suffix = json_find_text(me, "sites_suffix", "");
    if (!str_ends_with(job->domain.name, arena_printf(job->run->arena, ".%s", suffix))) {
        terminal_note(&job->run->terminal,
                      "%s does not end in %s: visitors find it when its DNS leads to this server",
                      job->domain.name, suffix);
    }
}

static int create_site(struct job *job, struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_text(&writer, "domain", job->domain.name);
    json_put_text(&writer, "type", job->source.type->name);
    sites_put_keeping(&job->keeping, &writer);
    if (job->team_id != 0) {
        json_put_integer(&writer, "team", job->team_id);
    }
    json_end_object(&writer);
    int result = run_call(job->run, "POST", "/api/sites", &body, NULL, err);
    job->has_created = result == 0;
    if (result == -ERR_QUOTA_EXCEEDED && job->team_id != 0 && strstr(err->hint, "team advice")) {
        const char *said = arena_strdup(job->run->arena, err->hint);
        error_hint(err, "%s. Here: deploy team advice %" PRId64 " --type %s", said, job->team_id,
                   job->source.type->name);
    }
    if (result == 0) {
        terminal_say(&job->run->terminal, "Created the site %s.", job->domain.name);
        note_foreign_domain(job);
    }
    return result;
}

/* What the server has. A site without a release, or with a list that we cannot read, has nothing:
 * then everything is sent. */
static int get_base(struct job *job, struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct error local;
    struct client_request request = {
        .method = "GET",
        .path = arena_printf(job->run->arena, "/api/sites/%s/manifest", job->domain.name),
        .max_answer_size = MANIFEST_MAX_BYTES,
    };
    int result = client_call(job->run->client, &request, &text, &local);
    if (result < 0 && result != -ERR_NOT_FOUND) {
        *err = local;
        return result;
    }
    if (result == 0 && (manifest_parse(&job->base, strbuf_text(&text), text.size, NULL) < 0 ||
                        job->base.deployment_id == 0)) {
        manifest_fini(&job->base);
        manifest_init(&job->base);
    }
    return 0;
}

static int compare(struct job *job, struct error *err)
{
    int result = get_base(job, err);
    if (result == 0) {
        result = folder_hash(&job->source.folder, &job->wanted, err);
    }
    if (result == 0) {
        job->wanted.deployment_id = job->base.deployment_id;
        manifest_diff_init(&job->diff, &job->base, &job->wanted);
    }
    return result;
}

static int send(struct job *job, struct error *err)
{
    int64_t began_us = clock_monotonic_us();
    AUTO_CLOSE int fd = pack_make(&job->source.folder, &job->wanted, &job->diff,
                                  &job->run->terminal, &job->archive_bytes, err);
    if (fd < 0) {
        return fd;
    }
    int result =
        upload_send(job->run, job->domain.name, fd, job->archive_bytes, job->upload_id, err);
    if (result < 0) {
        return result;
    }
    struct text_size sent = format_bytes(job->archive_bytes);
    struct text_size took = format_duration_ms((clock_monotonic_us() - began_us) / 1000);
    snprintf(job->summary, sizeof(job->summary), "Sent %zu of %zu files (%s) in %s.",
             job->diff.send_count, job->wanted.count, sent.text, took.text);
    return 0;
}

/* Whether the server may have begun although it did not say so. */
static bool may_have_begun(const struct error *err)
{
    return client_is_network_error(err) || err->code == ERR_UNAVAILABLE ||
           err->code == ERR_TIMEOUT || interrupt_pending();
}

static int queue_deployment(struct job *job, const struct json_value **ret_deployment,
                            struct error *err)
{
    const char *message = args_option(&job->run->args, "message");
    const char *commit = args_option(&job->run->args, "commit");
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_put_text(&writer, "upload_id", job->upload_id);
    if (message) {
        json_put_text(&writer, "message", message);
    }
    if (commit) {
        json_put_text(&writer, "commit_ref", commit);
    }
    json_end_object(&writer);
    const char *path = arena_printf(job->run->arena, "/api/sites/%s/deployments", job->domain.name);
    int result = run_call(job->run, "POST", path, &body, ret_deployment, err);
    job->was_queued = result == 0 || may_have_begun(err);
    return result;
}

/* After a failure ----------------------------------------------------------------------------- */

/* Somebody else may have deployed to it meanwhile. */
static bool has_deployments(struct job *job)
{
    AUTO_STRBUF struct strbuf answer = STRBUF_INIT;
    const struct json_value *value;
    const struct client_request request = {
        .method = "GET",
        .path =
            arena_printf(job->run->arena, "/api/sites/%s/deployments?limit=1", job->domain.name),
        .timeout_ms = TIDY_TIMEOUT_MS,
        .is_aside = true,
    };
    if (client_call(job->run->client, &request, &answer, NULL) < 0 ||
        json_parse(job->run->arena, strbuf_text(&answer), answer.size, &value, NULL) < 0) {
        return true;
    }
    const struct json_value *list = json_find(value, "deployments");
    return !list || list->type != JSON_ARRAY || list->item_count > 0;
}

/* An empty site would take one of the places that the account has. */
static void remove_site(struct job *job)
{
    AUTO_STRBUF struct strbuf answer = STRBUF_INIT;
    const struct client_request request = {
        .method = "DELETE",
        .path = arena_printf(job->run->arena, "/api/sites/%s", job->domain.name),
        .timeout_ms = TIDY_TIMEOUT_MS,
        .is_aside = true,
    };
    if (!has_deployments(job) && client_call(job->run->client, &request, &answer, NULL) == 0) {
        terminal_note(&job->run->terminal, "Nothing was deployed: removed the new site %s again",
                      job->domain.name);
    } else {
        terminal_note(&job->run->terminal,
                      "The new site %s stays. To remove it: deploy sites delete %s",
                      job->domain.name, job->domain.name);
    }
}

/* What was made on the way to a deployment that did not begin is taken back. One that began has its
 * log at the site, which stays; who stopped watching is told where to look. */
static void tidy_up(struct job *job)
{
    if (!job->was_queued) {
        upload_drop(job->run, job->upload_id);
        if (job->has_created) {
            remove_site(job);
        }
    } else if (job->has_created && !interrupt_pending()) {
        terminal_note(&job->run->terminal,
                      "The new site %s is still empty: deploy again, or remove it: deploy sites "
                      "delete %s",
                      job->domain.name, job->domain.name);
    }
}

/* --------------------------------------------------------------------------------------------- */

static int deploy(struct job *job, struct error *err)
{
    bool exists = false;
    int result = read_options(job, err);
    if (result == 0) {
        result = look_up_site(job, &exists, err);
    }
    if (result == 0) {
        result = site_folder_open(&job->source, err);
    }
    if (result == 0 && !exists) {
        result = create_site(job, err);
    }
    if (result == 0) {
        result = compare(job, err);
    }
    const struct json_value *deployment = NULL;
    if (result == 0) {
        result = send(job, err);
    }
    if (result == 0) {
        result = queue_deployment(job, &deployment, err);
    }
    return result < 0
               ? result
               : follow_deployment(job->run, job->domain.name, deployment, job->summary, err);
}

int handle_site(struct run *run, struct error *err)
{
    struct job job = {.run = run};
    job.source = (struct site_folder){.run = run, .domain = job.domain.name, .folder = {.fd = -1}};
    manifest_init(&job.base);
    manifest_init(&job.wanted);
    int result = deploy(&job, err);
    if (result < 0) {
        tidy_up(&job);
    }
    manifest_diff_fini(&job.diff);
    manifest_fini(&job.wanted);
    manifest_fini(&job.base);
    folder_close(&job.source.folder);
    return result;
}
