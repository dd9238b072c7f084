"""People and their book, made quickly: rows for the people, and the tokens that signing in would have given."""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, Self
from uuid import UUID

import asyncpg

from models import Image, Session, StoredObject, User
from models.columns import now
from server.app import App
from server.settings import Settings
from tests.client import CREATE_BOOK, Client, Events

INVITE = """
mutation Invite($input: InviteMemberInput!) {
  inviteMember(input: $input) { invitation { id email role bookTitle } userErrors { code message path } }
}
"""
ACCEPT = """
mutation Accept($id: ID) {
  acceptInvitation(id: $id) { book { id viewerRole memberCount } seq userErrors { code message path } }
}
"""
ROLES = ("OWNER", "EDITOR", "CONTRIBUTOR", "VIEWER")


def uuid_of(id: str) -> str:
    """What the database calls it."""
    return id[3:]


async def somebody(app: App, client: Client, name: str) -> Client:
    """Somebody new with a confirmed address, without the tens of milliseconds that a password takes."""
    user = User(name=name, email=f"{name}.{os.urandom(8).hex()}@example.org", email_verified_at=now())
    session = Session(user_id=user.id, expires_at=now() + timedelta(days=1))
    async with app.parts.database.session.begin() as rows:
        rows.add(user)
        await rows.flush()
        rows.add(session)
    token, _ = app.parts.tokens.issue(user.id, session.id, now())
    return replace(client, token=token, user_id=f"us_{user.id}", email=str(user.email))


async def confirmed(settings: Settings, *people: Client) -> None:
    """As if they had opened the link in their mail."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        emails = [person.email for person in people]
        await connection.execute("UPDATE users SET email_verified_at = now() WHERE email = ANY($1)", emails)
    finally:
        await connection.close()


async def made_book(owner: Client, title: str = "By the sea", **more: Any) -> str:
    book = (await owner.ask(CREATE_BOOK, input={"title": title, **more})).it["book"]
    return str(book["id"])


async def join(owner: Client, book_id: str, person: Client, role: str) -> None:
    """They become a member as people do: invited, and accepting."""
    sent = (await owner.ask(INVITE, input={"bookId": book_id, "email": person.email, "role": role})).it
    assert (await person.ask(ACCEPT, id=sent["invitation"]["id"])).it["book"]["viewerRole"] == role


async def is_heard(person: Client, mine: Events) -> str:
    """`myBooks` does not replay: they make books of their own until one is heard of, which is the one given back."""
    for _ in range(20):
        book_id = await made_book(person, "Diary")
        with suppress(TimeoutError):
            while (await mine.next(patience=0.5))["bookId"] != book_id:
                pass
            return book_id
    raise AssertionError("nothing is heard")


@dataclass(frozen=True)
class People:
    """A private book with one of each role, somebody invited to it, somebody with a book of their own, and nobody."""

    app: App
    book_id: str
    owner: Client
    editor: Client
    contributor: Client
    viewer: Client
    invited: Client
    invitation_id: str
    stranger: Client
    nobody: Client

    @classmethod
    async def meet(cls, app: App, nobody: Client) -> Self:
        names = ("Olga", "Edda", "Cora", "Vera", "Inga", "Svea")
        owner, editor, contributor, viewer, invited, stranger = [await somebody(app, nobody, name) for name in names]
        book_id = await made_book(owner)
        for person, role in ((editor, "EDITOR"), (contributor, "CONTRIBUTOR"), (viewer, "VIEWER")):
            await join(owner, book_id, person, role)
        sent = (await owner.ask(INVITE, input={"bookId": book_id, "email": invited.email, "role": "EDITOR"})).it
        await made_book(stranger, "Elsewhere")
        return cls(
            app, book_id, owner, editor, contributor, viewer, invited, sent["invitation"]["id"], stranger, nobody
        )

    async def also(self, name: str, role: str | None = None) -> Client:
        """One more person, who belongs to the book if they have a role."""
        person = await somebody(self.app, self.nobody, name)
        if role:
            await join(self.owner, self.book_id, person, role)
        return person

    async def sql(self, statement: str, *arguments: Any) -> list[Any]:
        """What no mutation does yet, such as time passing."""
        async with self.app.parts.database.engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            return list(await driver.fetch(statement, *arguments))

    async def image(
        self, status: str = "READY", *, of: Client | None = None, book_id: str | None = None, trashed: bool = False
    ) -> str:
        """A photo whose bytes are nowhere."""
        stored = StoredObject()
        image = Image(
            id=stored.id,
            object_id=stored.id,
            book_id=UUID(uuid_of(book_id or self.book_id)),
            uploader_id=UUID(uuid_of(of.user_id)) if of else None,
            status=status,
            filename="photo.jpg",
            content_type="image/jpeg",
            size=1,
            sha256=sha256(os.urandom(8)).hexdigest(),
            thumbhash="1QcSHQRnh493V4dIh4eXh1h4kJUI" if status == "READY" else None,
            deleted_at=now() if trashed else None,
        )
        async with self.app.parts.database.session.begin() as rows:
            rows.add(stored)
            await rows.flush()
            rows.add(image)
        return f"im_{image.id}"

    async def trash(self) -> None:
        await self.sql("UPDATE books SET deleted_at = now() WHERE id = $1", uuid_of(self.book_id))

    async def seq(self) -> int:
        """The number of the book's last change: the same as before where nothing has happened."""
        [row] = await self.sql(
            "SELECT seq, (SELECT count(*) FROM events WHERE book_id = books.id) AS told FROM books WHERE id = $1",
            uuid_of(self.book_id),
        )
        assert row["seq"] == row["told"]
        return int(row["seq"])
