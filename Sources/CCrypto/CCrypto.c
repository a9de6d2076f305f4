/* Since OpenSSL 3 these three calls are called deprecated in favour of EVP, whose every use allocates:
 * a context, and a look-up of the algorithm by name. A caller's key is checked on the hot path. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "shim.h"

#include <openssl/sha.h>

_Static_assert(ccrypto_sha256_bytes == SHA256_DIGEST_LENGTH, "a digest has one size");

int ccrypto_sha256(const void *bytes, size_t count, void *digest) {
    SHA256_CTX context;
    return SHA256_Init(&context) && SHA256_Update(&context, bytes, count)
        && SHA256_Final(digest, &context);
}
