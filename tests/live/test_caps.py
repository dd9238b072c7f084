"""What one viewer can ask for of a book's events, and no more."""

import json

import pytest

from resolvers.live import groups, hub
from server.app import App
from server.graphql.protocol import ID_LENGTH
from tests.client import Client, changed
from tests.live.following import cost
from tests.people import somebody
from tests.sockets import close_code, opened


def ways(number: int) -> str:
    return f"subscription($id: ID!) {{ bookEvents(bookId: $id) {{ way{number}: seq }} }}"


async def test_one_viewer_follows_a_book_in_so_many_ways(
    app: App, ada: Client, book_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "GROUPS", 2)
    public = "mutation($id: ID!) { updateBook(input: { id: $id, visibility: PUBLIC }) { userErrors { code } } }"
    assert (await ada.ask(public, id=book_id)).code is None
    ben = await somebody(app, ada, "Ben")
    async with opened(ada) as hers, opened(ben) as his:
        for number in (1, 2, 3):
            payload = {"query": ways(number), "variables": {"id": book_id}}
            await hers.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
        refused = json.loads(await hers.recv())
        assert (refused["id"], refused["payload"][0]["extensions"]["code"]) == ("3", "RATE_LIMITED")
        # Somebody else has as many.
        seq = await changed(ada, book_id, title="another")
        payload = {"query": f'subscription {{ bookEvents(bookId: "{book_id}", after: {seq - 1}) {{ his: seq }} }}'}
        await his.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        assert json.loads(await his.recv())["payload"] == {"data": {"bookEvents": {"his": seq}}}
        heard = [json.loads(await hers.recv()) for _ in range(2)]
        assert {each["id"]: each["payload"]["data"]["bookEvents"] for each in heard} == {
            "1": {"way1": seq},
            "2": {"way2": seq},
        }


def test_only_so_many_of_one_viewer_go_by_themselves(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "ASIDE", 1)
    with app.parts.hub.aside(None), pytest.raises(Exception, match="one by one"), app.parts.hub.aside(None):
        pass
    with app.parts.hub.aside(None):
        pass


async def test_an_id_and_the_variables_of_a_subscription_have_a_largest_size(ada: Client, book_id: str) -> None:
    async with opened(ada) as connection:
        payload = {"query": ways(1), "variables": {"id": book_id, "junk": "x" * 16_384}}
        await connection.send(json.dumps({"id": "a" * ID_LENGTH, "type": "subscribe", "payload": payload}))
        refused = json.loads(await connection.recv())
        assert refused["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        await connection.send(json.dumps({"id": "a" * (ID_LENGTH + 1), "type": "subscribe", "payload": payload}))
        assert await close_code(connection, within=5) == 4400


async def test_large_events_are_read_from_where_they_are_wanted(app: App, ada: Client, book_id: str) -> None:
    drawing = "x" * 20_000
    async with app.parts.database.connection() as database:
        await database.execute(
            "INSERT INTO events (book_id, seq, kind, payload, at) SELECT id, number, 'BookChanged', json_build_object("
            "'x', repeat($2, 10)), now() FROM books, generate_series(seq + 1, 130) number WHERE id = $1",
            book_id.removeprefix("bk_"),
            drawing,
        )
        await database.execute("UPDATE books SET seq = 130 WHERE id = $1", book_id.removeprefix("bk_"))
    document = "subscription($id: ID!) { bookEvents(bookId: $id, after: 126) { seq } }"
    with cost(app) as spent:
        async with ada.follow(document, id=book_id) as events:
            assert [(await events.next())["seq"] for _ in range(4)] == [127, 128, 129, 130]
    # For each its block is looked at, and then the place itself; not all that lies before it.
    assert spent.read <= 10
