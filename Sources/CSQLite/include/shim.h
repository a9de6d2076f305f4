#ifndef STATUS_PROXY_CSQLITE_H
#define STATUS_PROXY_CSQLITE_H
#include <sqlite3.h>
#endif
