"""The viewer's own books and invitations, as they come, change and go."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, select
from sqlmodel import col

from models import Book, Image, Invitation, Member
from resolvers import access
from resolvers.context import Context
from storage.broadcast import GAP, Heard
from storage.channels import book_named, user_channel

#: Seconds between looks at the whole shelf, whatever was heard: while the broadcast is away, and otherwise.
_LOOK_AWAY: Final = 2.0
_LOOK: Final = 60.0


@dataclass(frozen=True, slots=True)
class Shelved:
    """What a book is in somebody's list: theirs, offered to them, or neither any more."""

    book_id: UUID
    book: Book | None = None
    invitation: Invitation | None = None
    #: Their role in the book.
    role: str | None = None
    #: Its cover as it is now: which photo, and how far that has come; none while that is in the trash.
    cover: tuple[UUID, str] | None = None

    @property
    def rows(self) -> dict[str, list[UUID]]:
        """The ids of its rows, by the letters of their kind."""
        return {"bk": [self.book.id] if self.book else [], "in": [self.invitation.id] if self.invitation else []}

    @property
    def shown(self) -> tuple[Any, ...]:
        """All that the list is about."""
        book, invitation = self.book, self.invitation
        return (
            book and (self.role, book.title, self.cover, book.visibility),
            invitation and (invitation.id, invitation.role, invitation.created_at),
        )


async def mine(context: Context) -> AsyncGenerator[Shelved, None]:
    """Tells of each difference between what the viewer last heard and what is so now."""
    announcements = context.parts.announcements
    async with announcements.listen(user_channel(context.viewer.user_id)) as heard:
        known, looked = await _look(context, None), time.monotonic()
        while True:
            message: Heard | None = GAP
            try:
                # Awake now and then, to find out that the broadcast has gone.
                async with asyncio.timeout(_LOOK_AWAY):
                    message = await anext(heard, None)
            except TimeoutError:
                if announcements.connected and time.monotonic() - looked < _LOOK:
                    continue
            if message is None:
                return
            about = None if message is GAP else book_named(message)
            if about is None:
                looked = time.monotonic()
            now = await _look(context, about)
            for book_id in (known.keys() if about is None else known.keys() & {about}) - now.keys():
                del known[book_id]
                yield Shelved(book_id)
            for book_id, shelved in now.items():
                is_new = book_id not in known or known[book_id].shown != shelved.shown
                known[book_id] = shelved
                if is_new:
                    await context.show(shelved.rows)
                    yield shelved


async def _look(context: Context, about: UUID | None) -> dict[UUID, Shelved]:
    """The viewer's books that are not in the trash, and the open invitations to such; all, or about one book."""
    viewer_id = context.viewer.user_id
    books = (
        select(Book, col(Member.role), col(Image.id), col(Image.status))
        .join(Member, col(Member.book_id) == Book.id)
        .outerjoin(Image, and_(col(Image.id) == Book.cover_image_id, col(Image.deleted_at).is_(None)))
        .where(col(Member.user_id) == viewer_id, col(Book.deleted_at).is_(None))
    )
    invitations = (
        select(Invitation)
        .join(Book, col(Book.id) == Invitation.book_id)
        .where(access.is_invited(viewer_id), Invitation.is_open(context.now), col(Book.deleted_at).is_(None))
    )
    if about is not None:
        books = books.where(col(Book.id) == about)
        invitations = invitations.where(col(Invitation.book_id) == about)
    async with context.reading() as session:
        # The offers first: one that is accepted meanwhile is a book then, and never neither.
        offered = {offer.book_id: offer for offer in await session.scalars(invitations)}
        found = {
            book.id: Shelved(book.id, book, offered.get(book.id), role, (cover, status) if cover else None)
            for book, role, cover, status in await session.execute(books)
        }
    return {**{id: Shelved(id, invitation=offer) for id, offer in offered.items()}, **found}
