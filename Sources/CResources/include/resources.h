#ifndef STATUS_PROXY_RESOURCES_H
#define STATUS_PROXY_RESOURCES_H
#include <stddef.h>

/// The bytes of openapi/status-proxy.yaml at build time.
const unsigned char *status_proxy_openapi_start(void);
extern const size_t status_proxy_openapi_bytes;

/// The bytes of page.html, likewise.
const unsigned char *status_proxy_page_start(void);
extern const size_t status_proxy_page_bytes;
#endif
