/* Frames of a websocket (RFC 6455, section 5.2), and the handshake that comes before them. */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opcode { CONTINUED = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

/* The key of the RFC's own example, and its answer: nobody here needs a hash. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
/* The longest header: two bytes, eight of length, four of mask. */
#define FRAME_HEADER 14

struct frame {
    enum opcode opcode;
    bool is_final;
    unsigned char *payload;
    size_t length;
    /* Header and payload. */
    size_t size;
};

enum reading { WHOLE, UNFINISHED, BROKEN };

/* Reads one frame, unmasking it in place; one of more than `limit` bytes is BROKEN. */
enum reading frame_read(unsigned char *bytes, size_t count, size_t limit, struct frame *found);
/* Writes one into `out`, which has room for FRAME_HEADER more than the payload; returns its size. */
size_t frame_write(unsigned char *out, enum opcode opcode, bool masked, const void *payload, size_t length);

#endif
