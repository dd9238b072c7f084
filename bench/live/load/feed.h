/* The connections that a feed goes out on. */
#ifndef FEED_H
#define FEED_H

#include <stddef.h>
#include <stdint.h>

#define REQUEST_LIMIT (16 * 1024)
#define ANSWER_ROOM (64 * 1024)
#define PLACES_LIMIT 8
/* As wide as what they become, so that a request keeps its length. */
#define STAMP_PLACE "t=0000000000000000"
#define NUMBER_PLACE "1000000000"

struct connection {
    int fd;
    int waiting;
    char answer[ANSWER_ROOM];
    size_t length;
};

struct feed {
    struct connection *all;
    int connections, ahead;
    unsigned turn;
    char *request;
    size_t request_length;
    const char *must;
    char *stamps[PLACES_LIMIT + 1], *numbers[PLACES_LIMIT + 1];
    int64_t number, stamp;
    int64_t sent, answered, wrong;
    char fault[200];
};

_Noreturn void die(const char *why);
void feed_find_places(struct feed *feed);
void feed_connect(struct connection *one, int port, const char *greeting, size_t length);
void feed_send(struct feed *feed, struct connection *one);
/* Counts what is answered wholly. */
void feed_hear(struct feed *feed, struct connection *one);

#endif
