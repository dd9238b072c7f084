"""The events of a book: every number once, in order, to those who may see it."""

import asyncio
import random
import sys
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from resolvers.live import hub
from resolvers.live.journal import PAGE
from server.app import App
from storage.journal import new_epochs
from tests import client as asks
from tests.client import Client, Events, apply, changed, joined, placed
from tests.operation.test_statements import statements
from tests.people import somebody, uuid_of
from tests.proxy import Proxy
from tests.running import ROOT, Processes

OTHER = "another epoch"


@pytest.fixture
def app(town: tuple[App, Client]) -> App:
    return town[0]


@pytest_asyncio.fixture
async def ada(town: tuple[App, Client]) -> Client:
    return await somebody(*town, "Ada")


async def made(owner: Client, **fields: Any) -> dict[str, Any]:
    """A book whose seq is 3."""
    book: dict[str, Any] = (await owner.ask(asks.CREATE_BOOK, input={"title": "0", **fields})).it["book"]
    for title in "123":
        await changed(owner, book["id"], title=title)
    return book


async def execute(app: App, statement: str, **values: Any) -> None:
    async with app.parts.database.session.begin() as session:
        await session.execute(text(statement), values)


def numbers(events: list[Any]) -> list[int]:
    return [event["seq"] for event in events]


async def test_whoever_begins_while_twelve_write_misses_nothing_and_hears_nothing_twice(ada: Client) -> None:
    book_id, chance = (await made(ada))["id"], random.Random(2)
    last = 3 + 12 * 10
    begun = asyncio.Semaphore(0)

    async def write(writer: int) -> None:
        for number in range(10):
            # On a slow machine twelve may wait for ten connections too long; a repeat has one effect.
            while True:
                answer = await ada.ask(asks.UPDATE_BOOK, input={"id": book_id, "title": f"{writer} {number}"})
                if answer.code != "UNAVAILABLE":
                    break
            assert answer.code is None
            begun.release()

    async def begin(offset: int) -> None:
        for _ in range(offset):
            await begun.acquire()
        seen = (await ada.ask(asks.BOOK, id=book_id)).it["seq"]
        async with ada.follow(asks.EVENTS, bookId=book_id, after=seen) as events:
            heard = await events.until(lambda event: event["seq"] == last) if seen < last else []
        assert numbers(heard) == list(range(seen + 1, last + 1))

    offsets = [chance.randrange(18) for _ in range(6)]
    await asyncio.gather(*(write(writer) for writer in range(12)), *(begin(offset) for offset in offsets))


async def test_without_after_only_what_is_to_come_is_told(ada: Client) -> None:
    book_id = (await made(ada))["id"]
    async with ada.follow(asks.EVENTS, bookId=book_id) as events:
        first = await first_heard(ada, book_id, events)
        assert first["seq"] > 3
        seq = await changed(ada, book_id, title="next")
        heard = await events.until(lambda event: event["seq"] == seq)
        assert numbers(heard) == list(range(first["seq"] + 1, seq + 1))


async def first_heard(writer: Client, book_id: str, events: Events) -> Any:
    """Writes until something is heard: nothing says when a subscription has begun."""
    for number in range(100):
        await changed(writer, book_id, title=f"heard {number}")
        try:
            return await events.next(patience=0.2)
        except TimeoutError:
            continue
    raise AssertionError("nothing is heard")


async def test_where_the_journal_does_not_go_on_there_is_one_resync_and_then_what_is_live(
    ada: Client, app: App
) -> None:
    whole, pruned = await made(ada), await made(ada)
    await execute(app, "DELETE FROM events WHERE book_id = :id AND seq <= 2", id=uuid_of(pruned["id"]))
    places: list[tuple[Any, dict[str, Any]]] = [
        (whole, {"after": 99}),
        (whole, {"after": 2**31 - 1}),
        (whole, {"after": 1, "epoch": OTHER}),
        (whole, {"after": 3, "epoch": OTHER}),
        (whole, {"after": 3, "epoch": ""}),
        (whole, {"epoch": OTHER}),
        (pruned, {"after": 0}),
        (pruned, {"after": 1, "epoch": pruned["epoch"]}),
    ]
    async with AsyncExitStack() as stack:
        following = [
            await stack.enter_async_context(ada.follow(asks.EVENTS, bookId=book["id"], **place))
            for book, place in places
        ]
        for (book, _), events in zip(places, following, strict=True):
            resync = await events.next()
            assert (resync["__typename"], resync["seq"], resync["epoch"]) == ("Resync", 3, book["epoch"])
            assert (resync["actor"], resync["batchId"]) == (None, None)
        await changed(ada, whole["id"], title="live")
        await changed(ada, pruned["id"], title="live")
        for events in following:
            live = await events.next()
            assert (live["__typename"], live["seq"], live["book"]["title"]) == ("BookChanged", 4, "live")


async def test_an_empty_journal_is_a_resync_only_for_who_missed_something(ada: Client, app: App) -> None:
    book_id = (await made(ada))["id"]
    await execute(app, "DELETE FROM events WHERE book_id = :id", id=uuid_of(book_id))
    async with (
        ada.follow(asks.EVENTS, bookId=book_id, after=3) as current,
        ada.follow(asks.EVENTS, bookId=book_id, after=2) as behind,
    ):
        resync = await behind.next()
        assert (resync["__typename"], resync["seq"]) == ("Resync", 3)
        await changed(ada, book_id, title="live")
        for events in (current, behind):
            live = await events.next()
            assert (live["__typename"], live["seq"]) == ("BookChanged", 4)


async def test_what_cannot_be_followed_is_refused_and_nobody_is_left_listening(ada: Client, app: App) -> None:
    book_id = (await made(ada))["id"]
    before = app.parts.announcements.counts.subscribers
    ben = await somebody(app, ada, "Ben")
    for client, asked, code in [
        (ada, {"bookId": book_id, "after": -1}, "BAD_USER_INPUT"),
        (ada, {"bookId": "bk_no-such-book"}, "NOT_FOUND"),
        (ada, {"bookId": book_id.replace("bk_", "us_")}, "NOT_FOUND"),
        (ben, {"bookId": book_id}, "NOT_FOUND"),
    ]:
        async with client.follow(asks.EVENTS, **asked) as events:
            assert await events.end() == code
    assert app.parts.announcements.counts.subscribers == before


async def test_a_new_epoch_reaches_open_subscriptions(ada: Client, app: App) -> None:
    book = await made(ada)
    async with ada.follow(asks.EVENTS, bookId=book["id"], after=2, epoch=book["epoch"]) as events:
        assert (await events.next())["seq"] == 3
        await new_epochs(app.parts.database)
        await changed(ada, book["id"], title="in the new one")
        resync = await events.next()
        read = (await ada.ask(asks.BOOK, id=book["id"])).it
        assert read["epoch"] != book["epoch"]
        assert (resync["__typename"], resync["seq"], resync["epoch"]) == ("Resync", 4, read["epoch"])
        await changed(ada, book["id"], title="live")
        assert ((await events.next())["seq"], read["seq"]) == (5, 4)


async def test_a_head_below_what_was_sent_begins_a_new_epoch(ada: Client, app: App) -> None:
    book = await made(ada)
    async with (
        ada.follow(asks.EVENTS, bookId=book["id"], after=2, epoch=book["epoch"]) as events,
        ada.follow(asks.EVENTS, bookId=book["id"], after=2) as others,
    ):
        assert (await events.next())["seq"] == (await others.next())["seq"] == 3
        # As an older backup has it, on which somebody goes on at once.
        await execute(app, "DELETE FROM events WHERE seq > 1 AND book_id = :id", id=uuid_of(book["id"]))
        await execute(app, "UPDATE books SET seq = 1 WHERE id = :id", id=uuid_of(book["id"]))
        assert await changed(ada, book["id"], title="another second change") == 2
        resync, also = await events.next(), await others.next()
        epoch = (await ada.ask(asks.BOOK, id=book["id"])).it["epoch"]
        assert epoch != book["epoch"]
        assert (resync["__typename"], resync["seq"], resync["epoch"]) == ("Resync", 2, epoch)
        assert (also["__typename"], also["seq"], also["epoch"]) == ("Resync", 2, epoch)
        await changed(ada, book["id"], title="third")
        assert (await events.next())["seq"] == (await others.next())["seq"] == 3
    # Who was away in the meantime is told as well, although the number is there again.
    async with ada.follow(asks.EVENTS, bookId=book["id"], after=3, epoch=book["epoch"]) as late:
        assert (await late.next())["epoch"] == epoch


async def test_a_client_that_claims_to_be_ahead_begins_no_epoch(ada: Client) -> None:
    book = await made(ada)
    async with ada.follow(asks.EVENTS, bookId=book["id"], after=99, epoch=book["epoch"]) as events:
        assert (await events.next())["__typename"] == "Resync"
        await changed(ada, book["id"], title="live")
        assert (await events.next())["seq"] == 4
    assert (await ada.ask(asks.BOOK, id=book["id"])).it["epoch"] == book["epoch"]


async def test_a_kind_that_a_newer_process_wrote_is_a_resync(ada: Client, app: App) -> None:
    book_id = (await made(ada))["id"]
    await execute(
        app, "UPDATE events SET kind = 'StickersChanged' WHERE seq = 2 AND book_id = :id", id=uuid_of(book_id)
    )
    async with ada.follow(asks.EVENTS, bookId=book_id, after=0) as events:
        heard = await events.take(3)
    assert [event["__typename"] for event in heard] == ["BookChanged", "Resync", "BookChanged"]
    assert numbers(heard) == [1, 2, 3]


async def test_a_change_too_large_to_send_is_a_resync_that_its_author_knows(ada: Client) -> None:
    book_id = (await made(ada))["id"]
    points = [{"x": index, "y": 0.123} for index in range(9_000)]
    drawing = {"createDrawing": {"placement": placed(), "points": points}}
    ids = [(await apply(ada, book_id, f"d{n}", drawing)).it["results"][0]["element"]["id"] for n in range(3)]
    moves = [{"updateElement": {"id": id, "x": 1}} for id in ids]
    async with ada.follow(asks.EVENTS, bookId=book_id, after=5) as events:
        assert (await events.next())["__typename"] == "CanvasChanged"
        assert (await apply(ada, book_id, "all", *moves)).it["seq"] == 7
        resync = await events.next()
        assert (resync["__typename"], resync["seq"], resync["batchId"]) == ("Resync", 7, "all")
        assert resync["actor"] == {"id": ada.user_id}
        await changed(ada, book_id, title="live")
        assert (await events.next())["seq"] == 8


async def test_a_removal_ends_the_stream_and_nothing_later_is_delivered(ada: Client, app: App) -> None:
    book_id = (await made(ada))["id"]
    ben = await somebody(app, ada, "Ben")
    seq = await joined(ada, book_id, ben)
    async with ben.follow(asks.EVENTS, bookId=book_id, after=seq - 1) as events:
        assert (await events.next())["seq"] == seq
        removed = await ada.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=ben.user_id)
        await changed(ada, book_id, title="secret")
        assert removed.it["seq"] == seq + 1
        assert await events.end() == "FORBIDDEN"
    async with ben.follow(asks.EVENTS, bookId=book_id, after=seq) as again:
        assert await again.end() == "NOT_FOUND"


async def test_a_public_book_is_followed_by_anyone_until_it_is_private(ada: Client, app: App) -> None:
    book_id = (await made(ada, visibility="PUBLIC"))["id"]
    ben = await somebody(app, ada, "Ben")
    async with (
        ben.follow(asks.EVENTS, bookId=book_id, after=2) as public,
        ada.follow(asks.EVENTS, bookId=book_id, after=3) as owners,
    ):
        assert (await public.next())["book"]["title"] == "3"
        await changed(ada, book_id, visibility="PRIVATE")
        await changed(ada, book_id, title="secret")
        assert await public.end() == "FORBIDDEN"
        assert numbers(await owners.take(2)) == [4, 5]


async def test_members_are_told_to_members_alone_and_others_get_the_empty_number(ada: Client, app: App) -> None:
    book_id = (await made(ada, visibility="PUBLIC"))["id"]
    ben, cleo, dora = [await somebody(app, ada, name) for name in ("Ben", "Cleo", "Dora")]
    async with (
        dora.follow(asks.EVENTS, bookId=book_id, after=3) as public,
        ada.follow(asks.EVENTS, bookId=book_id, after=3) as owners,
        cleo.follow(asks.EVENTS, bookId=book_id, after=3) as cleos,
    ):
        assert await joined(ada, book_id, ben, "VIEWER") == 4
        told = await owners.next()
        assert told["members"] == [{"user": {"id": ben.user_id}, "role": "VIEWER"}]
        assert told["actor"] == {"id": ben.user_id}
        for events in (public, cleos):
            hidden = await events.next()
            assert (hidden["__typename"], hidden["seq"], hidden["bookId"]) == ("MembersChanged", 4, book_id)
            assert (hidden["members"], hidden["removedUserIds"], hidden["actor"]) == ([], [], None)
        # Who belongs to it by now is told more, on the same subscription.
        await joined(ada, book_id, cleo)
        assert (await cleos.next())["members"] == [{"user": {"id": cleo.user_id}, "role": "EDITOR"}]
        assert (await public.next())["members"] == []
        # And less, once they have left, since they may still read it.
        await ada.ask(asks.REMOVE_MEMBER, bookId=book_id, userId=cleo.user_id)
        assert (await cleos.next())["removedUserIds"] == []
        assert (await owners.take(2))[1]["removedUserIds"] == [cleo.user_id]


async def test_another_role_is_heard_and_the_stream_goes_on(ada: Client, app: App) -> None:
    book_id = (await made(ada))["id"]
    ben = await somebody(app, ada, "Ben")
    seq = await joined(ada, book_id, ben)
    async with ben.follow(asks.EVENTS, bookId=book_id, after=seq) as events:
        role = {"bookId": book_id, "userId": ben.user_id, "role": "VIEWER"}
        await ada.ask(asks.UPDATE_MEMBER, input=role)
        assert (await events.next())["members"] == [{"user": {"id": ben.user_id}, "role": "VIEWER"}]
        refused = await ben.ask(asks.UPDATE_BOOK, input={"id": book_id, "title": "Mine"})
        assert refused.code == "FORBIDDEN"
        assert await changed(ada, book_id, title="next") == seq + 2
        assert (await events.next())["seq"] == seq + 2


async def test_a_long_history_comes_in_order_and_a_little_at_a_time(ada: Client, app: App) -> None:
    book_id = (await made(ada))["id"]
    await execute(
        app,
        "INSERT INTO events (book_id, seq, kind, payload, at) "
        "SELECT id, number, 'BookChanged', '{}', now() FROM books, generate_series(4, 2003) number WHERE id = :id",
        id=uuid_of(book_id),
    )
    await execute(app, "UPDATE books SET seq = 2003 WHERE id = :id", id=uuid_of(book_id))
    document = "subscription Events($id: ID!) { bookEvents(bookId: $id, after: 3) { seq } }"
    async with ada.follow(document, id=book_id) as events:
        with statements(app) as sent:
            assert numbers(await events.take(2_000)) == list(range(4, 2_004))
        assert len([each for each in sent if "LATERAL" in each]) >= 2_000 / PAGE
        await changed(ada, book_id, title="live")
        assert (await events.next())["seq"] == 2_004


async def test_one_who_does_not_read_holds_up_nobody_and_gets_all_of_it_later(ada: Client) -> None:
    book_id = (await made(ada))["id"]
    text_ = {"createText": {"placement": placed(), "content": "x" * 20_000}}
    async with (
        Proxy("127.0.0.1", urlsplit(ada.url).port or 0) as proxy,
        ada.follow(asks.EVENTS, via=f"http://127.0.0.1:{proxy.port}", bookId=book_id, after=2) as slow,
        ada.follow(asks.EVENTS, bookId=book_id, after=3) as quick,
    ):
        assert (await slow.next())["seq"] == 3
        proxy.hang()
        for number in range(40):
            await apply(ada, book_id, f"n{number}", *[text_] * 5)
            assert (await quick.next(patience=2))["seq"] == 4 + number
        proxy.resume()
        assert numbers(await slow.take(40)) == list(range(4, 44))


async def test_who_leaves_leaves_no_listener_and_no_task(
    ada: Client, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "LINGER", 0.0)
    book_id = (await made(ada))["id"]
    before = app.parts.announcements.counts.subscribers
    tasks = asyncio.all_tasks()
    for _ in range(5):
        async with (
            ada.follow(asks.EVENTS, bookId=book_id, after=2) as events,
            ada.follow(asks.MY_BOOKS),
            ada.follow(asks.EVENTS, bookId=book_id, after=2) as others,
        ):
            assert (await events.next())["seq"] == (await others.next())["seq"] == 3
    async with asyncio.timeout(asks.PATIENCE):
        # The server hears of it a little later.
        while left := asyncio.all_tasks() - tasks - {asyncio.current_task()}:
            await asyncio.wait(left)
    assert app.parts.announcements.counts.subscribers == before


async def test_both_processes_tell_the_same_and_the_command_for_new_epochs_reaches_both(
    processes: Processes,
) -> None:
    first, second = processes.urls
    async with httpx.AsyncClient(timeout=30) as http:
        ada = await Client(http, first).sign_up("Ada")
        book = await made(ada)
        async with (
            ada.follow(asks.EVENTS, bookId=book["id"], after=3) as here,
            ada.at(second).follow(asks.EVENTS, bookId=book["id"], after=3) as there,
        ):
            for number in range(20):
                await changed(ada.at(processes.urls[number % 2]), book["id"], title=f"{number}")
            assert numbers(await here.take(20)) == numbers(await there.take(20)) == list(range(4, 24))
            await new_epochs_by_command(processes)
            resync = await here.next()
            assert (resync["__typename"], resync["seq"]) == ("Resync", 23)
            assert resync["epoch"] != book["epoch"]
            assert await there.next() == resync


async def new_epochs_by_command(processes: Processes) -> None:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "epoch"), cwd=ROOT, env=processes.environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await command.communicate()
    assert (command.returncode, said) == (0, b"1 books have a new epoch.\n")
