"""Nothing of somebody's changes while it is given away."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text, union
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from models import Book, User
from models.refusal import Unavailable
from resolvers.belongings.references import belongings
from resolvers.work import Work

#: Milliseconds for which somebody's work is waited for, and how often.
PATIENCE: Final = 300
TRIES: Final = 12
#: That somebody has a row in hand, as Postgres says it: it was waited for in vain, or they wait for us.
_IN_HAND: Final = ("55P03", "40P01")


async def hold(work: Work, user_id: UUID) -> bool:
    """Locks each book that has something of the user's, and the user; False where there is no such user.

    Afterwards nothing new can refer to the user until the work ends. Raises Unavailable where too much is going on.
    """
    await work.session.flush()
    connection = await work.session.connection()
    for _ in range(TRIES):
        try:
            # Whoever works has locked one of these and may want another that is held here: then they go first.
            async with connection.begin_nested():
                await connection.execute(text(f"SET LOCAL lock_timeout = {PATIENCE}"))
                held = await _hold(connection, user_id)
                await connection.execute(text("SET LOCAL lock_timeout = DEFAULT"))
                return held
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_HAND:
                raise
    raise Unavailable("Too much is going on in these books. Try again in a moment.")


async def _hold(connection: AsyncConnection, user_id: UUID) -> bool:
    books = union(*_books(user_id)).subquery()
    held = select(col(Book.id)).where(col(Book.id).in_(select(books))).order_by(col(Book.id)).with_for_update()
    await connection.execute(held)
    user = await connection.scalar(select(col(User.id)).where(col(User.id) == user_id).with_for_update())
    # What was made while the others were waited for.
    await connection.execute(held)
    return user is not None


def _books(user_id: UUID) -> Iterator[Any]:
    for each in belongings():
        book_id = each.table.c.id if each.table.name == "books" else each.table.c.get("book_id")
        if book_id is not None:
            yield select(book_id).where(each.of(user_id))
