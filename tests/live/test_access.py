"""Nothing that came after a removal reaches the removed, who are told that they were; and they may come back."""

import asyncio
from typing import Any

import pytest
from gql.transport.exceptions import TransportQueryError

from server.app import App
from tests import client as asks
from tests.canvas import uuid
from tests.client import Client, Events, changed, joined
from tests.live.following import PLAIN, seqs, side_by_side
from tests.people import made_book, somebody

#: Depends on nothing, so that its answers are found without a look at who is there.
BARE = "subscription($id: ID!, $after: Int) { bookEvents(bookId: $id, after: $after) { __typename seq } }"


async def to_the_end(events: Events) -> tuple[list[int], str]:
    """What is heard, and the code that it ends with."""
    heard = []
    while True:
        try:
            heard.append((await events.next())["seq"])
        except TransportQueryError as error:
            [told] = error.errors or []
            return heard, str(told["extensions"]["code"])


@pytest.mark.parametrize("document", [BARE, PLAIN])
async def test_removed_among_other_changes(app: App, ada: Client, book_id: str, document: str) -> None:
    ben = await somebody(app, ada, "Ben")
    for _ in range(5):
        begun = await joined(ada, book_id, ben)
        asked: list[Any] = [(ben, document, {}), (ada, document, {})]
        async with side_by_side(book_id, asked) as [bens, adas]:

            async def edit(count: int) -> None:
                for _ in range(count):
                    await changed(ada, book_id, title=uuid())

            async def remove() -> int:
                removed = await ada.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=ben.user_id)
                return int(removed.it["seq"])

            _, last, _ = await asyncio.gather(edit(3), remove(), edit(3))
            heard, code = await to_the_end(bens)
            assert code == "FORBIDDEN"
            assert heard == list(range(begun + 1, begun + 1 + len(heard)))
            assert begun + len(heard) < last
            assert seqs(await adas.take(7)) == list(range(begun + 1, begun + 8))


async def test_made_private_for_strangers_and_not_for_members(app: App, ada: Client) -> None:
    book_id = await made_book(ada, visibility="PUBLIC")
    await changed(ada, book_id, title="first")
    ben, cleo = [await somebody(app, ada, name) for name in ("Ben", "Cleo")]
    seq = await joined(ada, book_id, ben)
    async with side_by_side(book_id, [(ben, BARE, {}), (cleo, BARE, {})]) as [bens, cleos]:
        await changed(ada, book_id, visibility="PRIVATE")
        await changed(ada, book_id, title="secret")
        assert await to_the_end(cleos) == ([], "FORBIDDEN")
        assert seqs(await bens.take(2)) == [seq + 1, seq + 2]


async def test_removed_and_joined_again(app: App, ada: Client, book_id: str) -> None:
    ben = await somebody(app, ada, "Ben")
    for _ in range(3):
        seq = await joined(ada, book_id, ben)
        # At once, and without a place: the feed need not have heard of it.
        async with ben.follow(BARE, id=book_id, after=seq - 1) as events, ben.follow(BARE, id=book_id) as others:
            assert (await events.next())["seq"] == seq
            await changed(ada, book_id, title=uuid())
            assert (await events.next())["seq"] == seq + 1
            assert (await ada.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=ben.user_id)).it["ok"]
            assert await events.end() == "FORBIDDEN"
            assert (await to_the_end(others))[1] == "FORBIDDEN"


async def test_removed_on_one_socket_is_removed_on_all_of_theirs(app: App, ada: Client, book_id: str) -> None:
    ben = await somebody(app, ada, "Ben")
    await joined(ada, book_id, ben)
    asked: list[Any] = [(ben, BARE, {}), (ben, PLAIN, {}), (ada, BARE, {})]
    async with side_by_side(book_id, asked) as [one, other, adas]:
        await ada.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=ben.user_id)
        assert (await one.end(), await other.end()) == ("FORBIDDEN", "FORBIDDEN")
        assert (await adas.next())["__typename"] == "MembersChanged"
