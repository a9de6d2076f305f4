// Access to libcurl and epoll: only what Swift cannot import (variadics, unions).
#ifndef STATUS_PROXY_CCURL_H
#define STATUS_PROXY_CCURL_H

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

// CURLOPT_QUICK_EXIT exists since 7.87.0: without it, a time-out during a name look-up would block
// every other transfer until the resolver's thread returned.
#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87.0 or later is needed"
#endif

// The size of a CURLOPT_ERRORBUFFER.
enum { STATUS_PROXY_ERROR_BYTES = CURL_ERROR_SIZE };

// curl_easy_setopt is variadic: one function per type of argument.

static inline CURLcode door_easy_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode door_easy_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

// libcurl copies the text.
static inline CURLcode door_easy_set_text(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

// libcurl keeps the pointer: it must outlive the handle's last use.
static inline CURLcode door_easy_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

// libcurl keeps the list: it must outlive the transfer.
static inline CURLcode door_easy_set_fields(CURL *easy, struct curl_slist *fields) {
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
}

// libcurl copies the bytes.
static inline CURLcode door_easy_set_post(CURL *easy, const void *bytes, curl_off_t count) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, count);
    if (code != CURLE_OK) return code;
    return curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, (const char *)bytes);
}

static inline CURLcode door_easy_on_body(CURL *easy, curl_write_callback callback, void *context) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
    if (code != CURLE_OK) return code;
    return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, callback);
}

static inline CURLcode door_easy_on_field(CURL *easy, curl_write_callback callback, void *context) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, context);
    if (code != CURLE_OK) return code;
    return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, callback);
}

static inline CURLcode door_easy_on_send(CURL *easy, curl_prereq_callback callback, void *context) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PREREQDATA, context);
    if (code != CURLE_OK) return code;
    return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, callback);
}

static inline CURLcode door_easy_on_open(
    CURL *easy, curl_opensocket_callback callback, void *context) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, context);
    if (code != CURLE_OK) return code;
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, callback);
}

// The kernel would retransmit unacknowledged bytes for minutes, after the call's end and even after the
// process's: so a socket gives up after the call's deadline, and bytes left at its close are dropped.
int door_socket_opened(void *milliseconds, curl_socket_t socket, curlsocktype purpose);
int door_socket_close(void *context, curl_socket_t socket);

// A connection outlives its transfer and keeps the second callback: neither has a context to free.
static inline CURLcode door_easy_bound_sockets(CURL *easy, unsigned int milliseconds) {
    CURLcode code =
        curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, (void *)(uintptr_t)milliseconds);
    if (code != CURLE_OK) return code;
    code = curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, door_socket_opened);
    if (code != CURLE_OK) return code;
    return curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, door_socket_close);
}

static inline CURLcode door_easy_get_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

// True when libcurl was built to find the system's certificates in one file.
static inline bool door_has_system_bundle(void) {
    curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    return info->cainfo != NULL;
}

// curl_multi_setopt is variadic too.

static inline CURLMcode door_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode door_multi_on_socket(
    CURLM *multi, curl_socket_callback callback, void *context) {
    CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
    if (code != CURLM_OK) return code;
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, callback);
}

static inline CURLMcode door_multi_on_timer(
    CURLM *multi, curl_multi_timer_callback callback, void *context) {
    CURLMcode code = curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
    if (code != CURLM_OK) return code;
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, callback);
}

// The next transfer that has ended, or NULL; its result goes to *result.
static inline CURL *door_multi_next_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}

// epoll, which Swift's Glibc module lacks.

static inline int door_epoll_open(void) { return epoll_create1(EPOLL_CLOEXEC); }

// Watches a socket for libcurl's CURL_POLL_IN, _OUT or _INOUT, whether it is in the set or not.
static inline int door_epoll_watch(int set, curl_socket_t socket, int what) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.data.fd = socket;
    if (what & CURL_POLL_IN) event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
    if (epoll_ctl(set, EPOLL_CTL_MOD, socket, &event) == 0) return 0;
    if (errno != ENOENT) return -1;
    return epoll_ctl(set, EPOLL_CTL_ADD, socket, &event);
}

// Removes a socket from the set; a missing one is no error.
static inline int door_epoll_forget(int set, curl_socket_t socket) {
    if (epoll_ctl(set, EPOLL_CTL_DEL, socket, NULL) == 0) return 0;
    return errno == ENOENT || errno == EBADF ? 0 : -1;
}

// One ready socket, in libcurl's terms.
typedef struct {
    curl_socket_t socket;
    int readiness;
} door_ready_socket;

enum { DOOR_READY_MAX = 64 };

// Takes at most DOOR_READY_MAX ready sockets without waiting; -1 on failure.
static inline int door_epoll_take(int set, door_ready_socket ready[DOOR_READY_MAX]) {
    struct epoll_event events[DOOR_READY_MAX];
    int count = epoll_wait(set, events, DOOR_READY_MAX, 0);
    for (int i = 0; i < count; i++) {
        ready[i].socket = events[i].data.fd;
        ready[i].readiness = 0;
        if (events[i].events & EPOLLIN) ready[i].readiness |= CURL_CSELECT_IN;
        if (events[i].events & EPOLLOUT) ready[i].readiness |= CURL_CSELECT_OUT;
        if (events[i].events & (EPOLLERR | EPOLLHUP)) ready[i].readiness |= CURL_CSELECT_ERR;
    }
    return count;
}

#endif
