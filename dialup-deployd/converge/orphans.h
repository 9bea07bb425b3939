/*
 * Containers with our label that belong to nobody any more: those that serve a site which is gone,
 * and those of builds that have ended. Named in the log, then removed. What fails (Docker does not
 * answer after a power cut) is tried again by the converger's next slow pass.
 */
#pragma once

struct deployd;

void orphans_remove(struct deployd *deployd);
