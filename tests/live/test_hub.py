"""One feed a book for as long as somebody follows it, and a little longer."""

import asyncio
from typing import Any

import pytest

from models.refusal import BadUserInput, NotFound
from resolvers.live import feed, hub
from server.app import App
from tests.client import Client, changed
from tests.live.following import cost
from tests.live.quiet import Quiet
from tests.live.twins import Gates, Numbers, Paper
from tests.people import made_book, somebody
from tests.sockets import until


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def test_who_comes_back_soon_finds_what_was_kept(
    quiet: Quiet, app: App, ada: Client, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "LINGER", 0.3)
    _, first = await quiet.followed(ada, book_id, Numbers(), after=0)
    assert (quiet.hub.books, quiet.hub.readers) == (1, 1)
    await ended(first)
    assert (quiet.hub.books, quiet.hub.readers) == (1, 0)
    before = quiet.announcements.counts.subscribers
    paper = Paper()
    with cost(app) as spent:
        quiet.follow(ada, book_id, Numbers(), paper)
        await until(_has_readers(quiet, 1))
        # Nothing was read, and nobody listens anew.
        assert (spent.read, quiet.announcements.counts.subscribers) == (0, before)
    past = asyncio.Event()
    asyncio.get_running_loop().call_later(2 * hub.LINGER, past.set)
    await past.wait()
    await changed(ada, book_id, title="next")
    quiet.nudge(book_id)
    assert await paper.seqs(1) == [2]


def _has_readers(quiet: Quiet, count: int) -> Any:
    async def has() -> bool:
        return quiet.hub.readers == count

    return has


def _is_empty(quiet: Quiet) -> Any:
    async def is_empty() -> bool:
        return (quiet.hub.books, quiet.announcements.counts.subscribers) == (0, 0)

    return is_empty


async def test_a_book_that_nobody_follows_any_more_is_let_go(
    quiet: Quiet, ada: Client, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "LINGER", 0.05)
    tasks = asyncio.all_tasks()
    _, first = await quiet.followed(ada, book_id, Numbers(), after=0)
    _, second = await quiet.followed(ada, book_id, Numbers(), after=0)
    await ended(first)
    assert (quiet.hub.books, quiet.hub.readers) == (1, 1)
    await ended(second)
    await until(_is_empty(quiet))
    while left := asyncio.all_tasks() - tasks - {asyncio.current_task()}:
        await asyncio.wait(left)


async def test_who_may_not_follow_leaves_nothing_behind(quiet: Quiet, app: App, ada: Client, book_id: str) -> None:
    ben = await somebody(app, ada, "Ben")
    with pytest.raises(NotFound):
        await quiet.follow(ben, book_id, Numbers(), Paper())
    with pytest.raises(NotFound):
        await quiet.follow(ada, "bk_00000000-0000-4000-8000-000000000000", Numbers(), Paper())
    with pytest.raises(BadUserInput):
        await quiet.follow(ada, book_id, Numbers(), Paper(), after=-1)
    await until(_is_empty(quiet))


async def test_closing_ends_all_who_follow(quiet: Quiet, app: App, ada: Client, book_id: str) -> None:
    gates = Gates()
    other = await made_book(ada)
    tasks = asyncio.all_tasks()
    _, live = await quiet.followed(ada, book_id, Numbers(), after=0)
    helped = quiet.follow(ada, book_id, Numbers(key="slow", before=gates.wait), Paper(), after=0)
    gate = await gates.held()
    begun = quiet.follow(ada, other, Numbers(), Paper())
    await asyncio.sleep(0)
    closing = asyncio.create_task(quiet.hub.close())
    gate.set()
    await closing
    found = await asyncio.gather(live, helped, begun, return_exceptions=True)
    assert [type(each) for each in found] == [ConnectionError] * 3
    while left := asyncio.all_tasks() - tasks - {asyncio.current_task()}:
        await asyncio.wait(left)


async def test_a_feed_that_has_failed_is_begun_anew_by_the_next(
    quiet: Quiet, ada: Client, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("no journal looks like this")

    _, following = await quiet.followed(ada, book_id, Numbers(), after=0)
    with monkeypatch.context() as patch:
        patch.setattr(feed, "page", broken)
        quiet.nudge(book_id)
        with pytest.raises(ValueError, match="no journal"):
            await following
        with pytest.raises(ValueError, match="no journal"):
            await quiet.follow(ada, book_id, Numbers(), Paper(), after=0)
    paper, again = await quiet.followed(ada, book_id, Numbers(), after=0)
    await changed(ada, book_id, title="live")
    quiet.nudge(book_id)
    assert await paper.seqs(1) == [2]
    assert (quiet.hub.books, again.done()) == (1, False)
