// Files that are served as they are, put into the program by the compiler (C23 6.10.4, #embed).

#include "resources.h"

const unsigned char status_proxy_openapi[] = {
#embed "../../openapi/status-proxy.yaml"
};
const size_t status_proxy_openapi_bytes = sizeof status_proxy_openapi;
