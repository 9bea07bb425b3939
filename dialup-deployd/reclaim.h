/*
 * The pages of sites that were frozen, pushed out of memory where the kernel allows it (control
 * groups of version 2, Linux 5.19): by a job, since the kernel takes its time. One job at a time;
 * what is frozen meanwhile is the next one's.
 */
#pragma once

struct cgroup_freezer;
struct deployd;
struct reclaimer;

struct reclaimer *reclaimer_new(struct deployd *deployd);
void reclaimer_free(struct reclaimer *reclaimer);

/* A group stands still. Nothing happens where the kernel cannot. */
void reclaimer_add(struct reclaimer *reclaimer, const struct cgroup_freezer *freezer);
