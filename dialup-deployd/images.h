/*
 * Images that Dockerfiles made, thrown away when no release needs them: those of deleted sites, of
 * builds and starts that failed, of releases that are not kept.
 *
 * Level-triggered: each sweep lists what carries our label, decides by the rows, names in the log
 * what goes, and removes it without force; so what a container uses stays until a later sweep. One
 * whose site, owner or deployment is not known here is left alone.
 */
#pragma once

struct deployd;
struct images;

struct images *images_new(struct deployd *deployd);
void images_free(struct images *images);

/* Something may have become unneeded. */
void images_sweep(struct images *images);
