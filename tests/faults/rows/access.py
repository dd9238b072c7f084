"""Access that ends while sockets are open: tokens that expire, members that go, sessions that are revoked."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import orjson

from models.columns import now
from resolvers.keyring import Keyring
from resolvers.token import AccessTokens
from tests.faults.asking import REMOVE_MEMBER, SIGN_OUT, UPDATE_BOOK, VIEWER, ask, begin, ending, say, socket_to
from tests.faults.company import Person, join, person, token
from tests.faults.house import SECRET
from tests.faults.play import Play
from tests.faults.row import row
from tests.faults.subscriber import Subscriber

#: Seconds in which an end is felt everywhere: with Redis, without it, and when nothing was told at all.
FELT: Final = 1.0
FELT_WITHOUT: Final = 2.0
FELT_AT_LAST: Final = 30.0
#: What a stream that may not go on ends with, and what asking for it again.
ENDED: Final = {"FORBIDDEN"}
REFUSED: Final = {"FORBIDDEN", "NOT_FOUND"}


@row("S26", "a token expires with its socket open", limit=60)
async def expired(play: Play) -> None:
    await play.begin()
    shelf, door = play.shelves[0], play.rooms.doors[0]
    viewer = shelf.viewers[0]
    short = token(viewer.user_id, viewer.session_id, timedelta(seconds=3))
    subscriber = play.follow(shelf, short)
    subscriber.sight.follows = False
    await asyncio.wait_for(subscriber.ended.wait(), 15)
    late = now() - AccessTokens(Keyring(SECRET)).verify(short).expires_at
    play.target("closed after its expiry", late.total_seconds(), FELT)
    play.require(late.total_seconds() > -0.1, f"it was closed {-late} before its expiry")
    play.require(subscriber.closes[4403] == 1, f"it was closed with {dict(subscriber.closes)}")
    await _renewed(play, viewer, door.url)
    await play.settle()


async def _renewed(play: Play, viewer: Person, url: str) -> None:
    """A token put on the open socket in time: the socket outlives the first one."""
    first = token(viewer.user_id, viewer.session_id, timedelta(seconds=3))
    document = "mutation($t: String!) { renewConnection(accessToken: $t) { expiresAt userErrors { code } } }"
    async with socket_to(url) as socket:
        await begin(socket, first)
        payload = {"query": document, "variables": {"t": viewer.token}}
        await say(socket, id="renew", type="subscribe", payload=payload)
        answer = orjson.loads(await socket.recv())
        if answer["type"] == "error":
            play.require(False, f"renewing is refused: {answer['payload'][0]['message']}")
            return
        code = await ending(socket, 5)
        play.require(code is None, f"renewed, it was closed with {code} all the same")


@dataclass
class _Left:
    """Somebody with many subscriptions, who is to lose them."""

    who: Person
    streams: list[Subscriber]


async def _many(play: Play, who: Person, count: int) -> _Left:
    shelf = play.shelves[0]
    streams = [play.follow(shelf, who.token) for _ in range(count)]
    for each in streams:
        each.sight.follows = False
    await asyncio.gather(*(each.live.wait() for each in streams))
    # What was said to the server it has taken in once it tells of an event.
    await asyncio.gather(*(each.reaches(each.at + 1) for each in streams))
    return _Left(who, streams)


async def _felt(play: Play, streams: Sequence[Subscriber], name: str, most: float, since: float) -> None:
    try:
        async with asyncio.timeout(FELT_AT_LAST + 10):
            await asyncio.gather(*(each.ended.wait() for each in streams))
    except TimeoutError:
        alive = sum(not each.ended.is_set() for each in streams)
        play.require(False, f"{name}: {alive} of {len(streams)} go on")
    play.target(name, play.now - since, most)


async def _loses(play: Play, left: _Left, seq: int, name: str, most: float, since: float) -> None:
    """Nothing later than `seq` comes; each stream ends with FORBIDDEN, and is refused again."""
    await _felt(play, left.streams, name, most, since)
    later = [each.sight.name for each in left.streams if each.at > seq]
    play.require(not later, f"{name}: {len(later)} were told what came after {seq}")
    codes = {code for each in left.streams for code in each.errors}
    play.require(codes <= ENDED, f"{name}: streams end with {codes}")
    again = play.follow(play.shelves[0], left.who.token)
    again.sight.follows = False
    again.sight.stretches = left.streams[0].sight.stretches[-1:]
    await asyncio.wait_for(again.ended.wait(), 10)
    play.require(set(again.errors) <= REFUSED, f"{name}: asking again is {dict(again.errors)}")


@row("S27", "a member is removed, a book made private, with 50 subscriptions open", limit=120)
async def removed(play: Play) -> None:
    await play.begin()
    shelf, url = play.shelves[0], play.rooms.doors[0].url
    count = 10 if play.scale.short else 50
    left = await _many(play, await _member(play), count)
    since = play.now
    told = await ask(play.http, url, shelf.owner.token, REMOVE_MEMBER, bookId=shelf.book, userId=left.who.id)
    await _loses(play, left, told.payload["seq"], "a member removed", FELT, since)
    opened = {"id": shelf.book, "visibility": "PUBLIC"}
    await ask(play.http, url, shelf.owner.token, UPDATE_BOOK, input=opened)
    left = await _many(play, await person(play.database), count)
    since = play.now
    closed = {"id": shelf.book, "visibility": "PRIVATE"}
    told = await ask(play.http, url, shelf.owner.token, UPDATE_BOOK, input=closed)
    await _loses(play, left, told.payload["seq"], "made private", FELT, since)
    left = await _many(play, await _member(play), count)
    await play.house.valkey.kill()
    try:
        since = play.now
        told = await ask(play.http, url, shelf.owner.token, REMOVE_MEMBER, bookId=shelf.book, userId=left.who.id)
        await _loses(play, left, told.payload["seq"], "removed without Redis", FELT_WITHOUT, since)
    finally:
        await play.house.valkey.start()
    await play.settle()


async def _member(play: Play) -> Person:
    who = await person(play.database)
    await join(play.sql, who, play.shelves[:1])
    return who


@row("S28", "a session is revoked, with sockets open on both processes", limit=150)
async def revoked(play: Play) -> None:
    await play.begin()
    here, there = play.rooms.doors
    left = await _many(play, await _member(play), 10)
    since = play.now
    await ask(play.http, here.url, left.who.token, SIGN_OUT)
    told = await ask(play.http, here.url, left.who.token, VIEWER)
    play.require(told.code == "UNAUTHENTICATED", f"the next request there is {told.code}")

    async def is_refused() -> bool:
        return (await ask(play.http, there.url, left.who.token, VIEWER)).code == "UNAUTHENTICATED"

    play.target("refused at the other", await play.until(is_refused, 10, "refused at the other"), FELT)
    await _signed_out(play, left, "signed out", FELT, since)
    left = await _many(play, await _member(play), 10)
    await play.house.valkey.kill()
    try:
        since = play.now
        await ask(play.http, here.url, left.who.token, SIGN_OUT)
        await _signed_out(play, left, "signed out without Redis", FELT_WITHOUT, since)
    finally:
        await play.house.valkey.start()
    if not play.scale.short:
        left = await _many(play, await _member(play), 10)
        since = play.now
        await play.sql.execute("UPDATE sessions SET revoked_at = now() WHERE id = $1", left.who.session_id)
        await _signed_out(play, left, "revoked without a word", FELT_AT_LAST, since)
    await play.settle()


async def _signed_out(play: Play, left: _Left, name: str, most: float, since: float) -> None:
    await _felt(play, left.streams, name, most, since)
    codes = {code for each in left.streams for code in each.closes}
    play.require(codes == {4401}, f"{name}: sockets are closed with {codes}")
