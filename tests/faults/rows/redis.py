"""Redis dead, hung, cut off, emptied, and lying: it carries hints only, and nothing depends on them."""

import signal
from collections.abc import Awaitable
from random import Random
from typing import Any

from redis.asyncio import Redis

from tests.faults.figures import percentile
from tests.faults.liar import Liar
from tests.faults.play import SOON, Play
from tests.faults.row import row

#: Seconds before and after a fault: what is normal, and whether it is again.
CALM = 3.0
#: A delivery that takes longer is not normal (T2's p99).
NORMAL = 0.080


class Channels:
    """Redis asked directly: who listens to what."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._redis: Any = Redis.from_url(play.house.valkey.url, decode_responses=True, socket_timeout=2)
        play.stack.push_async_callback(self._redis.aclose)
        self._usual: dict[str, int] = {}

    async def ask(self, *words: str) -> Any:
        return await self._redis.execute_command(*words)

    async def heard(self) -> dict[str, int]:
        names = await self._redis.pubsub_channels()
        return dict(await self._redis.pubsub_numsub(*names)) if names else {}

    async def remember(self) -> None:
        """As it is now is how it must be again."""
        self._usual = await self.heard()
        self._play.require(bool(self._usual), "nobody listens to Redis before anything has happened")

    async def as_usual(self) -> bool:
        try:
            heard = await self.heard()
        except Exception:  # It is away, and that is the answer.
            return False
        return all(heard.get(name, 0) >= count for name, count in self._usual.items())

    async def in_use(self) -> bool:
        """All listen again, and are told."""
        if not await self.as_usual():
            return False
        return "cmdstat_publish" in await self._redis.info("commandstats")


async def outage(play: Play, begin: Awaitable[Any], seconds: float) -> tuple[float, float]:
    """From before to after `begin`, and its moments."""
    await play.goes_on(play.scale.lasts(CALM))
    began = play.now
    await begin
    await play.goes_on(play.scale.lasts(seconds))
    ended = play.now
    play.require(await play.is_current(SOON), "nothing is delivered while Redis is away")
    return began, ended


async def afterwards(play: Play, began: float, ended: float) -> None:
    """What every outage of Redis has to leave: no failed mutation, no closed socket, nothing lost, soon as before."""
    await play.goes_on(play.scale.lasts(CALM))
    await play.settle()
    play.require(not play.refusals, f"mutations have failed: {dict(play.refusals)}")
    play.require(not play.closes, f"sockets were closed: {dict(play.closes)}")
    play.outage(began, ended, answer=0.150, screen=0.150)
    play.target("back to normal", play.screens.normal_after(ended, NORMAL), 1.0)
    play.show("calm to screen p95", f"{percentile(play.screens.within(until=began - 0.5), 0.95) * 1e3:.0f} ms")


@row("R01", "Redis is killed for 10 s", limit=120)
async def killed(play: Play) -> None:
    await play.begin()
    channels = Channels(play)
    await channels.remember()
    began, ended = await outage(play, play.house.valkey.kill(), 10)
    await play.house.valkey.start()
    ended = play.now
    play.target("hints again", await play.until(channels.in_use, 10, "hints are in use again"), 1.0)
    await afterwards(play, began, ended)


@row("R02", "Redis hangs for 15 s", limit=120)
async def hung(play: Play) -> None:
    await play.begin()
    channels = Channels(play)
    await channels.remember()

    async def hang() -> None:
        # What DEBUG SLEEP does, from outside: connections stay, and nothing is answered.
        play.house.valkey.signal(signal.SIGSTOP)

    try:
        began, _ = await outage(play, hang(), 15)
    finally:
        play.house.valkey.signal(signal.SIGCONT)
    ended = play.now
    play.target("hints again", await play.until(channels.as_usual, 10, "all listen again"), 1.0)
    await afterwards(play, began, ended)


@row("R03", "all that listen are cut off, each second", limit=120)
async def cut(play: Play) -> None:
    await play.begin()
    channels = Channels(play)
    await channels.remember()
    began, times = play.now, []
    for _ in range(int(play.scale.lasts(20))):
        play.require(await channels.ask("CLIENT", "KILL", "TYPE", "pubsub") > 0, "nobody was cut off")
        times.append(await play.until(channels.as_usual, 5, "all listen again"))
        await play.goes_on(max(0.0, 1 - times[-1]))
    play.target("listening again, at most", max(times), 0.5)
    await afterwards(play, began, play.now)


@row("R04", "Redis is emptied, and begun anew", limit=120)
async def emptied(play: Play) -> None:
    await play.begin()
    channels = Channels(play)
    await channels.remember()
    epochs = await play.sql.fetch("SELECT id, epoch FROM books ORDER BY id")
    await play.goes_on(play.scale.lasts(CALM))
    began = play.now
    await channels.ask("FLUSHALL")
    await play.house.valkey.kill()
    await play.house.valkey.start()
    ended = play.now
    play.target("hints again", await play.until(channels.in_use, 10, "hints are in use again"), 1.0)
    await afterwards(play, began, ended)
    play.require(epochs == await play.sql.fetch("SELECT id, epoch FROM books ORDER BY id"), "an epoch has changed")


@row("R05", "hints are dropped, repeated and reordered", limit=120, ways="redis")
async def lied_to(play: Play) -> None:
    await play.begin()
    liars = []
    for door in play.rooms.doors:
        assert door.redis
        liars.append(Liar(Random(play.random.getrandbits(64))))
        door.redis.to_client = liars[-1]
    await play.goes_on(play.scale.lasts(15))
    dropped, repeated, reordered = (
        sum(getattr(liar, what) for liar in liars) for what in ("dropped", "repeated", "reordered")
    )
    play.require(min(dropped, repeated, reordered) > 0, "the proxy has not lied")
    play.show("dropped/repeated/reordered", f"{dropped}/{repeated}/{reordered}")
    await play.settle()
    play.require(not play.refusals, f"mutations have failed: {dict(play.refusals)}")
    play.require(not play.closes, f"sockets were closed: {dict(play.closes)}")
