/* OpenSSL 3 deprecates these three calls in favour of EVP, which allocates a context and looks the algorithm
 * up by name at each use. A caller's key is checked on the fast path. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "shim.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

_Static_assert(ccrypto_sha256_bytes == SHA256_DIGEST_LENGTH, "a digest has one size");

int ccrypto_sha256(const void *bytes, size_t count, void *digest) {
    SHA256_CTX context;
    return SHA256_Init(&context) && SHA256_Update(&context, bytes, count)
        && SHA256_Final(digest, &context);
}

/* Prevents a prompt on the terminal for the password of a key in the same file. */
static int no_password(char *buffer, int size, int writing, void *context) { return -1; }

int ccrypto_pem_certificates(const void *bytes, size_t count) {
    int certificates = -1;
    BIO *source = count <= INT_MAX ? BIO_new_mem_buf(count ? bytes : "", (int)count) : NULL;
    STACK_OF(X509_INFO) *entries =
        source ? PEM_X509_INFO_read_bio(source, NULL, no_password, NULL) : NULL;
    if (entries) {
        certificates = 0;
        for (int i = 0; i < sk_X509_INFO_num(entries); i++)
            if (sk_X509_INFO_value(entries, i)->x509) certificates++;
        sk_X509_INFO_pop_free(entries, X509_INFO_free);
    }
    BIO_free(source);
    ERR_clear_error();
    return certificates;
}
