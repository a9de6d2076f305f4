#ifndef STATUS_PROXY_CLINUX_H
#define STATUS_PROXY_CLINUX_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#endif
