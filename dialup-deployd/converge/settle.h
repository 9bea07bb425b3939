/*
 * How a site is, once nothing is left to do for it: its row, what it holds, and its files if it
 * was deleted.
 */
#pragma once

struct site_work;

void settle_site(struct site_work *work);
