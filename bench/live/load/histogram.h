/* Microseconds, each kept to within a sixty-fourth of itself. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

/* Up to 2^36 microseconds: nineteen hours. */
#define HISTOGRAM_BUCKETS (31 * 64 + 64)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    int64_t max;
};

void histogram_add(struct histogram *all, int64_t us);
/* What so large a part of them do not exceed; 0 when there are none. */
int64_t histogram_at(const struct histogram *all, double part);

#endif
