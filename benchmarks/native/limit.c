/*
 * The limit: the least that a single-threaded server can spend on fanning WebSocket messages out over TCP (Linux).
 *
 *   gcc -O2 -Wall -o limit limit.c
 *   taskset -c 0 ./limit plain|joined [PORT]
 *
 * No JSON, no sessions, no deadlines, no TLS: accept, the handshake of RFC 6455, unmask, route by the first bytes
 * ({"type":"ea_ is published, {"type":"sub subscribes), and send one ready frame to every subscriber. Who subscribes to
 * "ea_updates:ID" (five digits) hears this expert's messages only, each at once.
 *
 *   plain   one send() for each message and subscriber, at once
 *   joined  the messages of one read of the publisher's are joined: one send() for each subscriber
 *
 * What a socket does not take is kept and sent later. Prints the port that it listens on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    uint8_t *at;
    size_t len, cap;
} bytes;

typedef struct conn conn;

typedef struct {
    conn **at;
    int count, cap;
} audience;

struct conn {
    int fd, upgraded;
    audience *hears;
    bytes in, out;
};

static int epoll, joined;
static audience everybody, hearers[100000]; /* of everything; of one expert, by its id */
static uint8_t ready[1 << 20]; /* frames that are not sent yet */
static size_t ready_len;

static void append(bytes *to, const void *from, size_t len)
{
    if (to->len + len > to->cap) {
        to->cap = (to->len + len) * 2;
        to->at = realloc(to->at, to->cap);
    }
    memcpy(to->at + to->len, from, len);
    to->len += len;
}

/* ---- SHA-1 (RFC 3174) and base64, for the handshake only ---- */

static uint32_t rotated(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static void sha1(const uint8_t *message, size_t len, uint8_t digest[20])
{
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t padded[192] = {0};
    size_t total = (len + 9 + 63) / 64 * 64;
    memcpy(padded, message, len);
    padded[len] = 0x80;
    for (int i = 0; i < 8; i++)
        padded[total - 1 - i] = (uint64_t)(len * 8) >> (8 * i);
    for (size_t block = 0; block < total; block += 64) {
        uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 16; i++) {
            const uint8_t *p = padded + block + 4 * i;
            w[i] = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        }
        for (int i = 16; i < 80; i++)
            w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        for (int i = 0; i < 80; i++) {
            static const uint32_t constants[4] = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};
            uint32_t f = i < 20 ? (b & c) | (~b & d) : i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
            uint32_t next = rotated(a, 5) + f + e + constants[i / 20] + w[i];
            e = d, d = c, c = rotated(b, 30), b = a, a = next;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int i = 0; i < 20; i++)
        digest[i] = h[i / 4] >> (24 - 8 * (i % 4));
}

static void accept_key(const char *key, size_t len, char out[29])
{
    static const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t text[100], digest[21] = {0};
    if (len > 60)
        len = 60;
    memcpy(text, key, len);
    memcpy(text + len, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    sha1(text, len + 36, digest);
    for (int i = 0; i < 21; i += 3, out += 4) {
        uint32_t v = digest[i] << 16 | digest[i + 1] << 8 | digest[i + 2];
        for (int k = 0; k < 4; k++)
            out[k] = digits[v >> (18 - 6 * k) & 63];
    }
    out[-1] = '=', out[0] = 0;
}

/* ---- output ---- */

static void keep(conn *c, const uint8_t *p, size_t len)
{
    if (!c->out.len) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
    }
    append(&c->out, p, len);
}

static inline void put(conn *c, const uint8_t *p, size_t len)
{
    if (c->out.len) {
        keep(c, p, len);
        return;
    }
    ssize_t sent = send(c->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)len)
        return;
    if (sent < 0) {
        if (errno != EAGAIN)
            return;
        sent = 0;
    }
    keep(c, p + sent, len - sent);
}

static void on_writable(conn *c)
{
    ssize_t sent = send(c->fd, c->out.at, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        memmove(c->out.at, c->out.at + sent, c->out.len - sent);
        c->out.len -= sent;
    }
    if (!c->out.len) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
    }
}

static void send_to(const audience *who, const uint8_t *p, size_t len)
{
    for (int i = 0; i < who->count; i++)
        put(who->at[i], p, len);
}

static void send_ready(void)
{
    if (ready_len)
        send_to(&everybody, ready, ready_len);
    ready_len = 0;
}

/* Finds the number of five digits that follows a text near the beginning of a message; 0 if there is none. */
static int number_after(const char *text, const uint8_t *payload, size_t len)
{
    const uint8_t *found = memmem(payload, len < 96 ? len : 96, text, strlen(text));
    char digits[6] = {0};
    if (!found || payload + len < found + strlen(text) + 5)
        return 0;
    memcpy(digits, found + strlen(text), 5);
    return atoi(digits);
}

static void publish(const uint8_t *payload, size_t len)
{
    if (ready_len + len + 4 > sizeof ready)
        send_ready();
    uint8_t *to = ready + ready_len;
    size_t head = len < 126 ? 2 : 4;
    to[0] = 0x81;
    to[1] = len < 126 ? len : 126;
    if (head == 4)
        to[2] = len >> 8, to[3] = len;
    memcpy(to + head, payload, len);
    send_to(&hearers[number_after("\"ea_id\":", payload, len)], to, head + len);
    ready_len += head + len;
    if (!joined)
        send_ready();
}

/* ---- input ---- */

static void subscribe(conn *c, int expert)
{
    if (c->hears)
        return;
    audience *who = c->hears = expert ? &hearers[expert] : &everybody;
    if (who->count == who->cap) {
        who->cap = who->cap * 2 + 16;
        who->at = realloc(who->at, sizeof *who->at * who->cap);
    }
    who->at[who->count++] = c;
}

static void end(conn *c)
{
    for (int i = 0; c->hears && i < c->hears->count; i++)
        if (c->hears->at[i] == c) {
            c->hears->at[i] = c->hears->at[--c->hears->count];
            break;
        }
    close(c->fd);
    free(c->in.at);
    free(c->out.at);
    free(c);
}

/* Answers the request's head; gives the number of its bytes, 0 while it is incomplete, -1 if it is none. */
static ssize_t take_handshake(conn *c, uint8_t *p, size_t have)
{
    uint8_t *head_end = memmem(p, have, "\r\n\r\n", 4);
    if (!head_end)
        return 0;
    *head_end = 0;
    char *key = strcasestr((char *)p, "sec-websocket-key:");
    if (!key)
        return -1;
    key += 18;
    key += strspn(key, " ");
    char answer[256], accept[32];
    accept_key(key, strcspn(key, "\r\n "), accept);
    int len = sprintf(answer,
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: %s\r\n\r\n",
                      accept);
    put(c, (uint8_t *)answer, len);
    c->upgraded = 1;
    return head_end + 4 - p;
}

/* Takes one frame; gives the number of its bytes, 0 while it is incomplete, -1 if the connection is to end. */
static ssize_t take_frame(conn *c, uint8_t *p, size_t have)
{
    if (have < 8)
        return 0;
    uint64_t len = p[1] & 127;
    size_t head = 6;
    if (len == 127 || (p[0] & 15) == 8)
        return -1;
    if (len == 126) {
        len = p[2] << 8 | p[3];
        head = 8;
    }
    if (have < head + len)
        return 0;
    uint8_t *payload = p + head, mask[4];
    memcpy(mask, payload - 4, 4);
    for (size_t i = 0; i < len; i++)
        payload[i] ^= mask[i & 3];
    if (len > 12 && !memcmp(payload, "{\"type\":\"ea_", 12))
        publish(payload, len);
    else if (len > 12 && !memcmp(payload, "{\"type\":\"sub", 12))
        subscribe(c, number_after("ea_updates:", payload, len));
    return head + len;
}

static void on_readable(conn *c)
{
    static uint8_t buffer[1 << 20];
    if (c->in.len)
        memcpy(buffer, c->in.at, c->in.len);
    ssize_t got = recv(c->fd, buffer + c->in.len, sizeof buffer - c->in.len, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            end(c);
        return;
    }
    size_t have = c->in.len + got, at = 0;
    ssize_t taken = 0;
    if (!c->upgraded)
        at = taken = take_handshake(c, buffer, have);
    if (c->upgraded)
        while ((taken = take_frame(c, buffer + at, have - at)) > 0)
            at += taken;
    send_ready();
    if (taken < 0) {
        end(c);
        return;
    }
    c->in.len = 0;
    if (at < have)
        append(&c->in, buffer + at, have - at);
}

static void on_connections(int listener)
{
    for (int fd, one = 1; (fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0;) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conn *c = calloc(1, sizeof *c);
        c->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    joined = argc > 1 && !strcmp(argv[1], "joined");
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(argc > 2 ? atoi(argv[2]) : 0),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (bind(listener, (void *)&address, len) || listen(listener, 4096) ||
        getsockname(listener, (void *)&address, &len)) {
        perror("limit");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN}, events[512];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < n; i++) {
            conn *c = events[i].data.ptr;
            if (!c) {
                on_connections(listener);
                continue;
            }
            if (events[i].events & EPOLLOUT && c->out.len)
                on_writable(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                on_readable(c);
        }
    }
}
