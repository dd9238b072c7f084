#define _GNU_SOURCE
#include "clock.h"
#include "feed.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void find(char *text, const char *place, char **found) {
    int count = 0;
    for (char *at = text; count < PLACES_LIMIT && (at = strstr(at, place)); at += strlen(place)) found[count++] = at;
}

void feed_find_places(struct feed *feed) {
    find(feed->request, STAMP_PLACE, feed->stamps);
    find(feed->request, NUMBER_PLACE, feed->numbers);
}

void feed_connect(struct connection *one, int port, const char *greeting, size_t length) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char line[256];
    int on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(one->fd, (struct sockaddr *)&to, sizeof to) < 0) die("feed: connect");
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!length) return;
    /* So short an answer that it comes in one piece. */
    if (send(one->fd, greeting, length, MSG_NOSIGNAL) != (ssize_t)length) die("feed: greeting");
    if (recv(one->fd, line, sizeof line, 0) <= 0 || line[0] == '-') die("feed: greeting refused");
}

void feed_send(struct feed *feed, struct connection *one) {
    char digits[24];
    /* No two are alike: it names a batch as well. */
    int64_t now = now_us();
    feed->stamp = now > feed->stamp ? now : feed->stamp + 1;
    snprintf(digits, sizeof digits, "t=%016" PRId64, feed->stamp);
    for (char **at = feed->stamps; *at; at++) memcpy(*at, digits, strlen(STAMP_PLACE));
    snprintf(digits, sizeof digits, "%010" PRId64, feed->number++);
    for (char **at = feed->numbers; *at; at++) memcpy(*at, digits, strlen(NUMBER_PLACE));
    if (send(one->fd, feed->request, feed->request_length, MSG_NOSIGNAL) != (ssize_t)feed->request_length)
        die("feed: send");
    one->waiting++;
    feed->sent++;
}

/* The size of a whole answer, or 0 while it is none; says where what it must hold begins. */
static size_t whole(const struct connection *one, const char **body) {
    const char *end = one->answer + one->length, *head, *length;
    if (one->answer[0] != 'H') {
        head = memmem(one->answer, one->length, "\r\n", 2);
        *body = one->answer;
        return head ? (size_t)(head - one->answer) + 2 : 0;
    }
    head = memmem(one->answer, one->length, "\r\n\r\n", 4);
    if (!head) return 0;
    length = strcasestr(one->answer, "\r\ncontent-length:");
    *body = head + 4;
    size_t size = (size_t)(*body - one->answer) + (length && length < head ? (size_t)atoll(length + 17) : 0);
    return size <= (size_t)(end - one->answer) ? size : 0;
}

static void judge(struct feed *feed, const char *answer, size_t size, const char *body) {
    size_t length = size - (size_t)(body - answer);
    feed->answered++;
    int is_good = answer[0] == 'H' ? memmem(body, length, feed->must, strlen(feed->must)) != NULL
                                   : strncmp(body, feed->must, strlen(feed->must)) == 0;
    if (is_good) return;
    if (!feed->wrong++) {
        snprintf(feed->fault, sizeof feed->fault, "%.*s", (int)(length < 190 ? length : 190), body);
        for (char *c = feed->fault; *c; c++) {
            if (*c == '"' || *c == '\\' || *c < ' ' || *c > '~') *c = '\'';
        }
    }
}

void feed_hear(struct feed *feed, struct connection *one) {
    size_t size;
    const char *body;
    ssize_t got = recv(one->fd, one->answer + one->length, ANSWER_ROOM - 1 - one->length, 0);
    if (got <= 0) die("feed: the connection is gone");
    one->length += (size_t)got;
    one->answer[one->length] = 0;
    while (one->length && (size = whole(one, &body))) {
        judge(feed, one->answer, size, body);
        one->waiting--;
        memmove(one->answer, one->answer + size, one->length -= size);
        one->answer[one->length] = 0;
    }
    if (one->length == ANSWER_ROOM - 1) die("feed: an answer is too long");
}
