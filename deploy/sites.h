/*
 * What the commands about one site share.
 */
#pragma once

#include "deploy/run.h"

/* The API's path of the site in the first word, with below ("/logs") behind it. In the arena. */
int sites_path(struct run *run, const char *below, const char **ret_path, struct domain *ret_domain,
               struct error *err);
