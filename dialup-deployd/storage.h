/*
 * What sites occupy: a job measures all of them now and then, and soon after a deployment. The
 * figures go to the sites' rows and the ledger as they are: nothing is stopped for being large,
 * but the next deploy of an owner above the limit is refused.
 */
#pragma once

struct deployd;
struct storage;

/* Measures soon, and then every deployd.storage_s. */
struct storage *storage_new(struct deployd *deployd);
void storage_free(struct storage *storage);

/* Measures again in a moment: something changed. */
void storage_kick(struct storage *storage);
