"""What happens in the book, at a rate, each time with its moment in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson

from bench.live.program import speaking
from bench.load import Request

#: What the feed writes over: microseconds, and a number that rises by one.
STAMP: Final = "t=0000000000000000"
NUMBER: Final = 1_000_000_000
_HURRY: Final = 30.0
"""Seconds beyond its time within which it ends."""


@dataclass(frozen=True)
class Feeding:
    """To whom it is said, on how many connections, how many ahead of their answers, and what a good one has in it."""

    port: int
    connections: int
    ahead: int
    request: bytes
    must: str
    greeting: bytes = b""


@dataclass(frozen=True)
class Fed:
    sent: int
    answered: int
    wrong: int
    fault: str


class Feed:
    """Goes on counting from one run to the next."""

    def __init__(self, program: Path, how: Feeding, folder: Path) -> None:
        self._number = NUMBER
        self._how = how
        request, greeting = folder / "request", folder / "greeting"
        request.write_bytes(how.request)
        greeting.write_bytes(how.greeting)
        self._before = [str(program), str(how.port)]
        self._after = [str(how.connections), str(how.ahead), str(request), how.must]
        if how.greeting:
            self._after.append(str(greeting))

    async def run(self, rate: float, seconds: float) -> Fed:
        """As many as are due, unless the answers do not keep up."""
        async with speaking([*self._before, str(rate), str(seconds), str(self._number), *self._after]) as program:
            fed = Fed(**orjson.loads("{" + await program.hear("{", seconds + _HURRY)))
        self._number += fed.sent
        return fed


def over_http(port: int, request: Request, body: bytes, must: str, connections: int) -> Feeding:
    """On connections that are kept, one request at a time on each."""
    headers = {"host": f"127.0.0.1:{port}", **request.headers, "content-length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    whole = f"{request.method} {request.path} HTTP/1.1\r\n{head}\r\n".encode() + body
    return Feeding(port, connections, 1, whole, must)


def over_valkey(url: str, channel: str, message: bytes, ahead: int) -> Feeding:
    """PUBLISH, on one connection, so that they come in order."""
    where = urlsplit(url)
    assert where.port
    words = (b"PUBLISH", channel.encode(), message)
    request = b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    greeting = f"AUTH {where.password}\r\n".encode() if where.password else b""
    return Feeding(where.port, 1, ahead, request, ":", greeting)
