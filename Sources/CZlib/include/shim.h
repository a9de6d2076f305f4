#ifndef STATUS_PROXY_CZLIB_H
#define STATUS_PROXY_CZLIB_H
#include <zlib.h>

/* Access to zlib: Swift can import all that is needed from its header. */

#endif
