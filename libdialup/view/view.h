/*
 * Rows of the database as the contracts show them, for every daemon that does: the structs are
 * those of proto/deployd.openrpc.json, which proto/http.openapi.json shares. Pure; texts are
 * borrowed from the rows, what is a list in them is parsed into the arena.
 */
#pragma once

#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"
#include "proto/deployd_rpc.h"

struct deployd_site view_site(const struct site *site);
struct deployd_deployment view_deployment(struct arena *arena, const struct deployment *deployment);
