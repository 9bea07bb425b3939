/*
 * Reads back what the kernel has in force. Where somebody else changed a container's limits, what
 * is known of them is corrected, so that the plan asks for the right ones again.
 *
 * Called by the converger for an owner whose limits are put in force; reads a few small files of
 * each container.
 */
#pragma once

struct site_work;

void readback_look(struct site_work *work);
