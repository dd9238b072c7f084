"""What can be followed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from models.id import inside
from resolvers import event, shelf
from schema.base import Info, sent
from schema.event import BookEvent, MyBooksEvent


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description=(
            "Every committed change of a book, in order, once each: first what came after `after` (all that is to come "
            "when it is left out), then live. Ends with FORBIDDEN when the viewer loses access."
        )
    )
    async def book_events(
        self,
        info: Info,
        book_id: strawberry.ID,
        after: int | None = strawberry.UNSET,
        epoch: str | None = strawberry.UNSET,
    ) -> AsyncGenerator[BookEvent, None]:
        told = event.of_book(info.context, inside("bk", book_id), after=sent(after), epoch=sent(epoch))
        # Closed with this one, so that nobody is left listening.
        async with aclosing(told):
            async for each in told:
                yield each

    @strawberry.subscription(
        description=(
            "Joined, left, role, title, cover, visibility, trash, invitations; not changes inside a book. Not "
            "replayed: read `books` after subscribing."
        )
    )
    async def my_books(self, info: Info) -> AsyncGenerator[MyBooksEvent, None]:
        async with aclosing(shelf.mine(info.context)) as changes:
            async for each in changes:
                yield each  # type: ignore[misc]
