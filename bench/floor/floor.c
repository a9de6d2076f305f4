// The floor: receives requests and sends ready-made answers in one epoll loop, and does nothing
// else. No parsing, no look-up, no log. What it costs is the kernel's price of a request.
//
// Usage: floor PORT ANSWER_FILE
//
// All requests of one connection have the same length, which the first one tells. So a pipelined
// batch is counted by its bytes, and answered with one send.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, BATCH_MAX = 64, CONNECTIONS_MAX = 65536, READ_BYTES = 32 * 1024 };

static char *answers;  // BATCH_MAX answers in a row
static size_t answer_bytes;

// By descriptor: how long a request is (0: not known yet), and how much of the next one is here.
static struct {
    unsigned request_bytes, held;
} connections[CONNECTIONS_MAX];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void load_answer(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    static char one[64 * 1024];
    answer_bytes = fread(one, 1, sizeof one, file);
    fclose(file);
    answers = malloc(answer_bytes * BATCH_MAX);
    if (!answers || answer_bytes == 0) fail("answer");
    for (int i = 0; i < BATCH_MAX; i++) memcpy(answers + i * answer_bytes, one, answer_bytes);
}

static int listen_on(int port) {
    int on = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) || listen(descriptor, 4096))
        fail("listen");
    return descriptor;
}

static void accept_all(int listener, int epoll) {
    for (;;) {
        int on = 1, descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (descriptor < 0) return;
        if (descriptor >= CONNECTIONS_MAX) {
            close(descriptor);
            continue;
        }
        connections[descriptor].request_bytes = connections[descriptor].held = 0;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
        epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
    }
}

static void serve(int descriptor) {
    static char bytes[READ_BYTES];
    ssize_t count = recv(descriptor, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        close(descriptor);
        return;
    }
    if (connections[descriptor].request_bytes == 0) {
        char *end = memmem(bytes, count, "\r\n\r\n", 4);
        if (!end) {
            close(descriptor);
            return;
        }
        connections[descriptor].request_bytes = end + 4 - bytes;
    }
    unsigned have = connections[descriptor].held + count;
    unsigned batch = have / connections[descriptor].request_bytes;
    connections[descriptor].held = have % connections[descriptor].request_bytes;
    while (batch > 0) {
        unsigned some = batch < BATCH_MAX ? batch : BATCH_MAX;
        size_t due = some * answer_bytes;
        // The load always reads its answers, so that a full socket buffer is a mistake of the run.
        if (send(descriptor, answers, due, MSG_NOSIGNAL) != (ssize_t)due) {
            close(descriptor);
            return;
        }
        batch -= some;
    }
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: floor PORT ANSWER_FILE\n");
        return 64;
    }
    load_answer(arguments[2]);
    int listener = listen_on(atoi(arguments[1])), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener)
                accept_all(listener, epoll);
            else
                serve(events[i].data.fd);
        }
    }
}
