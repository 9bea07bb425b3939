/*
 * What the typed calls share.
 */
#include "dialup-deployd/docker/answers.h"

#include "libdialup/base/memory.h"

struct docker_plain *docker_plain_new(docker_done_fn *on_done, void *arg)
{
    struct docker_plain *plain = xmalloc(sizeof(*plain));
    *plain = (struct docker_plain){on_done, arg};
    return plain;
}

void docker_plain_done(void *arg, const struct docker_answer *answer, const struct error *err)
{
    const struct docker_plain *plain = arg;
    plain->on_done(plain->arg, err);
}

int docker_answer_odd(struct error *err)
{
    error_set(err, ERR_UNAVAILABLE, "Docker gave an answer that cannot be understood");
    error_hint(err, "Check the version of Docker: 20.10 and newer are known to work.");
    return -ERR_UNAVAILABLE;
}

int docker_answer_parse(struct arena *arena, const struct docker_answer *answer,
                        const struct json_value **ret_value, struct error *err)
{
    return json_parse(arena, answer->body, answer->size, ret_value, NULL) < 0
               ? docker_answer_odd(err)
               : 0;
}
