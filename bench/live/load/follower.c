#include "follower.h"

#include "clock.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static unsigned char inbox[MESSAGE_LIMIT + FRAME_HEADER];

static void event(struct load *load, struct follower *one, const struct frame *frame, int64_t now) {
    const char *text = (const char *)frame->payload;
    int is_stamped = tally_event(&load->tally, &one->seq, text, frame->length, frame->size, now);
    if (!is_stamped || one->has_heard || one->stage != OPEN) return;
    one->has_heard = true;
    load->heard++;
}

static void message(struct load *load, struct follower *one, const struct frame *frame, int64_t now) {
    const char *text = (const char *)frame->payload;
    enum kind kind = load->is_graphql ? message_kind(text, frame->length) : NEXT;
    if (kind == NEXT) {
        event(load, one, frame, now);
    } else if (kind == ACKNOWLEDGED && one->stage == ACKNOWLEDGING) {
        /* Each with an id of its own, as clients choose them. */
        follower_say_text(load, one, "{\"id\":\"o%d\",\"type\":\"subscribe\",\"payload\":%s}", one->number,
                          load->subscribe);
        follower_is_open(load, one);
    } else if (kind == ASKED) {
        follower_say_text(load, one, "{\"type\":\"pong\"}");
    } else if (kind != ANSWERED) {
        follower_end(load, one, "", text, frame->length);
    }
}

static void take(struct load *load, struct follower *one, const struct frame *frame, int64_t now) {
    if (frame->opcode == TEXT && frame->is_final)
        message(load, one, frame, now);
    else if (frame->opcode == PING)
        follower_say_frame(load, one, PONG, (const char *)frame->payload, frame->length);
    else if (frame->opcode == CLOSE)
        follower_end(load, one, "closed: ", (const char *)frame->payload, frame->length);
    else if (frame->opcode != PONG)
        follower_end(load, one, "a message in pieces, or no text", "", 0);
}

/* Takes what is whole; returns how much that was. */
static size_t read_frames(struct load *load, struct follower *one, size_t count, int64_t now) {
    size_t at = 0;
    if (one->stage == UPGRADING) at = follower_upgraded(load, one, (const char *)inbox, count);
    while (one->stage == ACKNOWLEDGING || one->stage == OPEN) {
        struct frame frame;
        enum reading reading = frame_read(inbox + at, count - at, MESSAGE_LIMIT, &frame);
        if (reading == UNFINISHED) break;
        if (reading == BROKEN) {
            follower_end(load, one, "no frame", "", 0);
            break;
        }
        at += frame.size;
        take(load, one, &frame, now);
    }
    return at;
}

static void keep(struct load *load, struct follower *one, const unsigned char *bytes, size_t length) {
    one->rest_length = length;
    if (length == 0) {
        /* Ten thousand that rest hold nothing. */
        free(one->rest);
        one->rest = NULL;
        return;
    }
    unsigned char *rest = realloc(one->rest, length);
    if (rest)
        one->rest = memcpy(rest, bytes, length);
    else
        follower_end(load, one, "no memory", "", 0);
}

void follower_go_on(struct load *load, struct follower *one) {
    if (one->stage == CONNECTING) {
        follower_upgrade(load, one);
        return;
    }
    if (one->rest_length) memcpy(inbox, one->rest, one->rest_length);
    ssize_t got = recv(one->fd, inbox + one->rest_length, sizeof inbox - one->rest_length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) {
        follower_end_by_system(load, one, "recv: ");
    } else if (got == 0) {
        follower_end(load, one, "cut off", "", 0);
    } else {
        size_t count = one->rest_length + (size_t)got, at = read_frames(load, one, count, now_us());
        if (one->stage != GONE) keep(load, one, inbox + at, count - at);
    }
}
