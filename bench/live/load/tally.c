#include "tally.h"

#include "message.h"

#include <inttypes.h>
#include <stdio.h>

/* How the feed begins a value that holds a stamp. */
#define STAMP "\"t="
#define SEQ "\"seq\":"

void tally_begin(struct tally *tally, int64_t now) {
    *tally = (struct tally){.sockets = tally->sockets, .began = now};
}

static void follow(struct tally *tally, int64_t *seq, int64_t found) {
    if (found < 0) return;
    if (*seq >= 0 && found > *seq + 1) tally->gaps += (uint64_t)(found - *seq - 1);
    if (found <= *seq)
        tally->repeats++;
    else
        *seq = found;
}

int tally_event(struct tally *tally, int64_t *seq, const char *text, size_t length, size_t size, int64_t now) {
    follow(tally, seq, number_after(text, length, SEQ));
    int64_t sent = number_after(text, length, STAMP);
    if (sent < 0) {
        tally->unstamped++;
        return 0;
    }
    if (sent < tally->began) {
        tally->stale++;
        return 1;
    }
    if (tally->events < tally->sockets) tally->first_come = now;
    if (tally->events == 0 || sent < tally->first_sent) tally->first_sent = sent;
    if (sent > tally->last_sent) tally->last_sent = sent;
    tally->last_come = now;
    tally->events++;
    tally->bytes += size;
    histogram_add(&tally->latency, now - sent);
    return 1;
}

void tally_print(const struct tally *tally, const char *fault) {
    const struct histogram *all = &tally->latency;
    printf("{\"events\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"stale\": %" PRIu64 ", \"unstamped\": %" PRIu64
           ", \"gaps\": %" PRIu64 ", \"repeats\": %" PRIu64 ", \"closed\": %" PRIu64,
           tally->events, tally->bytes, tally->stale, tally->unstamped, tally->gaps, tally->repeats, tally->closed);
    printf(", \"sending\": %" PRId64 ", \"coming\": %" PRId64, tally->last_sent - tally->first_sent,
           tally->last_come - tally->first_come);
    printf(", \"p50\": %" PRId64 ", \"p95\": %" PRId64 ", \"p99\": %" PRId64 ", \"max\": %" PRId64
           ", \"fault\": \"%s\"}\n",
           histogram_at(all, 0.5), histogram_at(all, 0.95), histogram_at(all, 0.99), all->max, fault);
}
