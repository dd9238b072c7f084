#define _GNU_SOURCE
#include "follower.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Of one source address: its ports are fewer than 65,536, and some are taken. */
#define FOLLOWERS_AN_ADDRESS 5000

void follower_start(struct load *load, struct follower *one, int number) {
    *one = (struct follower){.fd = -1, .stage = CONNECTING, .number = number, .seq = -1};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    int on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number / FOLLOWERS_AN_ADDRESS));
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (one->fd < 0) {
        follower_end_by_system(load, one, "socket: ");
        return;
    }
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* The port is chosen when both ends are known, so that each address has them all. */
    setsockopt(one->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(one->fd, (struct sockaddr *)&from, sizeof from) < 0)
        follower_end_by_system(load, one, "bind: ");
    else if (connect(one->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
        follower_end_by_system(load, one, "connect: ");
}

void follower_upgrade(struct load *load, struct follower *one) {
    static const char HEAD[] = "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n%s\r\n";
    const char *protocol = load->is_graphql ? "Sec-WebSocket-Protocol: graphql-transport-ws\r\n" : "";
    char out[1024];
    socklen_t size = sizeof errno;
    getsockopt(one->fd, SOL_SOCKET, SO_ERROR, &errno, &size);
    if (errno) {
        follower_end_by_system(load, one, "connect: ");
        return;
    }
    one->stage = UPGRADING;
    follower_say(load, one, out, (size_t)snprintf(out, sizeof out, HEAD, load->path, load->port, protocol));
}

size_t follower_upgraded(struct load *load, struct follower *one, const char *bytes, size_t count) {
    const char *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - bytes) + 4;
    if (head < 12 || memcmp(bytes, "HTTP/1.1 101", 12) || !memmem(bytes, head, ACCEPT, strlen(ACCEPT))) {
        follower_end(load, one, "no websocket: ", bytes, count);
    } else if (load->is_graphql) {
        const char *init = load->inits[one->number % load->init_count];
        one->stage = ACKNOWLEDGING;
        follower_say_text(load, one, "{\"type\":\"connection_init\",\"payload\":%s}", init);
    } else {
        follower_is_open(load, one);
    }
    return head;
}

void follower_is_open(struct load *load, struct follower *one) {
    if (one->stage == GONE) return;
    one->stage = OPEN;
    load->open++;
}
