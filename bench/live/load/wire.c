#include "wire.h"

#include <string.h>

static const unsigned char MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

static size_t number(const unsigned char *bytes, int count) {
    size_t value = 0;
    for (int i = 0; i < count; i++) value = value << 8 | bytes[i];
    return value;
}

enum reading frame_read(unsigned char *bytes, size_t count, size_t limit, struct frame *found) {
    if (count < 2) return UNFINISHED;
    bool masked = bytes[1] & 0x80;
    int extended = (bytes[1] & 0x7f) == 127 ? 8 : (bytes[1] & 0x7f) == 126 ? 2 : 0;
    size_t header = 2 + (size_t)extended + (masked ? 4 : 0);
    /* No extension was asked for, so that no reserved bit means anything. */
    if (bytes[0] & 0x70) return BROKEN;
    if (count < header) return UNFINISHED;
    size_t length = extended ? number(bytes + 2, extended) : (size_t)(bytes[1] & 0x7f);
    if (length > limit) return BROKEN;
    if (count < header + length) return UNFINISHED;
    found->opcode = (enum opcode)(bytes[0] & 0x0f);
    found->is_final = bytes[0] & 0x80;
    found->payload = bytes + header;
    found->length = length;
    found->size = header + length;
    if (masked) {
        for (size_t i = 0; i < length; i++) found->payload[i] ^= bytes[header - 4 + (i & 3)];
    }
    return WHOLE;
}

size_t frame_write(unsigned char *out, enum opcode opcode, bool masked, const void *payload, size_t length) {
    size_t at = 0;
    out[at++] = 0x80 | (unsigned char)opcode;
    int extended = length > 0xffff ? 8 : length > 125 ? 2 : 0;
    out[at++] = (masked ? 0x80 : 0) | (extended == 8 ? 127 : extended == 2 ? 126 : (unsigned char)length);
    for (int i = extended - 1; i >= 0; i--) out[at++] = (unsigned char)(length >> (8 * i));
    if (masked) {
        memcpy(out + at, MASK, 4);
        at += 4;
    }
    memcpy(out + at, payload, length);
    if (masked) {
        for (size_t i = 0; i < length; i++) out[at + i] ^= MASK[i & 3];
    }
    return at + length;
}
