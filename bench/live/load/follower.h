/* One websocket of the load, which follows the book: how it opens, and what becomes of what it reads. */
#ifndef FOLLOWER_H
#define FOLLOWER_H

#include "tally.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

/* The largest message that is understood. */
#define MESSAGE_LIMIT (256 * 1024)

enum stage { CONNECTING, UPGRADING, ACKNOWLEDGING, OPEN, GONE };

struct follower {
    int fd;
    enum stage stage;
    bool has_heard;
    int number;
    int64_t seq;
    /* The beginning of what has not come whole. */
    unsigned char *rest;
    size_t rest_length;
};

/* What all have in common. */
struct load {
    int port;
    const char *path;
    /* False: plain websockets, each message an event. */
    bool is_graphql;
    /* Payloads of `connection_init`, taken in turn; and that of `subscribe`. */
    char **inits;
    int init_count;
    const char *subscribe;
    struct tally tally;
    int open, gone, heard;
    /* Of the first thing that went wrong: fit for a JSON string. */
    char fault[200];
};

/* opening.c. Begins to connect; the follower is GONE where that fails. */
void follower_start(struct load *load, struct follower *one, int number);
/* Connected, or not: asks for a websocket. */
void follower_upgrade(struct load *load, struct follower *one);
/* Looks for the answer to that, and returns how much of the bytes it takes: 0 while it is not whole. */
size_t follower_upgraded(struct load *load, struct follower *one, const char *bytes, size_t count);
void follower_is_open(struct load *load, struct follower *one);

/* follower.c. Goes on, now that it can be written (while CONNECTING) or read. */
void follower_go_on(struct load *load, struct follower *one);

/* saying.c. Ends it, for this reason. */
void follower_end(struct load *load, struct follower *one, const char *why, const char *more, size_t length);
void follower_end_by_system(struct load *load, struct follower *one, const char *doing);
void follower_say(struct load *load, struct follower *one, const void *bytes, size_t length);
void follower_say_frame(struct load *load, struct follower *one, enum opcode opcode, const char *text, size_t length);
/* A text frame, as printf makes it. */
void follower_say_text(struct load *load, struct follower *one, const char *form, ...)
    __attribute__((format(printf, 3, 4)));

#endif
