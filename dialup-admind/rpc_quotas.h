/*
 * Methods about limits and profiles for the server's own root; the table is in rpc.c.
 */
#pragma once

#include "libdialup/ipc/server.h"

ipc_handler_fn rpc_quota_show;
ipc_handler_fn rpc_quota_set;
ipc_handler_fn rpc_quota_violations;
ipc_handler_fn rpc_profile_list;
ipc_handler_fn rpc_profile_create;
ipc_handler_fn rpc_profile_set;
ipc_handler_fn rpc_profile_delete;
ipc_handler_fn rpc_profile_apply;
