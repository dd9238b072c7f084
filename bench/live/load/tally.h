/* What has come: counted from one `begin` to the next. */
#ifndef TALLY_H
#define TALLY_H

#include "histogram.h"

#include <stddef.h>

struct tally {
    struct histogram latency;
    /* Events that were stamped since the beginning, and the bytes of their frames. */
    uint64_t events, bytes;
    /* Events that were stamped before it; and messages with no stamp at all. */
    uint64_t stale, unstamped;
    /* Numbers that a socket never saw, and such as it saw again. */
    uint64_t gaps, repeats;
    uint64_t closed;
    /* The first has come when as many have as there are sockets: how long one event takes to all of them is no lag. */
    uint64_t sockets;
    int64_t began, first_sent, last_sent, first_come, last_come;
};

void tally_begin(struct tally *tally, int64_t now);
/* Counts an event; `seq` is the socket's last, and becomes this one's. Says whether it has a stamp. */
int tally_event(struct tally *tally, int64_t *seq, const char *text, size_t length, size_t size, int64_t now);
/* One line of JSON, in microseconds. */
void tally_print(const struct tally *tally, const char *fault);

#endif
