"""Who may see a book is asked once for many, and nobody is let in by what a review has overtaken."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from resolvers.live import desk
from resolvers.live.desk import Desk
from resolvers.live.journal import Standing, standings
from server.app import App
from tests import client as asks
from tests.client import Client, joined
from tests.live.twins import Gates
from tests.people import somebody, uuid_of

MEMBER = Standing(sees=True, is_member=True)
UNSEEING = Standing(sees=False, is_member=False)


def id_of(client: Client) -> UUID:
    return UUID(uuid_of(client.user_id))


@pytest.fixture
async def ben(app: App, ada: Client, book_id: str) -> Client:
    ben = await somebody(app, ada, "Ben")
    await joined(ada, book_id, ben)
    return ben


@pytest.fixture
def front(app: App, book_id: str) -> Desk:
    return Desk(UUID(uuid_of(book_id)), app.parts.database)


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch) -> Gates:
    """Whoever has read is held up with what they have read."""
    gates = Gates()

    async def held(*given: Any, **named: Any) -> Any:
        found = await standings(*given, **named)
        await gates.wait()
        return found

    monkeypatch.setattr(desk, "standings", held)
    return gates


async def removed(owner: Client, book_id: str, guest: Client) -> None:
    assert (await owner.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=guest.user_id)).it["ok"]


async def test_those_who_ask_at_once_are_answered_at_once(ada: Client, ben: Client, front: Desk, gates: Gates) -> None:
    asking = [asyncio.create_task(front.standing(id_of(each))) for each in (ada, ben, ada, ben) * 5]
    (await gates.held()).set()
    assert await asyncio.gather(*asking) == [MEMBER] * 20
    assert gates.is_empty
    assert await front.standing(id_of(ben)) == MEMBER
    assert gates.is_empty


async def test_what_was_read_before_a_review_lets_nobody_in_after_it(
    ada: Client, book_id: str, ben: Client, front: Desk, gates: Gates
) -> None:
    asking = asyncio.create_task(front.standing(id_of(ben)))
    before = await gates.held()
    await removed(ada, book_id, ben)
    reviewing = asyncio.create_task(front.review({id_of(ada)}))
    review = await gates.held()
    review.set()
    assert await reviewing == {id_of(ada): MEMBER}
    before.set()
    # It asks once more.
    (await gates.held()).set()
    assert await asking == UNSEEING


async def test_who_asks_during_a_review_waits_for_it(
    ada: Client, book_id: str, ben: Client, front: Desk, gates: Gates
) -> None:
    knowing = asyncio.create_task(front.standing(id_of(ben)))
    (await gates.held()).set()
    assert await knowing == MEMBER
    reviewing = asyncio.create_task(front.review({id_of(ada), id_of(ben)}))
    review = await gates.held()
    asking = asyncio.create_task(front.standing(id_of(ben)))
    await asyncio.sleep(0)
    assert (asking.done(), gates.is_empty) == (False, True)
    review.set()
    assert (await reviewing)[id_of(ben)] == await asking == MEMBER
    assert gates.is_empty


async def test_a_review_forgets_those_who_may_not_see_it_any_more(
    ada: Client, book_id: str, ben: Client, front: Desk
) -> None:
    assert await front.standing(id_of(ben)) == MEMBER
    await removed(ada, book_id, ben)
    assert await front.review({id_of(ben)}) == {id_of(ben): UNSEEING}
    assert await front.standing(id_of(ben)) == UNSEEING


async def test_who_is_let_in_need_not_wait_until_the_feed_hears_of_it(app: App, ada: Client, front: Desk) -> None:
    cleo = await somebody(app, ada, "Cleo")
    book_id = f"bk_{front._book_id}"
    assert await front.standing(id_of(cleo)) == UNSEEING
    await joined(ada, book_id, cleo)
    assert await front.standing(id_of(cleo)) == MEMBER
    # Also one who was there, went and came back.
    await removed(ada, book_id, cleo)
    assert await front.review({id_of(cleo)}) == {id_of(cleo): UNSEEING}
    await joined(ada, book_id, cleo)
    assert await front.standing(id_of(cleo)) == MEMBER


async def test_a_review_that_fails_leaves_nothing_known(
    ada: Client, ben: Client, front: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await front.standing(id_of(ben)) == MEMBER

    async def lost(*_: Any, **__: Any) -> Any:
        raise ConnectionError("lost")

    with monkeypatch.context() as patch:
        patch.setattr(desk, "standings", lost)
        with pytest.raises(ConnectionError):
            await front.review({id_of(ben)})
        with pytest.raises(ConnectionError):
            await front.standing(id_of(ben))
    assert await front.standing(id_of(ben)) == MEMBER


async def test_closing_ends_those_who_wait(ben: Client, front: Desk, gates: Gates) -> None:
    asking = asyncio.create_task(front.standing(id_of(ben)))
    await gates.held()
    await front.close()
    with pytest.raises(ConnectionError):
        await asking
