"""What cannot be shared any more goes on in the ordinary way, without a gap or a repeat."""

import asyncio
from typing import Any

import pytest

from resolvers.live import Unshared
from schema.plan.following import Followed
from server.app import App
from tests import client as asks
from tests.client import Client, changed
from tests.live.conftest import Execute
from tests.live.following import PLAIN, Asked, seqs, side_by_side
from tests.people import uuid_of
from tests.sockets import until

TELL = Followed.tell


def refusing(kind: str) -> Any:
    """As a field does that is each viewer's own affair."""

    async def tell(followed: Followed, fetch: Any, told: str, *given: Any) -> list[bytes]:
        if told == kind:
            raise Unshared
        return await TELL(followed, fetch, told, *given)

    return tell


async def test_all_who_shared_it_go_on_by_themselves(
    app: App, ada: Client, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Asked] = [
        (ada, PLAIN, {}),
        (ada, PLAIN, {"after": 0}),
        (ada, asks.EVENTS.replace("$bookId", "$id"), {}),
    ]
    async with side_by_side(book_id, asked) as followers:
        before = app.parts.hub.readers
        for number in range(20):
            if number == 5:
                monkeypatch.setattr(Followed, "tell", refusing("BookChanged"))
            await changed(ada, book_id, title=f"{number}")
        for follower in followers:
            heard = await follower.take(20)
            assert seqs(heard) == list(range(2, 22))
            # Told one by one, each as it was when it was told.
            assert heard[-1]["book"]["title"] == "19"
        assert (before, app.parts.hub.readers) == (3, 0)


async def test_it_begins_with_what_was_missed(
    app: App, ada: Client, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Followed, "tell", refusing("BookChanged"))
    for title in "abc":
        await changed(ada, book_id, title=title)
    async with ada.follow(PLAIN, id=book_id, after=1) as events:
        assert seqs(await events.take(3)) == [2, 3, 4]
        await changed(ada, book_id, title="live")
        assert seqs(await events.take(1)) == [5]


async def test_a_journal_that_has_ended_is_told_once(
    app: App, ada: Client, book_id: str, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with side_by_side(book_id, [(ada, PLAIN, {})]) as [events]:
        monkeypatch.setattr(Followed, "tell", refusing("Resync"))
        await execute("UPDATE books SET epoch = 'another' WHERE id = :id", id=uuid_of(book_id))
        seq = await changed(ada, book_id, title="in the new one")
        resync = await events.next()
        assert (resync["__typename"], resync["seq"], resync["epoch"]) == ("Resync", seq, "another")
        await changed(ada, book_id, title="live")
        assert seqs(await events.take(1)) == [seq + 1]


async def test_who_leaves_it_then_leaves_nothing_behind(
    app: App, ada: Client, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with side_by_side(book_id, [(ada, PLAIN, {})]) as [events]:
        tasks = asyncio.all_tasks()
        monkeypatch.setattr(Followed, "tell", refusing("BookChanged"))
        await changed(ada, book_id, title="next")
        assert seqs(await events.take(1)) == [2]

    async def nobody() -> bool:
        return not {task for task in asyncio.all_tasks() - tasks if task is not asyncio.current_task()}

    await until(nobody, asks.PATIENCE)
    assert app.parts.hub.readers == 0
