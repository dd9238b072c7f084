"""Redis's protocol, RESP2, as far as one who tells needs it: https://redis.io/docs/latest/develop/reference/protocol-spec"""

from collections.abc import Iterator
from typing import TypeAlias

from redis.exceptions import ConnectionError, InvalidResponse, ResponseError

#: Bytes of a reply that is not whole yet.
REPLY_LIMIT = 16 * 1024
#: How errors begin that are said of the connection, and answer no command.
UNUSABLE = ("NOAUTH", "LOADING", "ERR max number of clients")

Reply: TypeAlias = int | bytes | ResponseError | None


def pack(*words: str) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        encoded = word.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(encoded), encoded))
    return b"".join(parts)


class Replies:
    """What arrives in pieces of any size, as replies."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[Reply]:
        """Those that are whole now; raises InvalidResponse or ConnectionError where none can follow any more."""
        data = self._rest + piece
        at = 0
        while (end := data.find(b"\r\n", at)) >= 0:
            after = end + 2
            kind, line = data[at : at + 1], data[at + 1 : end]
            reply: Reply
            if kind == b":":
                reply = _integer(line)
            elif kind == b"+":
                reply = line
            elif kind == b"-":
                reply = _error(line)
            elif kind != b"$":
                raise InvalidResponse(f"a reply of no kind we know: {data[at:end][:40]!r}")
            elif (length := _integer(line)) < 0:
                reply = None
            else:
                after += length + 2
                if len(data) < after:
                    break
                reply = data[end + 2 : after - 2]
            at = after
            yield reply
        self._rest = data[at:]
        if len(self._rest) > REPLY_LIMIT:
            raise InvalidResponse("a reply without end")


def _integer(line: bytes) -> int:
    try:
        return int(line)
    except ValueError:
        raise InvalidResponse(f"no number: {line[:40]!r}") from None


def _error(line: bytes) -> ResponseError:
    why = line.decode(errors="replace")
    if why.startswith(UNUSABLE):
        raise ConnectionError(why)
    return ResponseError(why)
