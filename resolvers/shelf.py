"""The viewer's own books and invitations, as they come, change and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from models import Book, Invitation, Member
from resolvers import access
from resolvers.context import Context
from storage.channels import user_channel

#: Seconds between looks at the whole shelf, whatever was heard: while the broadcast is away, and otherwise.
_LOOK_AWAY: Final = 2.0
_LOOK: Final = 60.0


@dataclass(frozen=True, slots=True)
class Shelved:
    """What became of a book in somebody's list; without a book it is gone, or only offered."""

    book_id: UUID
    book: Book | None = None
    invitation: Invitation | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A book or an invitation, and all of it that this list is about."""

    told: Shelved
    shown: tuple[Any, ...]


async def mine(context: Context) -> AsyncIterator[Shelved]:
    """Tells of each difference between what the viewer last heard and what is so now."""
    parts = context.parts
    async with parts.announcements.listen(user_channel(context.viewer.user_id)) as heard:
        known = await _look(context, None)
        while True:
            about: UUID | None = None
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK if parts.announcements.connected else _LOOK_AWAY):
                    message = await anext(heard, None)
                    if message is None:
                        return
                    about = UUID(message) if isinstance(message, str) and message else None
            now = await _look(context, about)
            for key, entry in now.items():
                if key not in known or known[key].shown != entry.shown:
                    yield entry.told
            for key in [key for key in known if key not in now and about in (None, known[key].told.book_id)]:
                gone = known.pop(key)
                # An invitation that was accepted has become a book, which was told of.
                if gone.told.invitation is None or ("book", gone.told.book_id) not in now:
                    yield Shelved(gone.told.book_id)
            known.update(now)


async def _look(context: Context, about: UUID | None) -> dict[tuple[str, UUID], _Entry]:
    """The viewer's books that are not in the trash, and the open invitations to them; all, or about one book."""
    viewer_id = context.viewer.user_id
    books = (
        select(Book, col(Member.role))
        .join(Member, col(Member.book_id) == Book.id)
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
    found: dict[tuple[str, UUID], _Entry] = {}
    async with context.reading() as session:
        for book, role in await session.execute(books):
            found["book", book.id] = _Entry(
                Shelved(book.id, book=book), (role, book.title, book.cover_image_id, book.visibility)
            )
        for invitation in await session.scalars(invitations):
            told = Shelved(invitation.book_id, invitation=invitation)
            found["invitation", invitation.id] = _Entry(told, (invitation.role, invitation.created_at))
    return found
