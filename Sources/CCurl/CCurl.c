#include "shim.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int door_socket_opened(void *milliseconds, curl_socket_t socket, curlsocktype purpose) {
    (void)purpose;
    unsigned int timeout = (unsigned int)(uintptr_t)milliseconds;
    int code = setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
    return code == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

int door_socket_close(void *context, curl_socket_t socket) {
    (void)context;
    int pending = 0;
    if (ioctl(socket, SIOCOUTQ, &pending) == 0 && pending > 0) {
        struct linger none = {.l_onoff = 1, .l_linger = 0};
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    return close(socket);
}
