/*
 * The handlers of deployd, in three files by noun, and what they share. Internal to rpc*.c, but for
 * the table.
 *
 * Each handler checks, changes rows, and kicks who must act; none of them waits for Docker.
 */
#pragma once

#include "libdialup/ipc/server.h"
#include "libdialup/quota/quota.h"
#include "libdialup/store/sites.h"

struct db;
struct deployd;

/* From a handler's context. */
struct deployd *rpc_deployd(void *context);

enum quota_entity rpc_owner_kind(const char *name);

/* A site that is still there; ERR_NOT_FOUND for one that was deleted. */
int rpc_find_site(struct db *db, struct arena *arena, int64_t id, struct site *ret_site,
                  struct error *err);

ipc_handler_fn handle_site_create;
ipc_handler_fn handle_site_update;
ipc_handler_fn handle_site_set_desired;
ipc_handler_fn handle_site_restart;
ipc_handler_fn handle_site_delete;
ipc_handler_fn handle_site_logs;
ipc_handler_fn handle_site_limits;
ipc_handler_fn handle_deployment_create;
ipc_handler_fn handle_deployment_rollback;
ipc_handler_fn handle_quota_validate;
ipc_handler_fn handle_containers;
ipc_handler_fn handle_limits_apply;
ipc_handler_fn handle_quota_enforce;

/* Handlers by method, for the descriptor. */
extern ipc_handler_fn *const deployd_handlers[];
