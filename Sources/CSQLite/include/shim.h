#ifndef STATUS_PROXY_CSQLITE_H
#define STATUS_PROXY_CSQLITE_H
#include <sqlite3.h>

/* Functions for what Swift cannot import: function-pointer macros and variadic calls. */

/* Binds text; SQLite copies it. */
static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, int bytes) {
    return sqlite3_bind_text(statement, index, text, bytes, SQLITE_TRANSIENT);
}

/* Binds bytes; SQLite copies them. An empty blob stays a blob, not NULL. */
static inline int csqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count) {
    if (count == 0) {
        return sqlite3_bind_zeroblob(statement, index, 0);
    }
    return sqlite3_bind_blob(statement, index, bytes, count, SQLITE_TRANSIENT);
}

/* Makes the close neither checkpoint nor delete the write-ahead log. */
static inline int csqlite_keep_log_on_close(sqlite3 *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}
#endif
