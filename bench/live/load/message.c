#define _GNU_SOURCE
#include "message.h"

#include <string.h>

static const struct {
    const char *name;
    enum kind kind;
} KINDS[] = {
    {"next", NEXT},      {"connection_ack", ACKNOWLEDGED}, {"ping", ASKED}, {"pong", ANSWERED},
    {"error", REFUSED}, {"complete", COMPLETED},
};

static const char *past_spaces(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    return at;
}

/* The closing quote of a string whose opening one is at `at`; `end` when there is none. */
static const char *closing_quote(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\') at++;
    }
    return at < end ? at : end;
}

static enum kind named(const char *text, size_t length) {
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (strlen(KINDS[i].name) == length && memcmp(KINDS[i].name, text, length) == 0) return KINDS[i].kind;
    }
    return UNKNOWN;
}

enum kind message_kind(const char *text, size_t length) {
    const char *end = text + length;
    int depth = 0;
    for (const char *at = text; at < end; at++) {
        if (*at == '{' || *at == '[') depth++;
        if (*at == '}' || *at == ']') depth--;
        if (*at != '"') continue;
        const char *close = closing_quote(at, end);
        const char *colon = past_spaces(close + 1, end);
        if (depth == 1 && close - at == 5 && memcmp(at, "\"type", 5) == 0 && colon < end && *colon == ':') {
            const char *value = past_spaces(colon + 1, end);
            if (value >= end || *value != '"') return UNKNOWN;
            close = closing_quote(value, end);
            return named(value + 1, (size_t)(close - value - 1));
        }
        at = close;
    }
    return UNKNOWN;
}

int64_t number_after(const char *text, size_t length, const char *name) {
    const char *end = text + length, *at = memmem(text, length, name, strlen(name));
    if (at == NULL) return -1;
    at = past_spaces(at + strlen(name), end);
    if (at >= end || *at < '0' || *at > '9') return -1;
    int64_t value = 0;
    while (at < end && *at >= '0' && *at <= '9') value = value * 10 + (*at++ - '0');
    return value;
}
