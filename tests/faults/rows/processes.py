"""Processes killed at random, stopped in order, and held: another goes on, and nothing is lost."""

import asyncio

from tests.faults.figures import percentile
from tests.faults.play import Play
from tests.faults.row import row


@row("R09", "a process is killed every 3 s, for 60 s", limit=240)
async def at_random(play: Play) -> None:
    await play.begin()
    for _ in range(play.scale.times(20)):
        door = play.random.choice(play.rooms.doors)
        began = play.now
        await door.instance.kill()
        await door.instance.start()
        await play.goes_on(max(0.0, 3 - (play.now - began)))
    await play.settle()
    play.require(not play.refusals, f"mutations have failed: {dict(play.refusals)}")
    play.show("sockets closed", dict(play.closes))


@row("R30", "a rolling restart under load", limit=180)
async def rolling(play: Play) -> None:
    await play.begin()
    took = []
    for door in play.rooms.doors * (1 if play.scale.short else 2):
        await play.goes_on(play.scale.lasts(3))
        took.append(await door.instance.stop())
        await door.instance.start()
    await play.goes_on(play.scale.lasts(3))
    play.target("gone after, at most", max(took), 10.0)
    await play.settle()
    play.require(not play.refusals, f"mutations have failed: {dict(play.refusals)}")
    # 1001 as a browser hears it; one that connects to a process that is leaving is turned away with nothing said.
    play.require(set(play.closes) <= {1001, 1012}, f"sockets were closed otherwise than with 1012: {dict(play.closes)}")
    play.require(play.closes[1012] + play.closes[1001] > 0, "no socket was told that the server restarts")
    play.show("sockets closed", dict(play.closes))
    play.target("the others' answer p99", percentile(play.answers.within(), 0.99), 10.0)


@row("R33", "a process is held for 2 s", limit=60)
async def held(play: Play) -> None:
    await play.begin()
    await play.goes_on(play.scale.lasts(2))
    instance = play.rooms.doors[0].instance
    # All of it, the loop with it, as a resolver that never gives way would; its watchdog has to say so.
    instance.freeze()
    await asyncio.sleep(2)
    instance.thaw()
    await play.goes_on(play.scale.lasts(2))
    await play.settle()
    play.require(not play.closes, f"sockets were closed: {dict(play.closes)}")
    play.require(not play.refusals, f"mutations have failed: {dict(play.refusals)}")
    play.require(instance.said("loop_was_blocked") > 0, "the watchdog has said nothing")
