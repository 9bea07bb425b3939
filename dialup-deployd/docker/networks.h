/*
 * The bridges of the house. Asynchronous, see client.h.
 */
#pragma once

#include "dialup-deployd/docker/client.h"
#include "dialup-deployd/docker/container_json.h"

struct docker_network_spec {
    const char *name;
    const char *bridge; /* the interface's name on the host, at most 15 characters */
    const char *subnet; /* "10.80.0.0/20", or NULL: Docker chooses */
    const struct docker_label *labels;
    size_t label_count;
};

/* Makes the network if there is none of the name, as a bridge whose containers cannot reach each
 * other. One that exists must be such a bridge: else ERR_CONFLICT, since it would not separate the
 * sites. */
void docker_network_ensure(struct docker_client *client, const struct docker_network_spec *spec,
                           docker_done_fn *on_done, void *arg);

struct docker_request *docker_network_remove(struct docker_client *client, const char *name,
                                             docker_done_fn *on_done, void *arg);
