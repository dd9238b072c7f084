"""What `make bench-live` counts with: the load counts what comes, however it comes, and the feed feeds what it says."""

import asyncio
import json
import random
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import Event
from websockets.server import ServerProtocol

from bench import load
from bench.live import build
from bench.live.build import Programs
from bench.live.ceiling import MERGED, ceilings
from bench.live.client import Client, Following, following
from bench.live.feed import NUMBER, STAMP, Feed, over_http, over_valkey
from bench.live.servers import MESSAGE_BYTES, message
from bench.machine import Unfit
from server.embedded import Addresses
from tests.node import cannot

LIMIT = 10.0
#: A stamp that no clock here has reached: an event that carries it is counted, whenever the counting began.
AHEAD = 10**16
FOLLOWING = Following("/graphql", ['{"authorization":"a"}', '{"authorization":"b"}'], '{"query":"q"}')


@pytest_asyncio.fixture(scope="session")
async def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    if build.compiler_here() is None:
        cannot("There is no C compiler.")
    return await build.built(tmp_path_factory.mktemp("programs"))


class Side:
    """The server's side of one socket: another's implementation, which refuses frames that are not masked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._events: list[Event] = []
        self.protocol = ServerProtocol(select_subprotocol=lambda _, offered: offered[0] if offered else None)

    async def accept(self, behind: Sequence[object] = ()) -> None:
        request = await self._next()
        assert isinstance(request, Request)
        self.protocol.send_response(self.protocol.accept(request))
        self.write(self.taken() + b"".join(map(self.text, behind)))

    async def hear(self) -> bytes:
        """The next frame's payload."""
        frame = await self._next()
        assert isinstance(frame, Frame)
        return bytes(frame.data)

    async def _next(self) -> Event:
        while not self._events:
            data = await self._reader.read(65536)
            assert data, "The load has gone."
            self.protocol.receive_data(data)
            self._events += self.protocol.events_received()
        return self._events.pop(0)

    def taken(self) -> bytes:
        """What the protocol would send."""
        return b"".join(self.protocol.data_to_send())

    def text(self, words: object) -> bytes:
        self.protocol.send_text((words if isinstance(words, str) else json.dumps(words)).encode())
        return self.taken()

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def write_apart(self, data: bytes, cut: int) -> None:
        """The second part only when the first has been read: a ping that came with it has been answered."""
        self.protocol.send_ping(b"%d" % cut)
        self.write(self.taken() + data[:cut])
        assert await self.hear() == b"%d" % cut
        self.write(data[cut:])

    async def subscribed(self) -> list[bytes]:
        await self.accept()
        said = [await self.hear()]
        self.write(self.text({"type": "connection_ack"}))
        return [*said, await self.hear()]


Told = Callable[[Side], Awaitable[None]]


@asynccontextmanager
async def told(programs: Programs, tell: Told, how: Following, folder: Path, sockets: int = 1) -> AsyncIterator[Client]:
    """The load, of which each socket is told something once it is open."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        side = Side(reader, writer)
        await tell(side)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with following(programs.client, port, how, sockets, folder) as client:
            yield client


def event(seq: int, stamp: int = AHEAD, rest: str = "") -> dict[str, object]:
    """Whose payload speaks of types too."""
    data = {"seq": seq, "batchId": f"t={stamp}", "type": "complete", "rest": f'\\"type\\":"{rest}'}
    return {"id": "o0", "payload": {"data": {"bookEvents": data}}, "type": "next"}


async def test_each_event_is_counted_wherever_it_is_cut(programs: Programs, tmp_path: Path) -> None:
    sizes: list[int] = []
    begun, ended = asyncio.Event(), asyncio.Event()

    async def tell(side: Side) -> None:
        await side.subscribed()
        await begun.wait()
        small, large = side.text(event(0)), side.text(event(0, rest="x" * 70_000))
        assert (small[1], large[1]) == (126, 127)
        cuts = [*range(1, len(small)), *range(-1, -30, -1)]
        frames = [side.text(event(seq)) for seq in range(len(cuts))]
        for cut, frame in zip(cuts, frames, strict=True):
            await side.write_apart(frame, cut % len(frame))
        # Three in one piece, one of which has the longest header, cut within it and after it.
        for cut in (1, 5, 9, 10, 11, 40_000, len(large)):
            pieces = [side.text(event(len(frames) + place, rest="x" * 70_000 * (place % 2))) for place in range(3)]
            await side.write_apart(b"".join(pieces), len(pieces[0]) + cut)
            frames += pieces
        sizes.extend(map(len, frames))
        ended.set()

    async with told(programs, tell, FOLLOWING, tmp_path) as client:
        await client.begin()
        begun.set()
        await client.all_have_heard(LIMIT)
        await asyncio.wait_for(ended.wait(), LIMIT)
        come = await client.end(len(sizes), LIMIT)
    assert len(sizes) > 150
    assert (come.events, come.bytes) == (len(sizes), sum(sizes))
    assert (come.gaps, come.repeats, come.stale, come.unstamped, come.closed, come.fault) == (0, 0, 0, 0, 0, "")


async def test_what_is_missing_comes_twice_or_has_no_stamp_is_told(programs: Programs, tmp_path: Path) -> None:
    async def tell(side: Side) -> None:
        await side.subscribed()
        late = [event(seq, AHEAD + 1000 * seq) for seq in (7, 8, 12, 12, 10, 13)]
        side.write(b"".join(map(side.text, [event(6, stamp=1), {"type": "ping"}, *late])))
        assert json.loads(await side.hear()) == {"type": "pong"}
        spaced = '{"id": "o0", "type" : "next", "payload": {"data": {"bookEvents": {"seq":  14}}}}'
        side.write(side.text(spaced) + side.text(event(15, AHEAD + 20_000)))

    async with told(programs, tell, FOLLOWING, tmp_path) as client:
        await client.all_have_heard(LIMIT)
        come = await client.end(8, LIMIT)
    # Nothing was begun: the stamp of 1 counts.
    assert (come.events, come.gaps, come.repeats, come.unstamped, come.closed) == (8, 3, 2, 1, 0)
    assert come.sending == AHEAD + 20_000 - 1
    assert come.p50 == 0 < come.max


async def test_what_was_sent_before_the_beginning_does_not_count(programs: Programs, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def tell(side: Side) -> None:
        await side.subscribed()
        side.write(side.text(event(1, stamp=5)))
        await begun.wait()
        side.write(side.text(event(2, stamp=5)) + side.text(event(4)))

    async with told(programs, tell, FOLLOWING, tmp_path) as client:
        await client.all_have_heard(LIMIT)
        await client.begin()
        begun.set()
        come = await client.end(1, LIMIT)
    assert (come.events, come.stale, come.gaps) == (1, 1, 1)


async def test_each_socket_says_its_own(programs: Programs, tmp_path: Path) -> None:
    said: list[Sequence[object]] = []

    async def tell(side: Side) -> None:
        said.append([json.loads(words) for words in await side.subscribed()])
        side.write(side.text(event(1)))

    async with told(programs, tell, FOLLOWING, tmp_path, sockets=3) as client:
        await client.all_have_heard(LIMIT)
        assert (await client.end(3, LIMIT)).events == 3
    expected = [
        [
            {"type": "connection_init", "payload": {"authorization": "ab"[number % 2]}},
            {"id": f"o{number}", "type": "subscribe", "payload": {"query": "q"}},
        ]
        for number in range(3)
    ]
    assert sorted(said, key=lambda one: one[1]["id"]) == expected  # type: ignore[index]


async def test_a_plain_socket_counts_every_message(programs: Programs, tmp_path: Path) -> None:
    async def tell(side: Side) -> None:
        # They come in one piece with the handshake.
        await side.accept([{"seq": 1, "batchId": f"t={AHEAD}"}, {"seq": 2}])

    async with told(programs, tell, Following("/live/x"), tmp_path) as client:
        await client.all_have_heard(LIMIT)
        come = await client.end(1, LIMIT)
    assert (come.events, come.unstamped, come.gaps) == (1, 1, 0)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({"id": "o0", "type": "error", "payload": [{"message": "FORBIDDEN"}]}, "FORBIDDEN"),
        ({"id": "o0", "type": "complete"}, "complete"),
        (None, "too slow"),
    ],
)
async def test_a_socket_that_ends_is_told_with_its_reason(
    programs: Programs, tmp_path: Path, words: object, fault: str
) -> None:
    async def tell(side: Side) -> None:
        await side.subscribed()
        side.write(side.text(event(1)))
        if words is None:
            side.protocol.send_close(1013, "too slow")
        side.write(side.text(words) if words else side.taken())

    async with told(programs, tell, FOLLOWING, tmp_path) as client:
        come = await client.end(2, LIMIT)
    assert (come.events, come.closed) == (1, 1)
    assert fault in come.fault


@pytest.mark.parametrize(
    ("status", "accept"), [("403 Forbidden", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), ("101 Switching Protocols", "another")]
)
async def test_sockets_that_do_not_open_are_refused(
    programs: Programs, tmp_path: Path, status: str, accept: str
) -> None:
    async def refuse(side: Side) -> None:
        side.write(f"HTTP/1.1 {status}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode())

    with pytest.raises(Unfit, match=f"Only 0 of 2 sockets opened: no websocket: HTTP/1.1 {status}"):
        async with told(programs, refuse, FOLLOWING, tmp_path, sockets=2):
            pytest.fail("It opened.")


async def test_all_have_heard_only_when_each_has(programs: Programs, tmp_path: Path) -> None:
    sides: list[Side] = []
    is_told, goes_on = asyncio.Event(), asyncio.Event()

    async def tell(side: Side) -> None:
        await side.subscribed()
        sides.append(side)
        if len(sides) == 1:
            await side.write_apart(side.text(event(1)), 1)
            is_told.set()
        else:
            await goes_on.wait()
            side.write(side.text(event(1)))

    async with told(programs, tell, FOLLOWING, tmp_path, sockets=2) as client:
        await asyncio.wait_for(is_told.wait(), LIMIT)
        with pytest.raises(Unfit, match="Nothing heard"):
            await client.all_have_heard(0.1)
        goes_on.set()
        await client.all_have_heard(LIMIT)


async def test_the_load_counts_all_that_a_server_sends_as_fast_as_it_can(programs: Programs, tmp_path: Path) -> None:
    # It raises Unfit when one is missing.
    found = await ceilings(programs, 20, tmp_path)
    assert [(one.sockets, one.merged) for one in found] == [(20, merged) for merged in MERGED]


def test_a_percentile_is_right_to_a_sixty_fourth(tmp_path: Path) -> None:
    compiler = build.compiler_here() or cannot("There is no C compiler.")
    room = Path(build.__file__).parent / "load"
    (tmp_path / "try.c").write_text(
        '#include "histogram.h"\n#include <stdio.h>\nstatic struct histogram all;\nint main(void) { long long us; '
        'while (scanf("%lld", &us) == 1) histogram_add(&all, us); printf("%lld %lld %lld %lld", (long long)'
        "histogram_at(&all, 0.5), (long long)histogram_at(&all, 0.95), (long long)histogram_at(&all, 0.99), "
        "(long long)all.max); }\n"
    )
    words = [*compiler, f"-I{room}", "-o", str(tmp_path / "try"), str(tmp_path / "try.c"), str(room / "histogram.c")]
    subprocess.run(words, check=True)
    chance = random.Random(1)
    for count, highest in ((1, 10), (100, 50), (1_000, 300), (5_000, 10**6), (5_000, 10**9)):
        values = sorted(chance.randrange(highest) for _ in range(count))
        said = subprocess.run([tmp_path / "try"], input=" ".join(map(str, values)), capture_output=True, text=True)
        *found, most = map(int, said.stdout.split())
        for part, us in zip((0.5, 0.95, 0.99), found, strict=True):
            exact = values[max(int(part * count + 0.5) - 1, 0)]
            assert exact <= us <= exact * (1 + 1 / 64)
        assert most == values[-1]


async def test_the_feed_publishes_messages_of_the_same_length_in_order(
    programs: Programs, stack: Addresses, tmp_path: Path
) -> None:
    assert stack.redis_url
    feed = Feed(programs.feed, over_valkey(stack.redis_url, "bench-live", message(), 64), tmp_path)
    async with Redis.from_url(stack.redis_url) as valkey, valkey.pubsub(ignore_subscribe_messages=False) as heard:
        await heard.subscribe("bench-live")
        assert await heard.get_message(timeout=LIMIT)
        fed = [await feed.run(500, 0.1), await feed.run(500, 0.1)]
        count = sum(one.sent for one in fed)
        said = [await heard.get_message(timeout=LIMIT) for _ in range(count)]
        assert await heard.get_message() is None
    texts = [one["data"] for one in said if one]
    events = [json.loads(text) for text in texts]
    stamps = [int(one["batchId"].removeprefix("t=")) for one in events]
    assert all((one.sent, one.wrong) == (one.answered, 0) and one.sent > 1 for one in fed)
    assert {len(text) for text in texts} == {MESSAGE_BYTES}
    assert [one["seq"] for one in events] == [*range(NUMBER, NUMBER + count)]
    assert stamps == sorted(set(stamps))


async def test_the_feed_asks_over_http_and_tells_wrong_answers(programs: Programs, tmp_path: Path) -> None:
    bodies: list[bytes] = []
    # Nobody is answered before each connection has been asked.
    each = asyncio.Barrier(3)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            length = re.search(rb"content-length: (\d+)", head)
            assert length and b"host: 127.0.0.1:" in head
            bodies.append(await reader.readexactly(int(length[1])))
            if len(bodies) <= each.parties:
                await each.wait()
            said = b'{"status":"no"}' if b"5.0" in bodies[-1] else b'{"status":"APPLIED"}'
            whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nx: y\r\n\r\n%s" % (len(said), said)
            for piece in (whole[:25], whole[25:-4], whole[-4:]):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        request = load.Request("POST", "/graphql", {"content-type": "application/json"})
        body = json.dumps({"batchId": STAMP, "x": float(NUMBER)}).encode()
        feed = Feed(programs.feed, over_http(port, request, body, '"status":"APPLIED"', 3), tmp_path)
        fed = await feed.run(300, 0.1)
    assert fed.sent == fed.answered == len(bodies) > 5
    assert fed.wrong == len(range(5, len(bodies), 10))
    assert fed.fault == "{'status':'no'}"
    assert len({json.loads(one)["batchId"] for one in bodies}) == len(bodies)
    assert {json.loads(one)["x"] for one in bodies} == {float(NUMBER + place) for place in range(len(bodies))}


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
