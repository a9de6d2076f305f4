// Access to libpq: what Swift cannot import, and the shared store's schema.
#ifndef STATUS_PROXY_CPOSTGRES_H
#define STATUS_PROXY_CPOSTGRES_H

// Debian installs libpq's headers in a separate folder.
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif

// Pipeline mode exists since libpq 14.
#ifndef LIBPQ_HAS_PIPELINING
#error "libpq 14 or later is needed"
#endif

// The text of schema.sql.
const char *cpostgres_schema(void);

// Drops the server's notices, which libpq prints on standard error by default.
void cpostgres_drop_notices(PGconn *connection);

// Waits at most that many milliseconds until the connection is readable, or also writable if
// `for_write`; returns 0 on a time-out, a negative value on failure.
int cpostgres_wait(PGconn *connection, int for_write, int milliseconds);

#endif
