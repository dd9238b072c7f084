"""Who asks alike is answered once for all; who does not is answered as well."""

from collections.abc import Callable
from typing import Any

import pytest

from server.app import App
from tests import client as asks
from tests.canvas import uuid
from tests.client import Client, apply, changed, joined
from tests.live.following import PLAIN, Asked, Edit, cost, painted, side_by_side, socket_of, titled, told_for
from tests.people import made_book, somebody

#: With a variable below the field, which is a part of what is asked.
VARIED = """
subscription Varied($id: ID!, $after: Int, $epoch: String, $page: ID!) {
  bookEvents(bookId: $id, after: $after, epoch: $epoch) {
    seq
    ... on BookChanged { book { page(id: $page) { id } } }
  }
}
"""
ROLE = PLAIN.replace("title", "title viewerRole")
EMAIL = PLAIN.replace("role user", "role email user")


@pytest.mark.parametrize("edit", [titled, painted])
async def test_ten_who_ask_alike_cost_one_read_and_one_statement(
    app: App, ada: Client, book_id: str, edit: Callable[[Client, str], Edit]
) -> None:
    ben = await somebody(app, ada, "Ben")
    await joined(ada, book_id, ben)
    events, told = await told_for(app, book_id, [(ada, PLAIN, {}), (ben, PLAIN, {})] * 5, edit(ada, book_id))
    assert (told, events) == (1, events[:1] * 10)


async def test_where_one_begins_makes_no_difference(app: App, ada: Client, book_id: str) -> None:
    epoch = (await ada.ask(asks.BOOK, id=book_id)).it["epoch"]
    asked: list[Asked] = [(ada, PLAIN, {}), (ada, PLAIN, {"after": 0}), (ada, PLAIN, {"epoch": epoch})]
    assert (await told_for(app, book_id, asked, titled(ada, book_id)))[1] == 1


async def test_an_operation_id_makes_no_difference(app: App, ada: Client, book_id: str) -> None:
    ids = ["1", "another", '"\\\u00e9']
    async with socket_of(ada) as one, socket_of(ada) as two:
        for socket in (one, two):
            for id in ids:
                await socket.subscribe(id, PLAIN, id=book_id, after=0)
                assert (await socket.events(1))[0][0] == id
        with cost(app) as spent:
            seq = await changed(ada, book_id, title="told once")
            for socket in (one, two):
                assert sorted(await socket.events(3), key=lambda told: ids.index(told[0])) == [
                    (id, {"__typename": "BookChanged", "seq": seq, "book": {"title": "told once"}}) for id in ids
                ]
        assert (spent.read, spent.told) == (1, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PLAIN, PLAIN.replace("elements { id }", "elements { number: id }")),
        (PLAIN, PLAIN.replace("title", "name: title")),
        (PLAIN, PLAIN.replace("Plain", "Other")),
    ],
)
async def test_another_document_is_told_by_itself(app: App, ada: Client, book_id: str, one: str, other: str) -> None:
    asked: list[Asked] = [(ada, one, {}), (ada, other, {})] * 2
    assert (await told_for(app, book_id, asked, titled(ada, book_id)))[1] == 2


async def test_another_variable_below_the_field_is_told_by_itself(app: App, ada: Client) -> None:
    book = (await ada.ask(asks.CREATE_BOOK, input={"title": "Two pages"})).it["book"]
    made = (await apply(ada, book["id"], "page", {"createPage": {}})).it["results"][0]["page"]["id"]
    pages = [book["pages"][0]["id"], made]
    asked: list[Asked] = [(ada, VARIED, {"page": page}) for page in pages * 2]
    events, told = await told_for(app, book["id"], asked, titled(ada, book["id"]))
    assert ([event["book"]["page"]["id"] for event in events], told) == (pages * 2, 2)


async def test_a_role_is_told_to_each_by_themselves(app: App, ada: Client, book_id: str) -> None:
    ben = await somebody(app, ada, "Ben")
    await joined(ada, book_id, ben)
    asked: list[Asked] = [(ada, ROLE, {}), (ben, ROLE, {}), (ada, ROLE, {})]
    events, told = await told_for(app, book_id, asked, titled(ada, book_id))
    assert ([event["book"]["viewerRole"] for event in events], told) == (["OWNER", "EDITOR", "OWNER"], 2)


async def test_an_address_is_told_to_owners_and_to_its_own(app: App, ada: Client, book_id: str) -> None:
    ben, cleo = [await somebody(app, ada, name) for name in ("Ben", "Cleo")]
    await joined(ada, book_id, ben)
    asked: list[Asked] = [(ada, EMAIL, {}), (ben, EMAIL, {})]
    for guest, seen in ((cleo, [cleo.email, None]), (ben, [ben.email, ben.email])):
        role = {"bookId": book_id, "userId": ben.user_id, "role": "VIEWER"}

        async def edit(guest: Client = guest, role: dict[str, Any] = role) -> int:
            if guest is cleo:
                return await joined(ada, book_id, cleo)
            return int((await ada.ask(asks.UPDATE_MEMBER, input=role)).it["seq"])

        events, _ = await told_for(app, book_id, asked, edit)
        assert [[member["email"] for member in event["members"]] for event in events] == [[each] for each in seen]


async def test_who_joins_or_leaves_is_told_as_those_they_are_with(app: App, ada: Client) -> None:
    book_id = await made_book(ada, visibility="PUBLIC")
    await changed(ada, book_id, title="first")
    ben, cleo = [await somebody(app, ada, name) for name in ("Ben", "Cleo")]
    async with side_by_side(book_id, [(ada, PLAIN, {}), (ben, PLAIN, {}), (cleo, PLAIN, {})]) as followers:

        async def told() -> tuple[list[Any], int]:
            with cost(app) as spent:
                await changed(ada, book_id, title=uuid())
                return [await follower.next() for follower in followers], spent.told

        assert (await told())[1] == 2
        for guest in (ben, cleo):
            await joined(ada, book_id, guest)
            told_members = [(await follower.next())["members"] for follower in followers]
            # Cleo is a stranger when Ben joins.
            assert told_members == [[{"role": "EDITOR", "user": {"id": guest.user_id}}]] * (
                2 if guest is ben else 3
            ) + [[]] * (guest is ben)
        events, count = await told()
        assert (count, events) == (1, events[:1] * 3)
        await ben.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=ben.user_id)
        removed = [(await follower.next())["removedUserIds"] for follower in followers]
        assert removed == [[ben.user_id], [], [ben.user_id]]
        assert (await told())[1] == 2
