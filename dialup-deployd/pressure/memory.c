/*
 * See the header. Called at each look at the machine.
 */
#include "dialup-deployd/pressure/memory.h"

#include <stdlib.h>
#include <string.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/quota/emergency.h"

enum { FILE_BYTES = 64 * 1024, KIB_PER_MIB = 1024, PERMILLE_PER_PERCENT = 10 };

/* "MemTotal:       24684292 kB", at the beginning of a line; -1 if it is not there. */
static int64_t find_kib(const char *text, const char *name)
{
    size_t size = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, size) == 0) {
            char *end;
            long long kib = strtoll(line + size, &end, 10);
            return end == line + size || kib < 0 ? -1 : kib;
        }
    }
    return -1;
}

int memory_parse(const char *meminfo, struct memory_reading *ret_reading, struct error *err)
{
    int64_t total = find_kib(meminfo, "MemTotal:");
    int64_t available = find_kib(meminfo, "MemAvailable:");
    if (total <= 0 || available < 0 || available > total) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "The kernel does not say how much memory is "
                         "available");
    }
    *ret_reading = (struct memory_reading){
        .total_mib = total / KIB_PER_MIB,
        .used_mib = (total - available) / KIB_PER_MIB,
    };
    return 0;
}

int64_t memory_parse_stall(const char *pressure)
{
    static const char words[] = "full avg10=";
    const char *found = strstr(pressure, words);
    if (!found) {
        return 0;
    }
    double percent = strtod(found + strlen(words), NULL);
    return percent > 0 && percent <= 100 ? (int64_t)(percent * PERMILLE_PER_PERCENT) : 0;
}

int64_t memory_counted_mib(const struct memory_reading *reading)
{
    int64_t full = reading->total_mib * QUOTA_EMERGENCY_PERCENT / 100 + 1;
    bool is_nearly = reading->used_mib * 100 >= reading->total_mib * QUOTA_EMERGENCY_END_PERCENT;
    bool waits = reading->stall_permille >= MEMORY_STALL_PERMILLE;
    return is_nearly && waits && reading->used_mib < full ? full : reading->used_mib;
}

int memory_read(const char *meminfo_path, const char *pressure_path,
                struct memory_reading *ret_reading, struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    AUTO_STRBUF struct strbuf pressure = STRBUF_INIT;
    int result = fs_read_file(meminfo_path, FILE_BYTES, &text, err);
    if (result == 0) {
        result = memory_parse(strbuf_text(&text), ret_reading, err);
    }
    if (result == 0 && fs_read_file(pressure_path, FILE_BYTES, &pressure, NULL) == 0) {
        ret_reading->stall_permille = memory_parse_stall(strbuf_text(&pressure));
    }
    return result;
}
