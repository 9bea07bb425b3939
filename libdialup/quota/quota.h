/*
 * The quota room: arithmetic on declared numbers. Pure: no clock, no I/O, no memory of its own.
 * This header brings what nearly everybody needs; the others are included by name:
 *
 *   dimensions.h   what is limited, units, amounts
 *   limits.h       amounts and parts of the machine; soft, hard, burst
 *   admission.h    levels, verdicts, refusals; what would fit
 *   profiles.h     named sets of limits
 *   team.h         what members bring in, moves between them, who may leave
 *   typed.h        limits as people type them at a command line
 *   fair_share.h   who has more than a fair part of the machine
 *   emergency.h    what gives way when memory runs out, and what is undone
 *   episodes.h     when a violation begins and ends
 */
#pragma once

#include "libdialup/quota/admission.h"
#include "libdialup/quota/dimensions.h"
#include "libdialup/quota/limits.h"
#include "libdialup/quota/profiles.h"
