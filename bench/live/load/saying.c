#include "follower.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What one socket says at once: a handshake, or a document with its variables. */
#define SAID_LIMIT (16 * 1024)

void follower_end(struct load *load, struct follower *one, const char *why, const char *more, size_t length) {
    if (one->stage == GONE) return;
    if (!load->fault[0]) {
        snprintf(load->fault, sizeof load->fault, "%s%.*s", why, (int)(length < 150 ? length : 150), more);
        for (char *c = load->fault; *c; c++) {
            if (*c == '"' || *c == '\\' || *c < ' ' || *c > '~') *c = '\'';
        }
    }
    if (one->stage == OPEN) {
        load->open--;
        load->heard -= one->has_heard;
    }
    one->stage = GONE;
    load->gone++;
    load->tally.closed++;
    if (one->fd >= 0) close(one->fd);
    free(one->rest);
    one->rest = NULL;
}

void follower_end_by_system(struct load *load, struct follower *one, const char *doing) {
    const char *why = strerror(errno);
    follower_end(load, one, doing, why, strlen(why));
}

void follower_say(struct load *load, struct follower *one, const void *bytes, size_t length) {
    if (one->stage == GONE) return;
    /* So little, to a server that reads, that it fits or something is wrong. */
    if (send(one->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) follower_end_by_system(load, one, "send: ");
}

void follower_say_frame(struct load *load, struct follower *one, enum opcode opcode, const char *text, size_t length) {
    unsigned char out[SAID_LIMIT + FRAME_HEADER];
    if (length > SAID_LIMIT)
        follower_end(load, one, "too long to say", "", 0);
    else
        follower_say(load, one, out, frame_write(out, opcode, true, text, length));
}

void follower_say_text(struct load *load, struct follower *one, const char *form, ...) {
    char text[SAID_LIMIT + 1];
    va_list values;
    va_start(values, form);
    int length = vsnprintf(text, sizeof text, form, values);
    va_end(values);
    follower_say_frame(load, one, TEXT, text, (size_t)length);
}
