/*
 * What sites occupy: a job measures all of them now and then, soon after a deployment, and as soon
 * as the disk has markedly less room while a container runs that may write there. The figures go to
 * the sites' rows and the ledger as they are; the next deploy of an owner above the limit is
 * refused, and a container that wrote too much begins anew (pressure/evict.h).
 */
#pragma once

struct deployd;
struct storage;

/* Measures soon, and then every deployd.storage_s at least. */
struct storage *storage_new(struct deployd *deployd);
void storage_free(struct storage *storage);

/* Measures again in a moment: something changed. */
void storage_kick(struct storage *storage);
