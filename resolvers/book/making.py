"""Books that begin: once for each clientId, and with an owner."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from models import Book, Member, Role
from models.id import client_id as parsed_client_id
from models.quota import Quotas
from models.refusal import Gone, Invalid
from resolvers import access
from resolvers.book import quota
from resolvers.context import Context
from resolvers.work import Work


def checked_client_id(client_id: str | None, *path: str) -> UUID | None:
    """Raises Invalid for what is no UUID in lower case."""
    id = None if client_id is None else parsed_client_id(client_id)
    if client_id is not None and id is None:
        raise Invalid("A clientId is a UUID in lower case.", *path)
    return id


async def once(context: Context, new: Book, fill: Callable[[Work], Awaitable[None]], *path: str) -> Book:
    """The new book, or the one that was made with its clientId before, which may since be changed.

    Raises Gone, with the path, where that one may not be seen any more.
    """
    try:
        async with context.work() as work:
            await fill(work)
            await work.show({"bk": [new.id]})
    except IntegrityError as error:
        if "books_made_once" not in str(error):
            raise
        before = await made_before(context, new)
        if before is None:
            raise Gone("This clientId was used for a book that is gone.", *path) from error
        return before
    return new


async def add(work: Work, new: Book, owner_id: UUID, quotas: Quotas, *path: str) -> None:
    """The row of the book, and its owner's place in it. Raises LimitReached for who has no room for another."""
    new.created_at = new.updated_at = work.now
    work.session.add(new)
    await work.session.flush()
    await quota.hold(work, owner_id, quotas, *path)
    owner = Member(book_id=new.id, user_id=owner_id, role=Role.OWNER, joined_at=work.now)
    owner.becomes(Role.OWNER, work.now)
    work.session.add(owner)
    work.tell([owner_id], new.id)


async def made_before(context: Context, new: Book) -> Book | None:
    """What its clientId made already, if that may be seen still."""
    async with context.reading() as session:
        found = await session.scalar(
            select(Book).where(
                col(Book.created_by) == new.created_by,
                col(Book.client_id) == new.client_id,
                access.book_is_seen(new.created_by),
            )
        )
    if found is not None:
        await context.show({"bk": [found.id]})
    return found
