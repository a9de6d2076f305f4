// The shim's code: the embedded schema, and functions with callbacks or structures.

#include "shim.h"

#include <errno.h>
#include <poll.h>

// For older standards clang supports #embed (C23 6.10.4) as an extension, with a warning.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const char schema[] = {
#embed "schema.sql"
    , 0};

const char *cpostgres_schema(void) { return schema; }

static void drop_notice(void *context, const PGresult *notice) {
    (void)context;
    (void)notice;
}

void cpostgres_drop_notices(PGconn *connection) {
    PQsetNoticeReceiver(connection, drop_notice, 0);
}

int cpostgres_wait(PGconn *connection, int for_write, int milliseconds) {
    struct pollfd entry = {.fd = PQsocket(connection), .events = POLLIN};
    if (for_write) entry.events |= POLLOUT;
    int count = poll(&entry, 1, milliseconds);
    // After a signal, the caller checks its clock and calls again.
    return count < 0 && errno == EINTR ? 1 : count;
}
