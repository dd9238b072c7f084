/* The load: many websockets that follow one book.

   client PORT PATH SOCKETS graphql INITS SUBSCRIBE   INITS: a file of payloads, one a line; SUBSCRIBE: a file, one line
   client PORT PATH SOCKETS raw

   Says `ready <open> <gone>` when none is opening any more. Is told `hear`, and says `heard <open>` when each has had an
   event; `begin`; `end <events> <limit in us>`, and prints what came once that many have, the time is over, or no socket
   is left. Ends with its input. */
#define _GNU_SOURCE
#include "clock.h"
#include "follower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

/* Handshakes under way at once: fewer than any server's backlog. */
#define OPENING 64
#define EVENTS_AT_ONCE 512
#define LINES_LIMIT 100000

static struct load load;
static struct follower *followers;
static int total, started, queue;
static bool is_ready, is_hearing, is_ending;
static uint64_t expected;
static int64_t limit;

static _Noreturn void die(const char *why) {
    fprintf(stderr, "client: %s\n", why);
    exit(2);
}

static char **lines_of(const char *name, int *count) {
    FILE *file = fopen(name, "r");
    char **lines = calloc(LINES_LIMIT, sizeof *lines), *line = NULL;
    size_t room = 0;
    if (!file || !lines) die("a file of payloads cannot be read");
    for (*count = 0; *count < LINES_LIMIT && getline(&line, &room, file) > 0; line = NULL, room = 0) {
        line[strcspn(line, "\n")] = 0;
        lines[(*count)++] = line;
    }
    fclose(file);
    if (!*count) die("a file of payloads is empty");
    return lines;
}

static void allow_files(int count) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    /* Standard streams, the queue, and what was inherited. */
    if (files.rlim_max < (rlim_t)count + 16) die("too few files may be open (ulimit -Hn)");
}

static void start_next(void) {
    struct follower *next = &followers[started];
    follower_start(&load, next, started++);
    struct epoll_event wanted = {.events = EPOLLOUT, .data.ptr = next};
    if (next->stage != GONE && epoll_ctl(queue, EPOLL_CTL_ADD, next->fd, &wanted) < 0) die("epoll_ctl");
}

static void go_on(struct follower *one) {
    /* It may have ended itself since the queue was asked. */
    if (one->stage == GONE) return;
    bool was_connecting = one->stage == CONNECTING;
    follower_go_on(&load, one);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = one};
    if (was_connecting && one->stage != GONE) epoll_ctl(queue, EPOLL_CTL_MOD, one->fd, &wanted);
}

static void obey(void) {
    static char line[256];
    static size_t length;
    ssize_t got = read(STDIN_FILENO, line + length, sizeof line - 1 - length);
    if (got <= 0) exit(0);
    length += (size_t)got;
    line[length] = 0;
    for (char *newline; (newline = strchr(line, '\n'));) {
        long long events, us;
        if (strncmp(line, "begin\n", 6) == 0) {
            tally_begin(&load.tally, now_us());
            puts("begun");
        } else if (strncmp(line, "hear\n", 5) == 0) {
            is_hearing = true;
        } else if (sscanf(line, "end %lld %lld\n", &events, &us) == 2) {
            is_ending = true;
            expected = (uint64_t)events;
            limit = now_us() + us;
        } else {
            die("told what it does not understand");
        }
        length -= (size_t)(newline + 1 - line);
        memmove(line, newline + 1, length + 1);
    }
}

static void tell(void) {
    if (!is_ready && load.open + load.gone == total) {
        is_ready = true;
        printf("ready %d %d %s\n", load.open, load.gone, load.fault);
    }
    if (is_hearing && load.open && load.heard == load.open) {
        is_hearing = false;
        printf("heard %d\n", load.heard);
    }
    if (is_ending && (load.tally.events >= expected || now_us() >= limit || load.open == 0)) {
        is_ending = false;
        tally_print(&load.tally, load.fault);
    }
}

int main(int argc, char **argv) {
    if (argc < 5) die("client PORT PATH SOCKETS graphql|raw [INITS SUBSCRIBE]");
    load.port = atoi(argv[1]);
    load.path = argv[2];
    total = atoi(argv[3]);
    load.tally.sockets = (uint64_t)total;
    load.is_graphql = strcmp(argv[4], "graphql") == 0;
    if (load.is_graphql) {
        int one;
        if (argc < 7) die("graphql needs INITS and SUBSCRIBE");
        load.inits = lines_of(argv[5], &load.init_count);
        load.subscribe = lines_of(argv[6], &one)[0];
    }
    allow_files(total);
    followers = calloc((size_t)total, sizeof *followers);
    queue = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL}, ready[EVENTS_AT_ONCE];
    if (!followers || queue < 0 || epoll_ctl(queue, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0) die("nothing to wait with");
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (;;) {
        while (started < total && started - load.open - load.gone < OPENING) start_next();
        tell();
        int64_t left = is_ending ? (limit - now_us()) / 1000 + 1 : -1;
        int count = epoll_wait(queue, ready, EVENTS_AT_ONCE, (int)(is_ending && left < 0 ? 0 : left));
        for (int i = 0; i < count; i++) {
            if (ready[i].data.ptr)
                go_on(ready[i].data.ptr);
            else
                obey();
        }
    }
}
