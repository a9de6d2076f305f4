#ifndef STATUS_PROXY_CZLIB_H
#define STATUS_PROXY_CZLIB_H
#include <zlib.h>

/* Access to zlib: what Swift reads of its header is enough. */

#endif
