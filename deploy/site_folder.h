/*
 * A folder on this machine, looked at as the site that it is to be: of which type, whether all of
 * it may go, and whether visitors would find a first page. Says what is left out and why. Nothing
 * is sent from here.
 */
#pragma once

#include "deploy/folder.h"
#include "deploy/run.h"

struct site_folder {
    struct run *run;    /* borrowed, as are the next two */
    const char *domain; /* of the site, for words */
    const char *path;
    struct folder folder;         /* closed by the caller, however the opening ended */
    const struct site_type *type; /* asked for, or the site's own; NULL or auto: found out */
    bool is_type_kept;            /* it is the site's, and nobody named one now */
};

/* Opens the folder and settles type. ERR_INVALID_ARGUMENT if it is empty, of no type that we know,
 * or without a first page; what cannot be read is named. */
int site_folder_open(struct site_folder *source, struct error *err);
