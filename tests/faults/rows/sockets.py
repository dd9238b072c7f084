"""Sockets that ask too much, say nothing, say it wrongly, or come from somebody else's page."""

import asyncio
from typing import Final

import orjson
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from tests.faults.asking import PROTOCOL, begin, ending, say, socket_to
from tests.faults.company import Shelf
from tests.faults.documents import EVENTS
from tests.faults.play import Play
from tests.faults.row import row

#: Bytes of memory that one socket may cost, whatever it asks.
MEMORY: Final = 16 * 2**20
#: Seconds until a socket that says nothing is closed.
SILENT: Final = 5.0
#: Operations that one socket may have open (server/graphql/limits.py).
OPEN: Final = 100


def subscribing(id: str, shelf: Shelf) -> dict[str, object]:
    payload = {"query": EVENTS, "variables": {"bookId": shelf.book}}
    return {"id": id, "type": "subscribe", "payload": payload}


@row("S12", "10,000 subscriptions, and 10,000 messages a second, on one socket", limit=120)
async def too_much(play: Play) -> None:
    await play.begin()
    door, shelf = play.rooms.doors[0], play.shelves[0]
    token = shelf.viewers[0].token
    resident = door.instance.resident
    for count in (150, 1_000 if play.scale.short else 10_000):
        async with socket_to(door.url) as socket:
            await begin(socket, token)
            refused, code = 0, None
            for number in range(count):
                await say(socket, **subscribing(str(number), shelf))
                if number % 500 == 499:
                    await asyncio.sleep(0)
            try:
                async with asyncio.timeout(20):
                    while refused < count - OPEN:
                        message = orjson.loads(await socket.recv())
                        if message["type"] == "error":
                            code = message["payload"][0]["extensions"]["code"]
                            refused += 1
            except ConnectionClosed:
                code = str(int(socket.close_code or 0))
        play.show(f"{count} subscriptions", f"{refused} refused, {code}")
        play.require(code in ("RATE_LIMITED", "4429"), f"{count} subscriptions end with {code}")
    async with socket_to(door.url) as socket:
        await begin(socket, token)
        try:
            for _ in range(10_000):
                await say(socket, type="ping")
        except ConnectionClosed:
            pass
        play.require((code_ := await ending(socket, 10)) == 4429, f"10,000 messages end with {code_}")
    play.target("memory", (door.instance.resident - resident) / 2**20, MEMORY / 2**20, "MiB")
    await play.settle()
    play.require(not play.closes, f"others' sockets were closed: {dict(play.closes)}")


@row("S13", "sockets that say nothing", limit=90)
async def silent(play: Play) -> None:
    await play.open()
    door = play.rooms.doors[0]
    began = play.now
    async with socket_to(door.url) as socket:
        play.require((code := await ending(socket, 3 * SILENT)) == 4408, f"it is closed with {code}")
    play.target("closed after", play.now - began, SILENT + 0.5)
    count = 100 if play.scale.short else 2_000

    async def one() -> int | None:
        try:
            async with socket_to(door.url) as socket:
                return await ending(socket, 6 * SILENT)
        except (WebSocketException, OSError, TimeoutError):
            return 0

    codes = await asyncio.gather(*(one() for _ in range(count)))
    play.require({*codes} <= {4408, 0, 1013}, f"{count} that say nothing end with {set(codes)}")
    play.show(f"of {count} at once", f"{codes.count(4408)} closed with 4408")


@row("S14", "the protocol broken in each way", limit=60)
async def broken(play: Play) -> None:
    await play.open()
    url, shelf = play.rooms.doors[0].url, play.shelves[0]
    token = shelf.owner.token

    async with socket_to(url) as socket:
        await say(socket, **subscribing("1", shelf))
        await _ends(play, "subscribing before init", await ending(socket, 5), 4401)
    async with socket_to(url) as socket:
        await begin(socket, token)
        await say(socket, type="connection_init")
        await _ends(play, "a second init", await ending(socket, 5), 4429)
    async with socket_to(url) as socket:
        await begin(socket, token)
        for _ in range(2):
            await say(socket, **subscribing("1", shelf))
        await _ends(play, "one id twice", await ending(socket, 5), 4409)
    async with socket_to(url) as socket:
        await begin(socket, token)
        await socket.send("this is no JSON")
        await _ends(play, "no JSON", await ending(socket, 5), 4400)
    try:
        async with socket_to(url, Subprotocol("graphql-ws")) as socket:
            await _ends(play, "the old protocol", await ending(socket, 5), 4406)
    except WebSocketException as refused:
        play.show("the old protocol", type(refused).__name__)


async def _ends(play: Play, how: str, code: int | None, wanted: int) -> None:
    play.require(code == wanted, f"{how} ends with {code}, not {wanted}")
    play.show(how, code)


@row("S15", "from somebody else's page", limit=60)
async def foreign(play: Play) -> None:
    await play.open()
    door, token = play.rooms.doors[0], play.shelves[0].owner.token
    for origin in ("https://evil.example", "null", f"{door.url}.evil.example"):
        try:
            async with socket_to(door.url, PROTOCOL, origin):
                play.require(False, f"{origin} was let in")
        except InvalidStatus as refused:
            status = refused.response.status_code
            play.require(status == 403, f"{origin} is refused with {status}")
    # Without an Origin it is no browser: a token is enough, and a cookie is not.
    async with socket_to(door.url) as socket:
        await begin(socket, token)
    try:
        async with socket_to(door.url, headers={"cookie": f"leporello={token}"}) as socket:
            await say(socket, type="connection_init")
            await _ends(play, "a cookie without an Origin", await ending(socket, 5), 4401)
    except InvalidStatus as refused:
        status = refused.response.status_code
        play.require(status == 403, f"a cookie without an Origin is refused with {status}")
    play.show("refused with", 403)
