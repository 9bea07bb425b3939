/*
 * Findings of health checks; see the header.
 */
#include "libdialup/daemon/health.h"

#include <stdarg.h>
#include <stdio.h>

const char *health_status_name(enum health_status status)
{
    static const char *const names[] = {"ok", "degraded", "failing"};
    return names[status];
}

struct health_finding health_ok(const char *reason, ...)
{
    struct health_finding finding = {.status = HEALTH_OK};
    va_list args;
    va_start(args, reason);
    vsnprintf(finding.reason, sizeof(finding.reason), reason, args);
    va_end(args);
    return finding;
}

struct health_finding health_problem(enum health_status status, const char *remedy,
                                     const char *reason, ...)
{
    struct health_finding finding = {.status = status};
    va_list args;
    va_start(args, reason);
    vsnprintf(finding.reason, sizeof(finding.reason), reason, args);
    va_end(args);
    snprintf(finding.remedy, sizeof(finding.remedy), "%s", remedy);
    return finding;
}
