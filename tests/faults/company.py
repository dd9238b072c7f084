"""The people of a row and their books, made as rows, with the tokens that signing in would have given."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg

from models import Book, Member, Page, Role, Session, User
from models.columns import now
from models.order import between
from models.session import ACCESS_LIFETIME
from resolvers.keyring import Keyring
from resolvers.token import AccessTokens
from storage.database import Database
from tests.faults.house import SECRET


@dataclass(frozen=True)
class Person:
    user_id: UUID
    session_id: UUID
    token: str
    email: str

    @property
    def id(self) -> str:
        return f"us_{self.user_id}"


@dataclass(frozen=True)
class Shelf:
    """A book by its id outside, its page, its owner, and those who may look at it."""

    book: str
    page: str
    owner: Person
    viewers: list[Person]


async def shelve(database: Database, *, books: int, viewers: int) -> list[Shelf]:
    """So many private books, each with an owner and so many viewers."""
    return [await _shelf(database, viewers) for _ in range(books)]


async def _shelf(database: Database, viewers: int) -> Shelf:
    people = [await person(database) for _ in range(1 + viewers)]
    owner = people[0]
    async with database.session.begin() as rows:
        book = Book(title="Faults", created_by=owner.user_id)
        rows.add(book)
        await rows.flush()
        page = Page(book_id=book.id, order_key=between(None, None))
        rows.add(page)
        for each in people:
            role = Role.OWNER if each is owner else Role.VIEWER
            since = now() if role is Role.OWNER else None
            rows.add(Member(book_id=book.id, user_id=each.user_id, role=role, owner_since=since))
    return Shelf(f"bk_{book.id}", f"pg_{page.id}", owner, people[1:])


async def person(database: Database, expires_in: timedelta | None = None) -> Person:
    """Somebody new; `expires_in` is for an access token that does not last."""
    async with database.session.begin() as rows:
        user = User(name="Somebody", email=f"{uuid4()}@example.org")
        rows.add(user)
        await rows.flush()
        session = Session(user_id=user.id, expires_at=now() + timedelta(days=1))
        rows.add(session)
    return Person(user.id, session.id, token(user.id, session.id, expires_in), str(user.email))


async def join(sql: asyncpg.Connection, who: Person, shelves: Iterable[Shelf]) -> None:
    """As a viewer of each of these books."""
    await sql.executemany(
        "INSERT INTO members (id, book_id, user_id, role, joined_at)"
        " VALUES (gen_random_uuid(), $1, $2, 'VIEWER', now())",
        [(UUID(shelf.book.removeprefix("bk_")), who.user_id) for shelf in shelves],
    )


def token(user_id: UUID, session_id: UUID, expires_in: timedelta | None = None) -> str:
    """Of full length, or as one that was issued so long ago that it has only this much left."""
    issued = now() if expires_in is None else now() - ACCESS_LIFETIME + expires_in
    return AccessTokens(Keyring(SECRET)).issue(user_id, session_id, issued)[0]
