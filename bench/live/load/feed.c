/* What happens: one request after the other, at a rate, and each with its moment in it.

   feed PORT RATE SECONDS FIRST CONNECTIONS AHEAD REQUEST MUST [GREETING]

   REQUEST is a file. In it T's zeros become microseconds, which rise, and NUMBER becomes FIRST and what follows it. Up to
   AHEAD requests go out on a connection before their answers. Such is HTTP with MUST in its body, or one line that begins
   with MUST. GREETING is a file, said once, and its answer is one line. Prints JSON when all is answered. */
#define _GNU_SOURCE
#include "feed.h"

#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* For what is under way when the time is over, in ms. */
#define ANSWER_LIMIT 10000

static struct feed feed;

_Noreturn void die(const char *why) {
    perror(why);
    exit(2);
}

static char *contents(const char *name, size_t *length) {
    FILE *file = fopen(name, "rb");
    char *text = malloc(REQUEST_LIMIT);
    if (!file || !text) die(name);
    *length = fread(text, 1, REQUEST_LIMIT - 1, file);
    fclose(file);
    text[*length] = 0;
    return text;
}

static struct connection *with_room(void) {
    for (int i = 0; i < feed.connections; i++) {
        struct connection *next = &feed.all[feed.turn++ % feed.connections];
        if (next->waiting < feed.ahead) return next;
    }
    return NULL;
}

static void pace(int timer, double rate) {
    int64_t each = (int64_t)(1e9 / rate);
    struct timespec every = {.tv_sec = each / 1000000000, .tv_nsec = each % 1000000000};
    struct itimerspec beat = {.it_interval = every, .it_value = {.tv_nsec = 1}};
    if (timerfd_settime(timer, 0, &beat, NULL) < 0) die("feed: timer");
}

int main(int argc, char **argv) {
    if (argc < 9) die("feed PORT RATE SECONDS FIRST CONNECTIONS AHEAD REQUEST MUST [GREETING]");
    double rate = atof(argv[2]);
    int64_t length_us = (int64_t)(atof(argv[3]) * 1e6), answered_by = 0;
    size_t greeting_length = 0;
    feed.number = atoll(argv[4]);
    feed.connections = atoi(argv[5]);
    feed.ahead = atoi(argv[6]);
    feed.request = contents(argv[7], &feed.request_length);
    feed.must = argv[8];
    char *greeting = argc > 9 ? contents(argv[9], &greeting_length) : NULL;
    feed.all = calloc((size_t)feed.connections, sizeof *feed.all);
    feed_find_places(&feed);
    int queue = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN}, ready[64];
    for (int i = 0; i < feed.connections; i++) {
        feed_connect(&feed.all[i], atoi(argv[1]), greeting, greeting_length);
        wanted.data.ptr = &feed.all[i];
        epoll_ctl(queue, EPOLL_CTL_ADD, feed.all[i].fd, &wanted);
    }
    wanted.data.ptr = NULL;
    if (epoll_ctl(queue, EPOLL_CTL_ADD, timer, &wanted) < 0) die("feed: epoll");
    int64_t began = now_us(), due = 0, left;
    pace(timer, rate);
    while (answered_by == 0 || (feed.answered < feed.sent && now_us() < answered_by)) {
        int count = epoll_wait(queue, ready, 64, answered_by ? 100 : -1);
        for (int i = 0; i < count; i++) {
            uint64_t beats;
            if (ready[i].data.ptr)
                feed_hear(&feed, ready[i].data.ptr);
            else if (read(timer, &beats, sizeof beats) > 0)
                due += (int64_t)beats;
        }
        if (answered_by == 0 && now_us() - began >= length_us) {
            answered_by = now_us() + ANSWER_LIMIT * 1000;
            epoll_ctl(queue, EPOLL_CTL_DEL, timer, NULL);
        }
        struct connection *next;
        for (left = due - feed.sent; left > 0 && answered_by == 0 && (next = with_room()); left--)
            feed_send(&feed, next);
    }
    printf("{\"sent\": %" PRId64 ", \"answered\": %" PRId64 ", \"wrong\": %" PRId64 ", \"fault\": \"%s\"}\n", feed.sent,
           feed.answered, feed.wrong, feed.fault);
}
