#ifndef STATUS_PROXY_CLINUX_H
#define STATUS_PROXY_CLINUX_H
// Without _GNU_SOURCE, which would change the definition of types that Swift's other modules use.
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

// epoll, eventfd and accept4, which Swift's Glibc module lacks. All return -1 with errno as the calls do.

/// One ready descriptor: the token of its registration, and EPOLL… bits.
struct linux_ready {
    uint64_t token;
    uint32_t events;
};

enum {
    linux_readable = EPOLLIN,
    linux_writable = EPOLLOUT,
    linux_failed = EPOLLERR,
    linux_hung_up = EPOLLHUP,
    linux_half_closed = EPOLLRDHUP,
    linux_edge = EPOLLET,
};

int linux_epoll_create(void);
int linux_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token);
int linux_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t token);
/// Waits at most that many milliseconds, indefinitely if negative; returns at most 256 entries.
int linux_epoll_wait(int epoll, struct linux_ready *ready, int count, int milliseconds);
/// An eventfd, readable after each `linux_event_ring`.
int linux_event(void);
void linux_event_ring(int event);
/// A non-blocking, close-on-exec socket.
int linux_accept(int listener);

/// Bytes that were sent on a socket and that its peer has not received yet (SIOCOUTQ); -1 if
/// unknown.
int linux_untaken(int socket);

/// From now on all threads allocate from one heap (mallopt): what is freed of several stays in each of them.
void linux_use_one_heap(void);
/// Gives memory that was freed back to the system (malloc_trim).
void linux_give_memory_back(void);

/// Processors that this process may run on (sched_getaffinity); 1 if unknown.
int linux_usable_processors(void);
/// The process's environment: a null-terminated list, owned by the C library.
char **linux_environment(void);

#endif
