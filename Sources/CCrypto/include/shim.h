#ifndef STATUS_PROXY_CCRYPTO_H
#define STATUS_PROXY_CCRYPTO_H
#include <stddef.h>

/* Access to OpenSSL's libcrypto: one digest and a look at certificates, none of its types. */

enum { ccrypto_sha256_bytes = 32 };

/* Writes the SHA-256 of the bytes. Allocates nothing. Returns 1; anything else is a broken library. */
int ccrypto_sha256(const void *bytes, size_t count, void *digest);

/* How many certificates stand in PEM in the bytes, read as a file of trusted ones is; -1 when one cannot
 * be read. */
int ccrypto_pem_certificates(const void *bytes, size_t count);

#endif
