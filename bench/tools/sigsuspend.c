// For valgrind 3.19 only: it writes into the mask that sigsuspend is given, and dies, because
// Dispatch keeps that mask in read-only memory. Loaded before libc, this hands it a copy.

#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int sigsuspend(const sigset_t *mask) {
    sigset_t copy = *mask;
    return syscall(SYS_rt_sigsuspend, &copy, 8);
}
