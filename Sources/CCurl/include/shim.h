#ifndef STATUS_PROXY_CCURL_H
#define STATUS_PROXY_CCURL_H
#include <curl/curl.h>
#endif
