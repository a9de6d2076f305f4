#ifndef STATUS_PROXY_CCRYPTO_H
#define STATUS_PROXY_CCRYPTO_H
#include <stddef.h>

/* Access to OpenSSL's libcrypto: a digest and a check of certificates, without its types. */

enum { ccrypto_sha256_bytes = 32 };

/* Writes the SHA-256 of the bytes. Allocates nothing. Returns 1; any other value means a broken library. */
int ccrypto_sha256(const void *bytes, size_t count, void *digest);

/* The number of PEM certificates in the bytes, read like a file of trusted ones; -1 if one cannot be read. */
int ccrypto_pem_certificates(const void *bytes, size_t count);

#endif
