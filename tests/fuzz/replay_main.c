/*
 * Runs one fuzz target over its saved inputs: tests/fuzz/corpus/NAME/ of the program's own NAME.
 *
 * Linked with every target that is not built for libFuzzer, so that what a fuzzer once found stays
 * found. Without inputs it runs the empty one. Names of single files may be given instead.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"

enum { MAX_INPUT_BYTES = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of the exact size, so that the address sanitizer sees a read past its end. */
static void run_bytes(const char *data, size_t size)
{
    uint8_t *copy = xmalloc(size);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static bool run_file(int number, const char *path, const char *name)
{
    AUTO_STRBUF struct strbuf input = STRBUF_INIT;
    struct error err;
    bool good = fs_read_file(path, MAX_INPUT_BYTES, &input, &err) == 0;
    if (good) {
        run_bytes(strbuf_text(&input), input.size);
    } else {
        printf("# %s\n", err.message);
    }
    printf("%s %d - %s\n", good ? "ok" : "not ok", number, name);
    fflush(stdout);
    return good;
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool run_corpus(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_input, alphasort);
    bool good = true;
    for (int i = 0; i < count; i++) {
        AUTO_FREE char *path = xasprintf("%s/%s", folder, entries[i]->d_name);
        good = run_file(i + 1, path, entries[i]->d_name) && good;
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    if (count <= 0) {
        run_bytes("", 0);
        printf("ok 1 - empty input\n");
        count = 1;
    }
    printf("1..%d\n", count);
    return good;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        bool good = true;
        for (int i = 1; i < argc; i++) {
            good = run_file(i, argv[i], argv[i]) && good;
        }
        return good ? 0 : 1;
    }
    const char *slash = strrchr(argv[0], '/');
    AUTO_FREE char *folder = xasprintf("%s/%s", DIALUP_FUZZ_CORPUS, slash ? slash + 1 : argv[0]);
    return run_corpus(folder) ? 0 : 1;
}
