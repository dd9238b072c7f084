/* A server that does nothing but send: it shows what the load can take.

   blast PORT SOCKETS BYTES   lets so many subscribe, one after the other; is told `go <events> <merged>`, sends each
   event to all of them, so many in one write, and says how many frames that were. Ends with its input. */
#define _GNU_SOURCE
#include "clock.h"
#include "wire.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INBOX 20000
#define PAYLOAD_LIMIT 4096
#define MERGED_LIMIT 64
#define BACKLOG 1024

static char payload[PAYLOAD_LIMIT];
static int64_t seq = 1;

static _Noreturn void die(const char *why) {
    perror(why);
    exit(2);
}

static void send_all(int fd, const void *bytes, size_t length) {
    for (size_t at = 0; at < length;) {
        ssize_t sent = send(fd, (const char *)bytes + at, length - at, MSG_NOSIGNAL);
        if (sent < 0) die("blast: send");
        at += (size_t)sent;
    }
}

/* The next message of a client, as text in `inbox`. */
static char *heard(int fd, unsigned char *inbox, size_t *count) {
    static char text[INBOX];
    struct frame frame;
    while (frame_read(inbox, *count, INBOX - FRAME_HEADER, &frame) != WHOLE) {
        ssize_t got = recv(fd, inbox + *count, INBOX - *count, 0);
        if (got <= 0) die("blast: recv");
        *count += (size_t)got;
    }
    memcpy(text, frame.payload, frame.length);
    text[frame.length] = 0;
    memmove(inbox, inbox + frame.size, *count -= frame.size);
    return text;
}

/* Lets one client in: its handshake, its `connection_init`, and the id of its subscription, which is returned. */
static int admit(int fd) {
    static const char SWITCHING[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
                                    "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n";
    static const char ACK[] = "{\"type\":\"connection_ack\"}";
    unsigned char inbox[INBOX], out[sizeof ACK + FRAME_HEADER];
    size_t count = 0;
    int id;
    while (!memmem(inbox, count, "\r\n\r\n", 4)) {
        ssize_t got = recv(fd, inbox + count, INBOX - count, 0);
        if (got <= 0) die("blast: recv");
        count += (size_t)got;
    }
    /* The client says nothing more until it is answered. */
    count = 0;
    send_all(fd, SWITCHING, sizeof SWITCHING - 1);
    heard(fd, inbox, &count);
    send_all(fd, out, frame_write(out, TEXT, false, ACK, sizeof ACK - 1));
    if (sscanf(heard(fd, inbox, &count), "{\"id\":\"o%d\"", &id) != 1) die("blast: no subscription");
    return id;
}

/* Several events for one socket, in one piece. */
static size_t prepare(unsigned char *out, int id, int merged, int64_t stamp, int bytes) {
    size_t at = 0;
    for (int i = 0; i < merged; i++) {
        int length = snprintf(payload, sizeof payload,
                              "{\"id\":\"o%d\",\"type\":\"next\",\"payload\":{\"data\":{\"bookEvents\":{\"seq\":%" PRId64
                              ",\"batchId\":\"t=%" PRId64 "\",\"rest\":\"",
                              id, seq + i, stamp);
        memset(payload + length, 'x', (size_t)(bytes > length + 5 ? bytes - length - 5 : 0));
        length = bytes > length + 5 ? bytes - 5 : length;
        memcpy(payload + length, "\"}}}}", 5);
        at += frame_write(out + at, TEXT, false, payload, (size_t)length + 5);
    }
    return at;
}

int main(int argc, char **argv) {
    char line[64];
    static unsigned char out[MERGED_LIMIT * (PAYLOAD_LIMIT + FRAME_HEADER)];
    struct sockaddr_in here = {.sin_family = AF_INET};
    int on = 1, count = argc == 4 ? atoi(argv[2]) : 0, bytes = argc == 4 ? atoi(argv[3]) : 0, events, merged;
    if (count < 1 || bytes > PAYLOAD_LIMIT) die("blast PORT SOCKETS BYTES");
    int *fds = calloc((size_t)count, sizeof *fds), *ids = calloc((size_t)count, sizeof *ids);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    here.sin_port = htons((uint16_t)atoi(argv[1]));
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, BACKLOG) < 0) die("blast: listen");
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("listening");
    for (int i = 0; i < count; i++) {
        fds[i] = accept(listener, NULL, NULL);
        if (fds[i] < 0) die("blast: accept");
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ids[i] = admit(fds[i]);
    }
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "go %d %d", &events, &merged) != 2 || merged < 1 || merged > MERGED_LIMIT) die("blast: go");
        for (int left = events; left > 0; left -= merged, seq += merged) {
            if (merged > left) merged = left;
            int64_t stamp = now_us();
            for (int i = 0; i < count; i++) send_all(fds[i], out, prepare(out, ids[i], merged, stamp, bytes));
        }
        printf("sent %lld\n", (long long)events * count);
    }
}
