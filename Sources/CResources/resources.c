// Files that are served unchanged, embedded by the compiler (C23 6.10.4, #embed).

#include "resources.h"

// For older standards clang supports #embed as an extension, with a warning.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char openapi[] = {
#embed "../../openapi/status-proxy.yaml"
};
const size_t status_proxy_openapi_bytes = sizeof openapi;

const unsigned char *status_proxy_openapi_start(void) { return openapi; }

static const unsigned char page[] = {
#embed "page.html"
};
const size_t status_proxy_page_bytes = sizeof page;

const unsigned char *status_proxy_page_start(void) { return page; }
