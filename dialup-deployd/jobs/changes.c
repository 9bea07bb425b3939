/*
 * See the header: a list of objects without objects in them, so what counts is the braces that are
 * not in a text. Called by measure.c.
 */
#include "dialup-deployd/jobs/changes.h"

static void take(struct changes *changes, char letter)
{
    if (changes->is_escaped) {
        changes->is_escaped = false;
    } else if (letter == '"') {
        changes->is_in_text = !changes->is_in_text;
    } else if (changes->is_in_text) {
        changes->is_escaped = letter == '\\';
    } else {
        changes->count += letter == '{';
    }
}

bool changes_take(void *context, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        take(context, data[i]);
    }
    return true;
}
