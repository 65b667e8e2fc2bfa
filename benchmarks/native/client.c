/*
 * A load that does not get in the way: N WebSocket subscribers and one publisher in one thread (Linux, no dependencies).
 *
 *   gcc -O2 -Wall -o client client.c
 *   taskset -c 1 ./client -p 8765 -x fw -t TOKEN -n 1000 -m burst -B 16 -W 16 -T 2 -P SERVER_PID
 *
 * The publisher publishes through the server: each message carries a CLOCK_MONOTONIC stamp, the server fans it out, and
 * the client counts what arrives by the frames' headers (so joined writes are counted right) and takes
 * latency = arrival - stamp. One tool drives every server; only what is said around the messages (-x) differs:
 *
 *   ws     {"type":"subscribe",...} subscribes; {"type":"ea_update",...} goes as it is to every subscriber
 *   fw     fleetwire: auth, its answer, subscribe (-s), its answer; the publisher's `publish` with "ack":false
 *   nats   NATS over WebSocket: SUB / PUB, as a stream of bytes in binary frames
 *   nchan  two paths: subscribers connect to -u, the publisher to -U
 *
 * What is delivered has the same bytes everywhere: ws, nats and nchan are given fleetwire's envelope to pass on.
 *
 * Modes (-m):
 *   burst  at most W messages are under way (published, but not yet delivered to all), published B in one write.
 *          B = W = 1 is the isolated message, which no server can join with another.
 *   paced  -r messages a second, -g of them at once, whether the server keeps up or not: latency is what matters.
 *   idle   connect (auth and subscribe included), wait, and look at the server's memory.
 *   storm  all connect at once; each is done when -S rows of a snapshot have arrived.
 *
 * Counted are only messages that were published in the phase at hand: rows of a snapshot carry an older stamp or none.
 * `missing` are deliveries that never came (a state channel may drop a value that a newer one has overtaken); `stale`
 * are (subscriber, expert) pairs whose last value is not the last one published: after a drain there must be none.
 *
 * The server's CPU time is the run time of all threads of the -P pids (/proc/PID/task/TID/schedstat).
 * `client_busy` near 1 means that the client was the bottleneck: then only CPU per delivery means anything.
 * Not checked: Sec-WebSocket-Accept, payloads beyond the stamp and the expert's id.
 *
 * Prints one line of JSON. Ends with 0, 5 (could not connect), 6 (nothing was delivered), 7 (a connection was lost).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
#define STAMP_BASE 1000000000000000ull /* makes every stamp 16 digits long */
#define FIRST_EXPERT 12300
#define AFTER_STAMP 9 /* ,"ea_id": */
#define WHOLE_STAMP (16 + AFTER_STAMP + 5)

enum protocol { WS, FW, NATS, NCHAN };
enum mode { BURST, PACED, IDLE, STORM };
enum state { CONNECTING, HANDSHAKE, TALKING, OPEN, LOST };

typedef struct {
    uint8_t *at;
    size_t len, cap;
} bytes;

typedef struct {
    int fd, state, step, number;
    bytes in;     /* the beginning of a frame whose end has not come */
    bytes stream; /* NATS: messages may straddle frames */
    bytes out;    /* what the kernel has not taken yet */
    uint64_t rows, started_ns;
    uint64_t *newest; /* by expert: the newest stamp that has arrived */
} conn;

static enum mode mode = BURST;
static enum protocol protocol = WS;
static int subscribers = 100, port = 8765, window = 32, burst = 16, connecting_max = 128, group = 1, experts = 100;
static int keyed, conflated;
static uint64_t snapshot_rows;
static double seconds = 2, rate = 100, warm_up_s = 0.4, patience_s = 60;
static const char *path = "/", *publish_path = "/", *token = "";
static const char *subscribe_message = "{\"type\":\"subscribe\",\"data\":{\"channels\":[\"ea_updates\"]}}";
static int pids[64], pid_count;

static int epoll;
static conn *conns;
static int open_count, lost_count, started_count;
static uint64_t deliveries, expected, published, reads, bytes_read;
static uint64_t counted_from; /* the stamp from which on messages count */
static uint64_t *newest_published;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- latencies: a log-linear histogram, 64 parts to each doubling (1.6 % resolution) ---- */

#define PARTS 64
static uint64_t histogram[64 * PARTS], histogram_count, longest;
static int histogram_on;

static void note_latency(uint64_t ns)
{
    if (!histogram_on)
        return;
    int doubling = ns < PARTS ? 0 : 63 - __builtin_clzll(ns) - 5;
    uint64_t at = doubling ? (uint64_t)doubling * PARTS + (ns >> doubling) : ns;
    histogram[at < 64 * PARTS ? at : 64 * PARTS - 1]++;
    histogram_count++;
    if (ns > longest)
        longest = ns;
}

static double quantile_us(double q)
{
    uint64_t wanted = q * histogram_count, sum = 0;
    for (int i = 0; i < 64 * PARTS; i++) {
        sum += histogram[i];
        if (sum > wanted) {
            int doubling = i / PARTS;
            return (doubling ? (double)((uint64_t)(i - doubling * PARTS) << doubling) : i) / 1e3;
        }
    }
    return longest / 1e3;
}

/* ---- the server's CPU time and memory, as the system accounts for them ---- */

static uint64_t server_cpu_ns(void)
{
    uint64_t sum = 0;
    char name[400];
    for (int i = 0; i < pid_count; i++) {
        snprintf(name, sizeof name, "/proc/%d/task", pids[i]);
        DIR *threads = opendir(name);
        if (!threads)
            continue;
        for (struct dirent *thread; (thread = readdir(threads));) {
            if (thread->d_name[0] == '.')
                continue;
            snprintf(name, sizeof name, "/proc/%d/task/%s/schedstat", pids[i], thread->d_name);
            FILE *file = fopen(name, "r");
            unsigned long long ran;
            if (!file)
                continue;
            if (fscanf(file, "%llu", &ran) == 1)
                sum += ran;
            fclose(file);
        }
        closedir(threads);
    }
    return sum;
}

static double server_memory_kib(const char *field) /* VmRSS, VmHWM */
{
    double sum = 0;
    char name[64], line[256];
    for (int i = 0; i < pid_count; i++) {
        snprintf(name, sizeof name, "/proc/%d/status", pids[i]);
        FILE *file = fopen(name, "r");
        if (!file)
            continue;
        while (fgets(line, sizeof line, file))
            if (!strncmp(line, field, strlen(field)))
                sum += atol(line + strlen(field) + 1);
        fclose(file);
    }
    return sum;
}

static double own_cpu_s(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* ---- output ---- */

static void append(bytes *to, const void *from, size_t len)
{
    if (to->len + len > to->cap) {
        to->cap = (to->len + len) * 2;
        to->at = realloc(to->at, to->cap);
    }
    memcpy(to->at + to->len, from, len);
    to->len += len;
}

static void drop_front(bytes *of, size_t len)
{
    memmove(of->at, of->at + len, of->len - len);
    of->len -= len;
}

static void flush_out(conn *c)
{
    size_t sent = 0;
    while (sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.at + sent, c->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0)
            break;
        sent += n;
    }
    if (sent)
        drop_front(&c->out, sent);
}

static void put_frame(conn *c, int opcode, const void *payload, size_t len) /* masked: RFC 6455 section 5.3 */
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t head[8] = {0x80 | opcode, 0x80 | (len < 126 ? len : 126), len >> 8, len};
    size_t head_len = len < 126 ? 2 : 4;
    if (len > 65535) {
        fprintf(stderr, "client: a message of more than 64 KiB\n");
        exit(2);
    }
    memcpy(head + head_len, mask, 4);
    append(&c->out, head, head_len + 4);
    size_t at = c->out.len;
    append(&c->out, payload, len);
    for (size_t i = 0; i < len; i++)
        c->out.at[at + i] ^= mask[i & 3];
}

static void say(conn *c, const char *text)
{
    put_frame(c, protocol == NATS ? 2 : 1, text, strlen(text));
    flush_out(c);
}

/* An expert's row, the stamp first. Every message has about the same length. */
static int make_row(char *to, uint64_t stamp, int expert, unsigned n)
{
    return sprintf(to,
                   "{\"ts\":%llu,\"ea_id\":%05d,\"name\":\"EURUSD trend\",\"symbol\":\"EURUSD\",\"status\":\"running\","
                   "\"login\":51234567,\"server\":\"Demo-Server\",\"balance\":10250.5,\"equity\":10%03u.25,"
                   "\"profit\":%u.%02u,\"margin_level\":1532.4,\"positions\":%u}",
                   (unsigned long long)stamp, FIRST_EXPERT + expert, n % 1000, 100 + n % 900, 10 + n % 90, n % 10);
}

static int make_message(char *to, uint64_t stamp, int expert, unsigned n)
{
    int len;
    if (protocol == FW) {
        len = sprintf(to, "{\"type\":\"publish\",\"data\":{\"channel\":\"ea_updates\",\"ack\":false,\"data\":");
        len += make_row(to + len, stamp, expert, n);
        return len + sprintf(to + len, "}}");
    }
    len = sprintf(to, "{\"type\":\"ea_update\",\"data\":");
    len += make_row(to + len, stamp, expert, n);
    return len + sprintf(to + len,
                         ",\"timestamp\":\"2026-01-01T12:00:00.%03uZ\",\"channel\":\"ea_updates\",\"position\":%u,"
                         "\"key\":\"%05d\"}",
                         n % 1000, 1000 + n, FIRST_EXPERT + expert);
}

static int hearers_of(int expert)
{
    return keyed ? subscribers / experts + (expert < subscribers % experts) : subscribers;
}

static void publish(conn *publisher, int count)
{
    char message[1024], framed[1200];
    for (int i = 0; i < count; i++) {
        int expert = published % experts;
        uint64_t stamp = STAMP_BASE + now_ns();
        int len = make_message(message, stamp, expert, published);
        newest_published[expert] = stamp;
        published++;
        expected += hearers_of(expert);
        if (protocol == NATS) {
            int head = sprintf(framed, "PUB ea %d\r\n", len);
            memcpy(framed + head, message, len);
            memcpy(framed + head + len, "\r\n", 2);
            put_frame(publisher, 2, framed, head + len + 2);
        } else {
            put_frame(publisher, 1, message, len);
        }
    }
    flush_out(publisher);
}

/* ---- input ---- */

static void set_open(conn *c)
{
    c->state = OPEN;
    open_count++;
    if (mode == STORM)
        note_latency(now_ns() - c->started_ns);
}

static void subscribe(conn *c)
{
    char text[4096];
    const char *mark = strstr(subscribe_message, "%d");
    if (mark)
        snprintf(text, sizeof text, "%.*s%d%s", (int)(mark - subscribe_message), subscribe_message,
                 FIRST_EXPERT + c->number % experts, mark + 2);
    else
        snprintf(text, sizeof text, "%s", subscribe_message);
    say(c, text);
}

static int is_publisher(const conn *c)
{
    return c->number == subscribers;
}

static int starts_with(const uint8_t *p, size_t len, const char *text)
{
    size_t wanted = strlen(text);
    return len >= wanted && !memcmp(p, text, wanted);
}

static void talk_nats(conn *c, const uint8_t *p, size_t len)
{
    if (c->step == 0) {
        c->step = 1;
        say(c, is_publisher(c) ? "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"echo\":true}\r\nPING\r\n"
                               : "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"echo\":true}\r\n"
                                 "SUB ea 1\r\nPING\r\n");
    } else if (memmem(p, len, "PONG", 4)) {
        set_open(c);
    }
}

/* As a real client does: auth, wait, subscribe, wait. */
static void talk_fleetwire(conn *c, const uint8_t *p, size_t len)
{
    if (starts_with(p, len, "{\"type\":\"error\"")) {
        fprintf(stderr, "client: refused: %.*s\n", (int)len, p);
        exit(4);
    }
    if (c->step == 0 && starts_with(p, len, "{\"type\":\"auth_response\"")) {
        c->step = 1;
        if (is_publisher(c))
            set_open(c);
        else
            subscribe(c);
    } else if (c->step == 1 && starts_with(p, len, "{\"type\":\"subscription_response\"")) {
        c->step = 2;
        if (!snapshot_rows)
            set_open(c);
    } else if (c->step == 2 && starts_with(p, len, "{\"type\":\"ea_update\"") && ++c->rows == snapshot_rows) {
        set_open(c);
    }
}

/* Counts a message, if it belongs to this phase. `p` is at the stamp, with WHOLE_STAMP bytes behind it. */
static void count_message(conn *c, const uint8_t *p, uint64_t now)
{
    uint64_t stamp = 0;
    for (int i = 0; i < 16; i++)
        stamp = stamp * 10 + (p[i] - '0');
    if (stamp < counted_from)
        return;
    unsigned expert = 0;
    for (int i = 0; i < 5; i++)
        expert = expert * 10 + (p[16 + AFTER_STAMP + i] - '0');
    expert -= FIRST_EXPERT;
    if (expert < (unsigned)experts && c->newest && stamp > c->newest[expert])
        c->newest[expert] = stamp;
    uint64_t sent = stamp - STAMP_BASE;
    note_latency(now > sent ? now - sent : 0);
    deliveries++;
}

static void take_stream(conn *c, const uint8_t *p, size_t len, uint64_t now)
{
    append(&c->stream, p, len);
    size_t at = 0;
    for (;;) {
        uint8_t *found = memmem(c->stream.at + at, c->stream.len - at, "\"ts\":", 5);
        if (!found) {
            if (c->stream.len - at > 8)
                at = c->stream.len - 8;
            break;
        }
        at = found - c->stream.at;
        if (c->stream.len - at < 5 + WHOLE_STAMP)
            break;
        count_message(c, found + 5, now);
        at += 5 + WHOLE_STAMP;
    }
    drop_front(&c->stream, at);
}

static void take_payload(conn *c, const uint8_t *p, size_t len, uint64_t now)
{
    if (c->state == TALKING) {
        if (protocol == NATS)
            talk_nats(c, p, len);
        else
            talk_fleetwire(c, p, len);
    } else if (is_publisher(c) || mode == STORM) {
        return;
    } else if (protocol == NATS) {
        take_stream(c, p, len, now);
    } else {
        const uint8_t *found = memmem(p, len < 96 ? len : 96, "\"ts\":", 5);
        if (found && p + len - found > 5 + WHOLE_STAMP)
            count_message(c, found + 5, now);
    }
}

static void lose(conn *c)
{
    if (c->state == OPEN)
        open_count--;
    c->state = LOST;
    lost_count++;
    close(c->fd);
}

/* Takes the response's head; gives the number of its bytes, or 0 while it is incomplete. */
static size_t take_handshake(conn *c, const uint8_t *p, size_t len)
{
    const uint8_t *end = memmem(p, len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (memcmp(p, "HTTP/1.1 101", 12)) {
        fprintf(stderr, "client: handshake refused: %.*s\n", (int)(len > 300 ? 300 : len), p);
        exit(4);
    }
    c->state = TALKING;
    if (protocol == FW) {
        char text[512];
        snprintf(text, sizeof text, "{\"type\":\"auth\",\"data\":{\"token\":\"%s\"}}", token);
        say(c, text);
    } else if (protocol != NATS) {
        if (protocol == WS && !is_publisher(c))
            subscribe(c);
        set_open(c);
    }
    return end + 4 - p;
}

/* Takes one frame; gives the number of its bytes, or 0 while it is incomplete. */
static size_t take_frame(conn *c, uint8_t *p, size_t have, uint64_t now)
{
    if (have < 2)
        return 0;
    int opcode = p[0] & 15;
    uint64_t len = p[1] & 127;
    size_t head = len < 126 ? 2 : len == 126 ? 4 : 10;
    if (have < head)
        return 0;
    if (head > 2) {
        len = 0;
        for (size_t i = 2; i < head; i++)
            len = len << 8 | p[i];
    }
    if (p[1] & 128 || p[0] & 0x70) {
        fprintf(stderr, "client: a masked or compressed frame from the server\n");
        exit(3);
    }
    if (have < head + len)
        return 0;
    if (opcode == 9) {
        put_frame(c, 10, p + head, len);
        flush_out(c);
    } else if (opcode < 3) {
        take_payload(c, p + head, len, now);
    }
    return head + len;
}

static void on_readable(conn *c)
{
    static uint8_t buffer[1 << 20];
    if (c->in.len > sizeof buffer / 2) {
        fprintf(stderr, "client: a frame that is too long\n");
        exit(3);
    }
    if (c->in.len)
        memcpy(buffer, c->in.at, c->in.len);
    ssize_t got = recv(c->fd, buffer + c->in.len, sizeof buffer - c->in.len, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            lose(c);
        return;
    }
    uint64_t now = now_ns();
    reads++;
    bytes_read += got;
    size_t have = c->in.len + got, at = 0, taken = 0;
    if (c->state == HANDSHAKE)
        at = take_handshake(c, buffer, have);
    if (c->state >= TALKING)
        while ((taken = take_frame(c, buffer + at, have - at, now)))
            at += taken;
    c->in.len = 0;
    if (at < have)
        append(&c->in, buffer + at, have - at);
    if (c->out.len)
        flush_out(c);
}

/* ---- connecting ---- */

static void start_connection(conn *c)
{
    started_count++;
    c->started_ns = now_ns();
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        die("socket");
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct linger reset = {1, 0}; /* no TIME_WAIT is left behind */
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(c->fd, (void *)&to, sizeof to) && errno != EINPROGRESS)
        die("connect");
    c->state = CONNECTING;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void on_connected(conn *c)
{
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        lose(c);
        return;
    }
    char request[1024];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                     is_publisher(c) ? publish_path : path, port);
    if (send(c->fd, request, n, MSG_NOSIGNAL) != n) {
        lose(c);
        return;
    }
    c->state = HANDSHAKE;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

/* Waits, and does what is there to do. */
static void turn(int64_t timeout_ns)
{
    static struct epoll_event events[1024];
    struct timespec timeout = {timeout_ns / SECOND, timeout_ns % SECOND};
    int n = epoll_pwait2(epoll, events, 1024, &timeout, NULL);
    for (int i = 0; i < n; i++) {
        conn *c = events[i].data.ptr;
        if (c->state == CONNECTING)
            on_connected(c);
        else if (c->state != LOST)
            on_readable(c);
    }
}

static void wait_s(double s)
{
    for (uint64_t end = now_ns() + s * SECOND; now_ns() < end;)
        turn(20000000);
}

/* Opens the subscribers' connections, so many at once; in a storm those that are lost are counted, else fatal. */
static void connect_all(uint64_t deadline)
{
    while (open_count + lost_count < subscribers) {
        while (started_count < subscribers && started_count - open_count - lost_count < connecting_max)
            start_connection(&conns[started_count]);
        turn(50000000);
        if (mode != STORM && lost_count) {
            fprintf(stderr, "client: a connection was lost while connecting (%d are open)\n", open_count);
            exit(5);
        }
        if (now_ns() > deadline) {
            fprintf(stderr, "client: only %d of %d connected in time\n", open_count, subscribers);
            if (mode != STORM)
                exit(5);
            return;
        }
    }
}

/* ---- the load ---- */

static uint64_t count_stale(void)
{
    uint64_t stale = 0;
    for (int i = 0; i < subscribers; i++)
        for (int e = keyed ? i % experts : 0; e < experts; e += keyed ? experts : 1)
            stale += conns[i].newest[e] != newest_published[e];
    return stale;
}

static void begin_phase(void)
{
    counted_from = STAMP_BASE + now_ns();
    deliveries = expected = 0;
}

/* Publishes one message for each of the first experts until one round has reached everybody. */
static void probe(conn *publisher, uint64_t deadline)
{
    for (int attempt = 0; attempt < 20; attempt++) {
        begin_phase();
        published = 0;
        publish(publisher, keyed ? experts : 1);
        uint64_t patience = now_ns() + SECOND / 2 + subscribers * 50000ull;
        while (deliveries < expected && now_ns() < patience)
            turn(20000000);
        if (deliveries >= expected)
            return;
        if (now_ns() > deadline)
            break;
    }
    fprintf(stderr, "client: a message reached %llu of %llu\n", (unsigned long long)deliveries,
            (unsigned long long)expected);
    exit(6);
}

typedef struct {
    uint64_t at, deliveries, expected, reads, bytes, published, server_cpu_ns;
    double own_cpu_s;
} reading;

static reading take_reading(void)
{
    return (reading){now_ns(), deliveries, expected, reads, bytes_read, published, server_cpu_ns(), own_cpu_s()};
}

/* Publishes what is due; gives the time until more may be due. */
static int64_t publish_due(conn *publisher, uint64_t now, uint64_t *next)
{
    if (mode == BURST) {
        uint64_t slack = (uint64_t)(window - burst) * (keyed ? subscribers / experts : subscribers);
        while (expected <= deliveries + slack)
            publish(publisher, burst);
    } else {
        for (; now >= *next; *next += SECOND * group / rate)
            publish(publisher, group);
    }
    if (publisher->out.len)
        flush_out(publisher);
    int64_t left = mode == PACED ? (int64_t)(*next - now) : 2000000;
    return left > 2000000 ? 2000000 : left;
}

static void run_load(conn *publisher, reading *begin, reading *end)
{
    begin_phase();
    published = 0;
    uint64_t next = now_ns(), from = next + warm_up_s * SECOND, until = from + seconds * SECOND;
    while (!lost_count) {
        uint64_t now = now_ns();
        if (!histogram_on && now >= from) {
            histogram_on = 1;
            *begin = take_reading();
        }
        if (now >= until)
            break;
        turn(publish_due(publisher, now, &next));
    }
    *end = take_reading();
    histogram_on = 0;
}

static void drain(conn *publisher)
{
    for (uint64_t patience = now_ns() + 4 * SECOND; now_ns() < patience && !lost_count;) {
        if (deliveries >= expected || (conflated && !count_stale()))
            return;
        flush_out(publisher);
        turn(20000000);
    }
}

static void parse_arguments(int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "p:n:m:x:W:B:c:T:r:u:U:s:t:k:S:P:w:g:KC")) != -1;) {
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'n': subscribers = atoi(optarg); break;
        case 'm':
            mode = !strcmp(optarg, "paced")   ? PACED
                   : !strcmp(optarg, "idle")  ? IDLE
                   : !strcmp(optarg, "storm") ? STORM
                                              : BURST;
            break;
        case 'x':
            protocol = !strcmp(optarg, "fw")      ? FW
                       : !strcmp(optarg, "nats")  ? NATS
                       : !strcmp(optarg, "nchan") ? NCHAN
                                                  : WS;
            break;
        case 'W': window = atoi(optarg); break;
        case 'B': burst = atoi(optarg); break;
        case 'c': connecting_max = atoi(optarg); break;
        case 'g': group = atoi(optarg); break;
        case 'T': seconds = atof(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'w': warm_up_s = atof(optarg); break;
        case 'u': path = optarg; break;
        case 'U': publish_path = optarg; break;
        case 's': subscribe_message = optarg; break;
        case 't': token = optarg; break;
        case 'k': experts = atoi(optarg); break;
        case 'S': snapshot_rows = atoi(optarg); break;
        case 'K': keyed = 1; break;     /* each subscriber hears one expert: FIRST_EXPERT + its number modulo -k */
        case 'C': conflated = 1; break; /* only the last value of each expert has to arrive */
        case 'P':
            for (char *pid = strtok(optarg, ","); pid && pid_count < 64; pid = strtok(0, ","))
                pids[pid_count++] = atoi(pid);
            break;
        default: exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    parse_arguments(argc, argv);
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(0);
    conns = calloc(subscribers + 1, sizeof *conns);
    newest_published = calloc(experts, sizeof *newest_published);
    for (int i = 0; i <= subscribers; i++) {
        conns[i].number = i;
        if (mode == BURST || mode == PACED)
            conns[i].newest = calloc(experts, sizeof *newest_published);
    }

    uint64_t started = now_ns(), deadline = started + patience_s * SECOND;
    double memory_before = server_memory_kib("VmRSS");
    uint64_t cpu_before = server_cpu_ns();
    histogram_on = mode == STORM;
    connect_all(deadline);
    double connect_s = (now_ns() - started) / 1e9;
    wait_s(mode == IDLE ? 1 : 0.05); /* the server's last bit of work, and the clock tick that accounts for it */
    double connect_us = (server_cpu_ns() - cpu_before) / 1e3 / subscribers;
    double memory = (server_memory_kib("VmRSS") - memory_before) / subscribers;

    reading begin = {0}, end = {0};
    uint64_t missing = 0, stale = 0;
    if (mode == BURST || mode == PACED) {
        conn *publisher = &conns[subscribers];
        start_connection(publisher);
        while (open_count <= subscribers && now_ns() < deadline)
            turn(50000000);
        probe(publisher, deadline);
        wait_s(0.1);
        run_load(publisher, &begin, &end);
        drain(publisher);
        missing = expected > deliveries ? expected - deliveries : 0;
        stale = count_stale();
    }

    double took = (end.at - begin.at) / 1e9;
    uint64_t delivered = end.deliveries - begin.deliveries, read_count = end.reads - begin.reads;
    if (took <= 0)
        took = 1;
    printf("{\"open\":%d,\"lost\":%d,\"connect_s\":%.3f,\"connect_us\":%.1f,\"rss_kib\":%.2f,\"rss_peak_kib\":%.0f,"
           "\"published_per_s\":%.1f,\"expected_per_s\":%.0f,\"delivered_per_s\":%.0f,\"us_per_delivery\":%.4f,\"server_busy\":%.3f,"
           "\"client_busy\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"messages_per_read\":%.2f,"
           "\"bytes_per_s\":%.0f,\"bytes_per_delivery\":%.1f,\"expected\":%llu,\"missing\":%llu,\"stale\":%llu}\n",
           open_count, lost_count, connect_s, connect_us, memory, server_memory_kib("VmHWM"),
           (end.published - begin.published) / took, (end.expected - begin.expected) / took, delivered / took,
           delivered ? (end.server_cpu_ns - begin.server_cpu_ns) / 1e3 / delivered : 0,
           (end.server_cpu_ns - begin.server_cpu_ns) / 1e9 / took, (end.own_cpu_s - begin.own_cpu_s) / took,
           quantile_us(.5) / 1e3, quantile_us(.99) / 1e3, longest / 1e6,
           read_count ? (double)delivered / read_count : 0, (end.bytes - begin.bytes) / took,
           delivered ? (double)(end.bytes - begin.bytes) / delivered : 0, (unsigned long long)expected,
           (unsigned long long)missing, (unsigned long long)stale);
    return lost_count && mode != STORM ? 7 : 0;
}
