// Access to libpq: what Swift cannot import, and the shared store's schema.
#ifndef STATUS_PROXY_CPOSTGRES_H
#define STATUS_PROXY_CPOSTGRES_H

// Debian keeps libpq's headers in a folder of their own.
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif

// Pipeline mode is of libpq 14.
#ifndef LIBPQ_HAS_PIPELINING
#error "libpq 14 or later is needed"
#endif

// The text of schema.sql.
const char *cpostgres_schema(void);

// libpq prints the server's notices on standard error unless told otherwise; nobody reads them there.
void cpostgres_drop_notices(PGconn *connection);

// Milliseconds are waited at most until the connection can be read, or written too if `for_write`;
// 0 when the time is over, below 0 on failure.
int cpostgres_wait(PGconn *connection, int for_write, int milliseconds);

#endif
