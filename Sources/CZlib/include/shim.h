#ifndef STATUS_PROXY_CZLIB_H
#define STATUS_PROXY_CZLIB_H
#include <zlib.h>

/* A door to zlib: what Swift reads of its header is enough. */

#endif
