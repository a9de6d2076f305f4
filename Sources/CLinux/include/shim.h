#ifndef STATUS_PROXY_CLINUX_H
#define STATUS_PROXY_CLINUX_H
// No _GNU_SOURCE here: with it, types that Swift's other modules know would be defined otherwise.
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

// epoll, eventfd and accept4, which Swift's Glibc module lacks. All return -1 with errno as the calls do.

/// One descriptor that has news: the token it was registered with, and EPOLL… bits.
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
/// Waits for that many milliseconds at most, without end if negative; fills at most 256.
int linux_epoll_wait(int epoll, struct linux_ready *ready, int count, int milliseconds);
/// Readable each time that it is rung (eventfd).
int linux_event(void);
void linux_event_ring(int event);
/// A non-blocking, close-on-exec socket.
int linux_accept(int listener);

/// Bytes that were sent on a socket and that its peer has not taken yet (SIOCOUTQ); -1 if that cannot
/// be told.
int linux_untaken(int socket);

/// From now on all threads allocate from one heap (mallopt): what is freed of several stays in each of them.
void linux_use_one_heap(void);
/// Gives memory that was freed back to the system (malloc_trim).
void linux_give_memory_back(void);

/// Processors that this process may run on (sched_getaffinity); 1 when that cannot be told.
int linux_usable_processors(void);
/// The process's environment: a null-terminated list, owned by the C library.
char **linux_environment(void);

#endif
