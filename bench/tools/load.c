// A load generator for what wrk cannot do: deep pipelines at full speed, an exact number of
// requests, a new id for every request, connections that stay open and idle.
//
// Usage: load PORT PATH [--connections N] [--depth N] [--seconds S | --count N]
//             [--first N] [--hold] [--header 'NAME: VALUE'] [--head] [--expect STATUS]
//
// Each `%` in PATH becomes a number of twelve hexadecimal digits, counting up from --first.
// --depth requests are sent at once on a connection; the next batch when all are answered.
// Answers are taken apart by their Content-Length. One JSON line comes out: answers, those that
// were not 200 (or STATUS), seconds, connections lost, and percentiles of the time from a batch's sending to
// its last answer. With --hold that line comes when all is answered, and the connections stay open
// until standard input ends.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    REQUEST_BYTES = 8 * 1024,  // a hundred ids
    DEPTH_MAX = 64,
    HELD_BYTES = 8 * 1024,
    READ_BYTES = 64 * 1024,
    HELD_UNDER_WAY_MAX = 16,
    // Source ports of one loopback address; further connections come from the next address.
    PORTS_PER_ADDRESS = 20000,
    // 1 µs each up to 65 ms, then 1 ms each up to a minute.
    FINE = 65536,
    COARSE = 60000,
};

struct connection {
    int descriptor;
    int awaited;      // answers of the batch still to come
    long body_left;   // bytes of a body that still belong to the last head
    int held_bytes;   // a head that is not whole yet
    char *held;
    double sent_at;
};

static struct {
    int port, connections, depth, hold, head, expected;
    const char *path, *header;
    double seconds;
    long count, first;
} wish = {.connections = 64, .depth = 1, .expected = 200, .count = -1, .header = ""};

static long sent, numbered, answered, refused, lost;
static int under_way;  // connections that wait for answers
static unsigned long fine[FINE], coarse[COARSE];
static double deadline, last_answer_at;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void note_latency(double seconds) {
    long micros = seconds * 1e6;
    if (micros < FINE)
        fine[micros]++;
    else
        coarse[micros / 1000 < COARSE ? micros / 1000 : COARSE - 1]++;
}

static double percentile(double share) {
    unsigned long all = 0, seen = 0;
    for (int i = 0; i < FINE; i++) all += fine[i];
    for (int i = 0; i < COARSE; i++) all += coarse[i];
    for (int i = 0; i < FINE; i++)
        if ((seen += fine[i]) > share * all) return i;
    for (int i = 0; i < COARSE; i++)
        if ((seen += coarse[i]) > share * all) return i * 1000.0;
    return 0;
}

// MARK: Requests

static size_t write_request(char *out) {
    size_t length = sprintf(out, wish.head ? "HEAD " : "GET ");
    for (const char *next = wish.path; *next; next++)
        if (*next != '%')
            out[length++] = *next;
        else
            length += sprintf(out + length, "%012lx", (wish.first + numbered++) & 0xffffffffffffL);
    return length + sprintf(out + length, " HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s\r\n", wish.port,
                            wish.header, *wish.header ? "\r\n" : "");
}

/// The longest request that may come of the arguments.
static size_t request_bytes(void) {
    size_t bytes = strlen(wish.path) + strlen(wish.header) + 64;
    for (const char *next = wish.path; *next; next++) bytes += *next == '%' ? 12 : 0;
    return bytes;
}

static int more_to_send(void) {
    return wish.count >= 0 ? sent < wish.count : now() < deadline;
}

static void end(struct connection *connection, int was_lost) {
    close(connection->descriptor);
    connection->descriptor = -1;
    if (connection->awaited > 0) under_way--;
    lost += was_lost;
}

/// Sends the next batch. Returns 0 when there is none.
static int send_batch(struct connection *connection) {
    static char fixed[DEPTH_MAX * REQUEST_BYTES];
    static size_t fixed_bytes;
    static char fresh[DEPTH_MAX * REQUEST_BYTES];
    char *bytes = fixed;
    size_t length = fixed_bytes;
    int batch = wish.depth;
    if (!more_to_send()) return 0;
    if (wish.count >= 0 && wish.count - sent < batch) batch = wish.count - sent;
    if (strchr(wish.path, '%') || batch < wish.depth || fixed_bytes == 0) {
        bytes = fresh;
        length = 0;
        for (int i = 0; i < batch; i++, sent++) length += write_request(fresh + length);
        if (batch == wish.depth && !strchr(wish.path, '%')) {
            memcpy(fixed, fresh, length);
            fixed_bytes = length;
        }
    } else {
        sent += batch;
    }
    connection->awaited = batch;
    under_way++;
    connection->sent_at = now();
    if (send(connection->descriptor, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
        end(connection, 1);
    return 1;
}

// MARK: Answers

/// Takes one head. Returns its length, or 0 when it is not whole.
static size_t take_head(struct connection *connection, const char *bytes, size_t count) {
    const char *limit = memmem(bytes, count, "\r\n\r\n", 4);
    if (!limit) return 0;
    size_t head = limit + 4 - bytes;
    // The field is looked for behind the status line; its name has the same length in any case.
    const char *field = NULL;
    for (const char *line = memchr(bytes, '\n', head); line && line + 17 < limit;
         line = memchr(line + 1, '\n', limit - line - 1))
        if (strncasecmp(line + 1, "content-length:", 15) == 0) field = line + 16;
    int status = atoi(bytes + strlen("HTTP/1.1 "));
    if (!field && status != 304) {
        fprintf(stderr, "load: an answer without Content-Length\n");
        exit(1);
    }
    // A 304 may have the length that a 200 would have (RFC 9110, 8.6).
    connection->body_left = wish.head || status == 304 || !field ? 0 : atol(field);
    if (status != wish.expected) refused++;
    return head;
}

static void take_answers(struct connection *connection, char *bytes, size_t count) {
    while (count > 0) {
        if (connection->body_left > 0) {
            size_t due = connection->body_left, some = due < count ? due : count;
            bytes += some;
            count -= some;
            connection->body_left -= some;
            if (connection->body_left > 0) return;
            answered++;
            connection->awaited--;
            continue;
        }
        size_t head = take_head(connection, bytes, count);
        if (head == 0) {
            if (count > HELD_BYTES) return end(connection, 1);
            if (!connection->held) connection->held = malloc(HELD_BYTES);
            memcpy(connection->held, bytes, count);
            connection->held_bytes = count;
            return;
        }
        bytes += head;
        count -= head;
        if (connection->body_left == 0) {
            answered++;
            connection->awaited--;
        }
    }
}

static void ready(struct connection *connection) {
    static char bytes[HELD_BYTES + READ_BYTES];
    size_t held = connection->held_bytes;
    memcpy(bytes, connection->held ? connection->held : "", held);
    connection->held_bytes = 0;
    ssize_t count = recv(connection->descriptor, bytes + held, READ_BYTES, 0);
    if (count <= 0) {
        if (count < 0 && errno == EAGAIN) {
            connection->held_bytes = held;
            return;
        }
        return end(connection, 1);
    }
    take_answers(connection, bytes, held + count);
    if (connection->awaited > 0 || connection->descriptor < 0) return;
    under_way--;
    note_latency(now() - connection->sent_at);
    if (!send_batch(connection) && !wish.hold) end(connection, 0);
}

// MARK: Connections

static void open_connection(struct connection *connection, int number, int epoll) {
    int on = 1, descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0) fail("socket");
    struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / PORTS_PER_ADDRESS);
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    there.sin_port = htons(wish.port);
    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(descriptor, (struct sockaddr *)&here, sizeof here)) fail("bind");
    if (connect(descriptor, (struct sockaddr *)&there, sizeof there)) fail("connect");
    connection->descriptor = descriptor;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

/// Serves what is ready. Returns 0 when nothing came for a minute: no load waits for ever.
static int take_ready(int epoll) {
    struct epoll_event events[EVENTS_MAX];
    int found = epoll_wait(epoll, events, EVENTS_MAX, 60000);
    for (int i = 0; i < found; i++) {
        struct connection *connection = events[i].data.ptr;
        if (connection->descriptor >= 0) ready(connection);
    }
    last_answer_at = now();
    return found > 0;
}

static int read_arguments(int count, char **arguments) {
    static const struct option options[] = {
        {"connections", required_argument, NULL, 'c'}, {"depth", required_argument, NULL, 'd'},
        {"seconds", required_argument, NULL, 's'},     {"count", required_argument, NULL, 'n'},
        {"first", required_argument, NULL, 'f'},       {"hold", no_argument, NULL, 'h'},
        {"header", required_argument, NULL, 'H'},      {"head", no_argument, NULL, 'M'},
        {"expect", required_argument, NULL, 'e'},      {0}};
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': wish.connections = atoi(optarg); break;
        case 'd': wish.depth = atoi(optarg); break;
        case 's': wish.seconds = atof(optarg); break;
        case 'n': wish.count = atol(optarg); break;
        case 'f': wish.first = atol(optarg); break;
        case 'h': wish.hold = 1; break;
        case 'M': wish.head = 1; break;
        case 'e': wish.expected = atoi(optarg); break;
        case 'H': wish.header = optarg; break;
        default: return 0;
        }
    }
    if (count - optind != 2 || wish.depth < 1 || wish.depth > DEPTH_MAX) return 0;
    wish.port = atoi(arguments[optind]);
    wish.path = arguments[optind + 1];
    if (request_bytes() > REQUEST_BYTES) return 0;
    return wish.connections > 0 && (wish.count >= 0) != (wish.seconds > 0);
}

int main(int count, char **arguments) {
    if (!read_arguments(count, arguments)) {
        fprintf(stderr, "usage: load PORT PATH [--connections N] [--depth N]"
                        " [--seconds S | --count N] [--first N] [--hold] [--header H]\n");
        return 64;
    }
    int epoll = epoll_create1(0);
    struct connection *connections = calloc(wish.connections, sizeof *connections);
    if (epoll < 0 || !connections) fail("load");
    double began = now();
    deadline = began + wish.seconds;
    // Connections that are to be held come gently: what is looked at is their rest, not a rush.
    for (int i = 0; wish.hold && i < wish.connections; i++) {
        open_connection(connections + i, i, epoll);
        send_batch(connections + i);
        while (under_way >= HELD_UNDER_WAY_MAX && take_ready(epoll)) {
        }
    }
    for (int i = 0; !wish.hold && i < wish.connections; i++)
        open_connection(connections + i, i, epoll);
    for (int i = 0; !wish.hold && i < wish.connections; i++)
        if (!send_batch(connections + i)) end(connections + i, 0);
    while (under_way > 0 && take_ready(epoll)) {
    }
    printf("{\"answers\":%ld,\"not_200\":%ld,\"lost\":%ld,\"seconds\":%.6f,\"p50_us\":%.0f,"
           "\"p99_us\":%.0f,\"max_us\":%.0f}\n",
           answered, refused, lost, last_answer_at - began, percentile(0.5), percentile(0.99),
           percentile(0.999999));
    fflush(stdout);
    char byte;
    while (wish.hold && read(STDIN_FILENO, &byte, 1) > 0) {
    }
    return lost > 0;
}
