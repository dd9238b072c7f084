#include "histogram.h"

static int bucket_of(int64_t us) {
    if (us < 64) return (int)us;
    int shift = 63 - __builtin_clzll((uint64_t)us) - 6;
    int bucket = shift * 64 + (int)(us >> shift);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static int64_t upper_end(int bucket) {
    if (bucket < 128) return bucket;
    int shift = bucket / 64 - 1;
    return ((int64_t)(bucket - shift * 64 + 1) << shift) - 1;
}

void histogram_add(struct histogram *all, int64_t us) {
    if (us < 0) us = 0;
    all->counts[bucket_of(us)]++;
    all->total++;
    if (us > all->max) all->max = us;
}

int64_t histogram_at(const struct histogram *all, double part) {
    uint64_t wanted = (uint64_t)(part * (double)all->total + 0.5), seen = 0;
    for (int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += all->counts[bucket];
        if (seen && seen >= wanted) {
            int64_t end = upper_end(bucket);
            return end < all->max ? end : all->max;
        }
    }
    return all->max;
}
