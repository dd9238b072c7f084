/* What a message says: its kind in graphql-transport-ws, and the two numbers that we look for in an event. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum kind { NEXT, ACKNOWLEDGED, ASKED, ANSWERED, REFUSED, COMPLETED, UNKNOWN };

/* By the "type" of the outermost object, wherever it stands there; what lies deeper does not count. */
enum kind message_kind(const char *text, size_t length);
/* The whole number that follows the first such text, spaces left out; -1 when there is none. */
int64_t number_after(const char *text, size_t length, const char *name);

#endif
