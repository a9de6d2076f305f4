// An upstream for any id: every GET is answered with 200 and the bytes of a file, in which `{id}`
// stands for the last segment of the path. One epoll loop; requests are counted.
//
// Usage: origin PORT ANSWER_FILE
//
// ANSWER_FILE holds head and body. `{id}` must be replaced by exactly as many bytes as the file's
// Content-Length counts for it, so ids have one length. `GET /count` tells the requests so far.

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

enum { EVENTS_MAX = 256, READ_BYTES = 16 * 1024, ANSWER_BYTES = 64 * 1024 };

static char pattern[ANSWER_BYTES];
static unsigned long served;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/// Writes the answer to that id; returns how long it is.
static size_t answer(char *out, const char *id, size_t id_bytes) {
    char *start = out;
    for (const char *from = pattern; *from;) {
        const char *mark = strstr(from, "{id}");
        size_t plain = mark ? (size_t)(mark - from) : strlen(from);
        memcpy(out, from, plain);
        out += plain;
        if (!mark) break;
        memcpy(out, id, id_bytes);
        out += id_bytes;
        from = mark + 4;
    }
    return out - start;
}

static size_t tell_count(char *out) {
    char body[32];
    int bytes = sprintf(body, "%lu", served);
    return sprintf(out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", bytes, body);
}

/// One request at a time and in one segment, as HTTP clients of a benchmark send them.
static void serve(int descriptor) {
    static char bytes[READ_BYTES + 1], out[ANSWER_BYTES * 2];
    ssize_t count = recv(descriptor, bytes, READ_BYTES, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0 || (bytes[count] = 0, !strstr(bytes, "\r\n\r\n"))) {
        close(descriptor);
        return;
    }
    char *path = strchr(bytes, ' ') + 1;
    size_t path_bytes = strcspn(path, " ?");
    char *id = memrchr(path, '/', path_bytes);
    size_t length;
    if (path_bytes == 6 && memcmp(path, "/count", 6) == 0) {
        length = tell_count(out);
    } else {
        served++;
        length = id ? answer(out, id + 1, path + path_bytes - id - 1) : 0;
    }
    if (send(descriptor, out, length, MSG_NOSIGNAL) != (ssize_t)length) close(descriptor);
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: origin PORT ANSWER_FILE\n");
        return 64;
    }
    FILE *file = fopen(arguments[2], "rb");
    if (!file || fread(pattern, 1, sizeof pattern - 1, file) == 0) fail(arguments[2]);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096))
        fail("listen");
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != listener) {
                serve(events[i].data.fd);
                continue;
            }
            int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (descriptor < 0) continue;
            setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            struct epoll_event added = {.events = EPOLLIN, .data.fd = descriptor};
            epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &added);
        }
    }
}
