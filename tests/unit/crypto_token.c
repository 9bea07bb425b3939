/*
 * Tokens, digests and ids: forms, known answers, and that nothing repeats.
 */
#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/crypto/token.h"
#include "tests/harness/check.h"

static void case_digest_known_answer(void)
{
    /* b2sum -l 256 of "abc" */
    static const char wanted[] = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
    unsigned char digest[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    digest_of("abc", 3, digest);
    digest_hex(digest, hex);
    CHECK_STR(hex, wanted);

    struct digest pieces;
    digest_init(&pieces);
    digest_update(&pieces, "a", 1);
    digest_update(&pieces, "", 0);
    digest_update(&pieces, "bc", 2);
    digest_finish(&pieces, digest);
    digest_hex(digest, hex);
    CHECK_STR(hex, wanted);
}

static void case_tokens_have_their_form(void)
{
    AUTO_SECRET struct secret session = SECRET_INIT;
    AUTO_SECRET struct secret key = SECRET_INIT;
    token_make("", &session);
    token_make(TOKEN_KEY_PREFIX, &key);
    CHECK_INT(session.size, TOKEN_RANDOM_LEN);
    CHECK_INT(key.size, TOKEN_RANDOM_LEN + 4);
    CHECK(token_is_well_formed("", session.data, session.size));
    CHECK(token_is_well_formed(TOKEN_KEY_PREFIX, key.data, key.size));
    CHECK(!token_is_well_formed(TOKEN_KEY_PREFIX, session.data, session.size));
    CHECK(!token_is_well_formed("", key.data, key.size));
}

static void case_tokens_differ(void)
{
    AUTO_SECRET struct secret a = SECRET_INIT;
    AUTO_SECRET struct secret b = SECRET_INIT;
    token_make("", &a);
    token_make("", &b);
    CHECK(!secret_equal(&a, &b));
}

static void case_bad_forms(void)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"empty", ""},
        {"short", "dud_AAAA"},
        {"other prefix", "dux_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"dot", "dud_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA."},
        {"space", "dud_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA "},
        {"long", "dud_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (!CHECK(!token_is_well_formed(TOKEN_KEY_PREFIX, rows[i].text, strlen(rows[i].text)))) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
}

static void case_hash_is_the_digest(void)
{
    char hash[TOKEN_HASH_SIZE];
    token_hash("abc", 3, hash);
    CHECK_STR(hash, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void case_csrf(void)
{
    AUTO_SECRET struct secret session = SECRET_INIT;
    AUTO_SECRET struct secret other = SECRET_INIT;
    token_make("", &session);
    token_make("", &other);
    char csrf[TOKEN_CSRF_SIZE];
    token_csrf(session.data, session.size, csrf);
    CHECK_INT(strlen(csrf), TOKEN_CSRF_SIZE - 1);
    CHECK(token_csrf_matches(session.data, session.size, csrf));
    CHECK(!token_csrf_matches(other.data, other.size, csrf));
    CHECK(!token_csrf_matches(session.data, session.size, ""));
    CHECK(!token_csrf_matches(session.data, session.size, session.data));
    csrf[0] = csrf[0] == 'A' ? 'B' : 'A';
    CHECK(!token_csrf_matches(session.data, session.size, csrf));
}

static void case_ids(void)
{
    char a[CRYPTO_ID_SIZE];
    char b[CRYPTO_ID_SIZE];
    crypto_random_id(a);
    crypto_random_id(b);
    CHECK_INT(strlen(a), CRYPTO_ID_SIZE - 1);
    CHECK(strcmp(a, b) != 0);
    CHECK_INT(strspn(a, "abcdefghijklmnopqrstuvwxyz234567"), CRYPTO_ID_SIZE - 1);
    CHECK(crypto_equal("abc", "abc", 3));
    CHECK(!crypto_equal("abc", "abd", 3));
}

int main(void)
{
    static const struct check_case cases[] = {
        {"digest, known answer, whole and in pieces", case_digest_known_answer},
        {"tokens have their form", case_tokens_have_their_form},
        {"tokens differ", case_tokens_differ},
        {"what is no token", case_bad_forms},
        {"a token's hash", case_hash_is_the_digest},
        {"csrf fits its session alone", case_csrf},
        {"ids", case_ids},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
