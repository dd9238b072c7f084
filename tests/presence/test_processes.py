"""Being in a book with others, across processes and whatever becomes of them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from gql.transport.exceptions import TransportError
from redis.asyncio import Redis

from server.settings import Settings
from storage.presence import Frame
from tests.presence.people import Two, at, element, here
from tests.running import ROOT, free_port, wait_until_ready
from tests.sockets import until


async def test_everybody_is_seen_by_everybody_and_anyone_can_be_moved_from_anywhere(two: Two) -> None:
    people = two.people
    async with here(people.owner, people.book_id) as olga, here(people.editor.at(two.second), people.book_id) as edda:
        assert edda.present == {olga.id, edda.id}
        assert await olga.sees_somebody() == edda.id
        await edda.move(**at(1))
        assert (await olga.sees(1))["user"]["name"] == "Edda"
        # Over HTTP, at the process that is not hers.
        frames = [{"elementId": element(), "x": 1, "y": 1}]
        assert (await edda.move(at=people.owner.url, **at(2), frames=frames)).it["ok"]
        assert [frame["elementId"] for frame in (await olga.sees(2))["frames"]] == [frames[0]["elementId"]]
        assert (await olga.move(at=two.second, **at(3))).it["ok"]
        assert (await edda.sees(3))["id"] == olga.id
        async with here(people.viewer.at(two.second), people.book_id) as vera:
            assert {await olga.sees_somebody(), await edda.sees_somebody()} == {vera.id}
            answer = await vera.move(at=people.owner.url, **at(4), frames=frames)
            assert (answer.code, answer.path) == ("FORBIDDEN", ["input", "frames"])
            assert (await olga.sees(4))["frames"] == []
            # Whatever another process may believe, the one that has the connection lets nobody drag who may not.
            [own] = [own for own in two.other.parts.presences._own.values() if f"pr_{own.state.id}" == vera.id]
            frame = Frame(element(), 1, 1)
            two.app.parts.presences.store.forward(own.room.book_id, own.key, {"cursor": (5, 0), "frames": (frame,)})
            assert (await olga.sees(5))["frames"] == []
        await olga.sees_leave(vera.id)


async def test_whoever_comes_back_at_another_process_is_the_same(two: Two) -> None:
    people = two.people
    async with here(people.owner, people.book_id) as olga, AsyncExitStack() as old:
        vera = await old.enter_async_context(here(people.viewer, people.book_id))
        assert await olga.sees_somebody() == vera.id
        async with here(people.viewer.at(two.second), people.book_id, vera.client_id) as again:
            assert (again.id, again.present) == (vera.id, {olga.id, vera.id})
            await old.aclose()
            await again.move(**at(1))
            assert (await olga.sees(1))["id"] == vera.id
        await olga.sees_leave(vera.id)


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_while_redis_is_away_all_stay_and_nobody_is_to_blame(two: Two, how: str) -> None:
    people = two.people
    async with here(people.owner, people.book_id) as olga, here(people.editor.at(two.second), people.book_id) as edda:
        assert await olga.sees_somebody() == edda.id
        if how == "refused":
            await two.proxy.refuse()
        else:
            two.proxy.hang()
        assert (await olga.move(**at(1))).it["ok"]
        assert (await edda.move(at=people.owner.url, **at(2))).it["ok"]
        # Those of one process see each other.
        async with here(people.viewer, people.book_id) as vera:
            assert await olga.sees_somebody() == vera.id
            assert olga.id in vera.present
            await olga.move(**at(3))
            assert (await vera.sees(3))["id"] == olga.id
            await two.proxy.accept()
            two.proxy.resume()
            if how == "refused":
                # Something may have been missed.
                told = await olga.events.until(lambda told: told["__typename"] == "PresenceSnapshot")
                assert ids_of(told[-1]) >= {olga.id, vera.id}
            await edda.events.until(lambda told: vera.id in ids_of(told))
            await edda.move(**at(4))
            await olga.events.until(lambda told: (edda.id, 4.0) in places_of(told))


async def test_an_emptied_redis_learns_again_who_is_there_and_nobody_leaves(two: Two, settings: Settings) -> None:
    people = two.people
    async with here(people.owner, people.book_id) as olga, here(people.editor.at(two.second), people.book_id) as edda:
        assert await olga.sees_somebody() == edda.id
        redis = Redis.from_url(str(settings.redis_url))
        async with redis:
            # Only what is of this book: other tests have theirs in the same Redis.
            for key in [key async for key in redis.scan_iter(f"presence:*{people.book_id[3:]}*")]:
                await redis.delete(key)
            name = f"presence:{{{people.book_id[3:]}}}:states"

            async def are_back() -> bool:
                return int(await redis.hlen(name)) == 2

            await until(are_back, within=10)
        await edda.move(**at(1))
        assert (await olga.sees(1))["id"] == edda.id
        async with here(people.viewer, people.book_id) as vera:
            assert vera.present == {olga.id, edda.id, vera.id}


async def test_those_of_a_killed_process_leave_once_for_everybody(two: Two, settings: Settings) -> None:
    people = two.people
    async with (
        here(people.owner, people.book_id) as olga,
        here(people.editor.at(two.second), people.book_id) as edda,
        killed_later(settings) as (third, process),
    ):
        assert await olga.sees_somebody() == edda.id
        async with AsyncExitStack() as gone:
            vera = await gone.enter_async_context(here(people.viewer.at(third), people.book_id))
            cora = await gone.enter_async_context(here(people.contributor.at(third), people.book_id))
            for one in (olga, edda):
                assert {await one.sees_somebody(), await one.sees_somebody()} == {vera.id, cora.id}
            process.send_signal(signal.SIGKILL)
            await process.wait()
            for one in (olga, edda):
                left = [told["id"] for told in await one.events.take(2)]
                assert sorted(left) == sorted([vera.id, cora.id])
            # The next that anybody hears is something else.
            await edda.move(**at(1))
            await olga.sees(1)
            await olga.move(**at(2))
            await edda.sees(2)
            async with here(people.viewer, people.book_id) as later:
                assert later.present == {olga.id, edda.id, later.id}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_those_of_a_process_that_ends_go_on_at_another_unnoticed(
    two: Two, settings: Settings, how: signal.Signals
) -> None:
    people = two.people
    async with here(people.owner, people.book_id) as olga, killed_later(settings) as (third, process):
        async with AsyncExitStack() as gone:
            vera = await gone.enter_async_context(here(people.viewer.at(third), people.book_id))
            assert await olga.sees_somebody() == vera.id
            await vera.move(**at(1))
            await olga.sees(1)
            process.send_signal(how)
            with pytest.raises(TransportError):
                await vera.events.next()
            async with here(people.viewer.at(two.second), people.book_id, vera.client_id) as again:
                assert (again.id, again.present) == (vera.id, {olga.id, vera.id})
                await process.wait()
                await again.move(**at(2))
                assert (await olga.sees(2))["id"] == vera.id
        await olga.sees_leave(vera.id)


def ids_of(told: dict[str, Any]) -> set[str]:
    return {each["id"] for each in told.get("present", [told.get("presence")]) if each}


def places_of(told: dict[str, Any]) -> set[tuple[str, float]]:
    there = [each for each in told.get("present", [told.get("presence")]) if each and each["cursor"]]
    return {(each["id"], each["cursor"]["x"]) for each in there}


@asynccontextmanager
async def killed_later(settings: Settings) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A process of its own, whose people are there for two seconds unless it renews them."""
    given = settings.model_dump(exclude_unset=True)
    environment = {name.upper(): str(value) for name, value in given.items() if value is not None}
    port = free_port()
    program = (
        "import sys; from resolvers.presence import tending; from storage.presence import store; "
        "tending.HEARTBEAT, tending.SWEEP, store.LEASE = 0.4, 0.1, 2_000; "
        f"sys.argv = ['leporello', 'serve', '--port', '{port}']; from server.cli import main; main()"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        cwd=ROOT,
        env={**environment, "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
