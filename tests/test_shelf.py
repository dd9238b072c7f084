"""One's own list of books and invitations, as it changes."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from resolvers import shelf
from server.app import App
from server.settings import Settings
from storage.channels import user_channel
from tests import client as asks
from tests.client import Client, Events, changed, joined
from tests.people import somebody
from tests.proxy import Proxy
from tests.running import served

DECLINE = "mutation Decline($id: ID!) { declineInvitation(id: $id) { ok userErrors { code message path } } }"
REVOKE = "mutation Revoke($id: ID!) { revokeInvitation(id: $id) { ok userErrors { code message path } } }"
LEAVE = "mutation Leave($id: ID!) { leaveBook(id: $id) { ok userErrors { code message path } } }"


async def heard(client: Client, mine: Events) -> None:
    """Makes books until they are heard of, and hears the last: nothing says when a subscription has begun."""
    for number in range(100):
        made = (await client.ask(asks.CREATE_BOOK, input={"title": f"diary {number}"})).it["book"]["id"]
        try:
            while (await mine.next(patience=0.2))["bookId"] != made:
                pass
            return
        except TimeoutError:
            continue
    raise AssertionError("nothing is heard")


async def book_of(client: Client, title: str = "Sea") -> str:
    return str((await client.ask(asks.CREATE_BOOK, input={"title": title})).it["book"]["id"])


async def invited(owner: Client, book_id: str, guest: Client, role: str) -> str:
    assert (await owner.ask(asks.INVITE, input={"bookId": book_id, "email": guest.email, "role": role})).it
    [invitation] = (await guest.ask(asks.INVITATIONS)).it["invitations"]
    return str(invitation["id"])


def offered(book_id: str, id: str, role: str) -> dict[str, Any]:
    return {"bookId": book_id, "book": None, "invitation": {"id": id, "role": role}}


def owned(book_id: str, title: str, role: str) -> dict[str, Any]:
    return {"bookId": book_id, "book": {"id": book_id, "title": title, "viewerRole": role}, "invitation": None}


def gone(book_id: str) -> dict[str, Any]:
    return {"bookId": book_id, "book": None, "invitation": None}


async def execute(app: App, statement: str, **values: Any) -> None:
    async with app.parts.database.session.begin() as session:
        await session.execute(text(statement), values)


async def test_each_change_of_a_book_in_ones_list_is_told_once_and_nothing_of_other_books(
    town: tuple[App, Client],
) -> None:
    app, _ = town
    ada, ben = await somebody(*town, "Ada"), await somebody(*town, "Ben")
    sea = await book_of(ada)
    id, user = sea.partition("_")[2], UUID(ben.user_id.partition("_")[2])
    async with ben.follow(asks.MY_BOOKS) as mine:
        await heard(ben, mine)

        first = await invited(ada, sea, ben, "VIEWER")
        assert await mine.next() == offered(sea, first, "VIEWER")
        assert await invited(ada, sea, ben, "EDITOR") == first
        assert await mine.next() == offered(sea, first, "EDITOR")
        assert (await ben.ask(DECLINE, id=first)).it["ok"]
        assert await mine.next() == gone(sea)

        second = await invited(ada, sea, ben, "VIEWER")
        assert await mine.next() == offered(sea, second, "VIEWER")
        assert (await ada.ask(REVOKE, id=second)).it["ok"]
        assert await mine.next() == gone(sea)

        third = await invited(ada, sea, ben, "EDITOR")
        assert await mine.next() == offered(sea, third, "EDITOR")
        assert (await ben.ask(asks.ACCEPT, id=third)).it
        assert await mine.next() == owned(sea, "Sea", "EDITOR")

        # What is not in the list, or not in theirs, is not told.
        await changed(ada, sea, description="Not in the list.")
        await changed(ada, await book_of(ada, "Not Ben's"), title="Still not Ben's")
        await changed(ada, sea, title="Shore")
        assert await mine.next() == owned(sea, "Shore", "EDITOR")
        await changed(ada, sea, visibility="PUBLIC")
        assert await mine.next() == owned(sea, "Shore", "EDITOR")
        await execute(
            app,
            "INSERT INTO images (id, book_id, status, status_at, filename, content_type, size, sha256, created_at) "
            "VALUES (:id, :id, 'READY', now(), 'a.jpg', 'image/jpeg', 1, :digest, now())",
            id=id,
            digest="0" * 64,
        )
        await changed(ada, sea, coverImageId=f"im_{id}")
        assert await mine.next() == owned(sea, "Shore", "EDITOR")
        assert (await ada.ask(asks.UPDATE_MEMBER, input={"bookId": sea, "userId": ben.user_id, "role": "VIEWER"})).it
        assert await mine.next() == owned(sea, "Shore", "VIEWER")

        # A hint that cannot be read has all of it read anew.
        await execute(app, "UPDATE books SET deleted_at = now() WHERE id = :id", id=id)
        app.parts.announcements.tell(user_channel(user), "from a newer program")
        assert await mine.next() == gone(sea)
        await execute(app, "UPDATE books SET deleted_at = NULL WHERE id = :id", id=id)
        app.parts.announcements.tell(user_channel(user), id)
        assert await mine.next() == owned(sea, "Shore", "VIEWER")

        assert (await ada.ask(asks.REMOVE_MEMBER, bookId=sea, userId=ben.user_id)).it["ok"]
        assert await mine.next() == gone(sea)
        await joined(ada, sea, ben)
        assert (await mine.take(2))[1] == owned(sea, "Shore", "EDITOR")
        assert (await ben.ask(LEAVE, id=sea)).it["ok"]
        assert await mine.next() == gone(sea)


async def test_while_redis_is_away_nothing_final_is_lost(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_LOOK_AWAY", 0.2)
    redis = urlsplit(str(settings.redis_url))
    async with Proxy(redis.hostname or "", redis.port or 0) as proxy, httpx.AsyncClient(timeout=30) as http:
        through = redis._replace(netloc=f"{redis.netloc.removesuffix(str(redis.port))}{proxy.port}").geturl()
        async with served(settings.model_copy(update={"redis_url": through})) as (app, url):
            nobody = Client(http, url)
            ada, ben = await somebody(app, nobody, "Ada"), await somebody(app, nobody, "Ben")
            sea, wood = await book_of(ada, "Sea"), await book_of(ada, "Wood")
            await joined(ada, sea, ben, "VIEWER")
            async with ben.follow(asks.MY_BOOKS) as mine:
                await heard(ben, mine)
                await proxy.refuse()
                await changed(ada, sea, title="Shore")
                await joined(ada, wood, ben, "VIEWER")
                # In whatever order, and the offer perhaps first: what is so in the end is told.
                last = {event["bookId"]: event for event in await mine.take(2)}
                if last[wood] != owned(wood, "Wood", "VIEWER"):
                    assert last[wood]["invitation"]["role"] == "VIEWER"
                    last[wood] = await mine.next()
                assert last[sea] == owned(sea, "Shore", "VIEWER")
                assert last[wood] == owned(wood, "Wood", "VIEWER")
                await proxy.accept()
                await ada.ask(asks.REMOVE_MEMBER, bookId=sea, userId=ben.user_id)
                assert await mine.next() == gone(sea)
