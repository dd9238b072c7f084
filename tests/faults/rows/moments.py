"""Processes killed at the worst of moments, a hundred times each: around a commit, seen from a proxy on their ways."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from models.columns import now
from tests.faults.house import Door
from tests.faults.play import Play
from tests.faults.row import row
from tests.faults.writer import Balancer, Writer
from tests.proxy import Alter

#: Seconds between two polls of an idle journal (storage/broadcast/poller.py), and what a delivery may take besides.
POLLED: Final = 5.0
DELIVERED: Final = 0.1
#: Seconds until it has died, and until the others have seen what it did.
DYING: Final = 10.0
SEEING: Final = 30.0
TIMES: Final = 100
#: Postgres's message that ends what was asked, and commits it (protocol-message-formats, Sync).
SYNC: Final = b"S\x00\x00\x00\x04"
_LOCKED: Final = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'books'::regclass AND mode = 'RowExclusiveLock')"


class Trap:
    """Has the process shot once, and lets nothing more pass by it."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.sprung = asyncio.Event()
        #: When, by the clock that events are dated with.
        self.at = now()

    def spring(self) -> bytes:
        if not self.sprung.is_set():
            self.at = now()
            self.sprung.set()
            self._door.instance.shoot()
        return b""


Arm = Callable[[Door, Trap], Awaitable[None]]


async def deaths(play: Play, arm: Arm, *, commits: bool, watch: Alter | None = None) -> list[float]:
    """All subscribers are at one process, and the writer asks the other, which dies of it; seconds until all saw it.

    `commits` says whether it has done what it was asked to by then.
    """
    await play.open()
    dying, other = play.rooms.doors
    play.balancer.urls = [other.url]
    await play.gather()
    writer = play.writer(play.shelves[0], balancer=Balancer([dying.url, other.url]))
    times = []
    for _ in range(play.scale.times(TIMES)):
        if dying.postgres:
            dying.postgres.to_server = watch
        # One of each that nothing happens to: the next is asked on connections that know the way.
        writer.balancer = Balancer([dying.url])
        await writer.once()
        # What was told of that has passed.
        await _seen(play, writer)
        trap = Trap(dying)
        await arm(dying, trap)
        writer.balancer = Balancer([other.url, dying.url])  # whose second is asked first
        times.append(await _death(play, writer, trap, commits=commits))
        await dying.instance.kill()
        _disarm(dying)
        await dying.instance.start()
    play.show("deaths", len(times))
    await play.settle()
    play.require(not play.refusals, f"mutations have failed: {dict(play.refusals)}")
    return times


def _disarm(door: Door) -> None:
    for proxy in filter(None, (door.postgres, door.redis, door.front)):
        proxy.to_server = proxy.to_client = None


async def _death(play: Play, writer: Writer, trap: Trap, *, commits: bool) -> float:
    began = play.now
    sent = await writer.once()
    await asyncio.wait_for(trap.sprung.wait(), DYING)
    made_at = await play.sql.fetchval("SELECT at FROM events WHERE batch_id = $1", sent.batch)
    by_whom = "the one that died" if made_at <= trap.at else "the other"
    play.require(commits == (made_at <= trap.at), f"it was done by {by_whom}")
    await _seen(play, writer)
    return play.now - began


async def _seen(play: Play, writer: Writer) -> None:
    play.require(await play.is_current(SEEING), f"not all have seen what {writer.book} became")


@row("R06", "killed between commit and publish, 100 times", limit=1800, ways="redis")
async def before_telling(play: Play) -> None:
    async def arm(door: Door, trap: Trap) -> None:
        assert door.redis
        # The message that it would send dies with it.
        door.redis.to_server = lambda chunk: trap.spring() if b"PUBLISH" in chunk else chunk

    times = await deaths(play, arm, commits=True)
    play.target("delivered after, at most", max(times), POLLED + DELIVERED)


@row("R07", "killed between writing and commit, 100 times", limit=1800, ways="postgres")
async def before_commit(play: Play) -> None:
    names: set[bytes] = set()
    shooting: set[asyncio.Task[None]] = set()

    def learn(chunk: bytes) -> bytes:
        # Parse: its length, the statement's name, its text (protocol-message-formats).
        if chunk[:1] == b"P" and b"UPDATE books SET seq" in chunk:
            names.add(chunk[5 : chunk.index(b"\0", 5)])
        return chunk

    async def shoot(trap: Trap) -> None:
        # Executed, and not yet committed: its locks are held by whoever waits for the end of the message.
        await play.until(lambda: play.sql.fetchval(_LOCKED), DYING, "the rows are written")
        trap.spring()

    async def arm(door: Door, trap: Trap) -> None:
        assert door.postgres

        def hold(chunk: bytes) -> bytes:
            learn(chunk)
            if trap.sprung.is_set() or shooting:
                return b""
            if chunk.endswith(SYNC) and chunk[:1] == b"B" and any(b"\0%s\0" % name in chunk for name in names):
                task = asyncio.create_task(shoot(trap))
                shooting.add(task)
                task.add_done_callback(shooting.discard)
                return chunk.removesuffix(SYNC)
            return chunk

        door.postgres.to_server = hold

    await deaths(play, arm, commits=False, watch=learn)


@row("R08", "killed between publish and answer, 100 times", limit=1800, ways="redis front")
async def before_answering(play: Play) -> None:
    async def arm(door: Door, trap: Trap) -> None:
        assert door.redis and door.front
        both = {"told", "answered"}

        def publishes(chunk: bytes) -> bytes:
            if b"PUBLISH" in chunk:
                both.discard("told")
            # When its message is on its way; the answer never is.
            if not both:
                asyncio.get_running_loop().call_soon(trap.spring)
            return chunk

        def answers(chunk: bytes) -> bytes:
            both.discard("answered")
            if not both:
                trap.spring()
            return b""

        door.redis.to_server, door.front.to_client = publishes, answers

    await deaths(play, arm, commits=True)
