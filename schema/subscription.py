"""What can be followed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from models.id import inside
from resolvers import event, shelf
from resolvers.presence import following
from schema.base import Info, sent
from schema.event import BookEvent, MyBooksEvent
from schema.plan.following import FOLLOWED
from schema.presence import People, PresenceEvent, told_as


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description=(
            "Every committed change of a book, in order, once each: first what came after `after` (all that is to come "
            "when it is left out), then live. Ends with FORBIDDEN when the viewer loses access."
        ),
        metadata=FOLLOWED,
    )
    async def book_events(
        self,
        info: Info,
        book_id: strawberry.ID,
        after: int | None = strawberry.UNSET,
        epoch: str | None = strawberry.UNSET,
    ) -> AsyncGenerator[BookEvent, None]:
        place = sent(after), sent(epoch)
        if info.context.resumed is not None:
            place = info.context.resumed.after, info.context.resumed.epoch
        told = event.of_book(info.context, inside("bk", book_id), after=place[0], epoch=place[1])
        # Closed with this one, so that nobody is left listening.
        async with aclosing(told):
            async for each in told:
                yield each

    @strawberry.subscription(
        description=(
            "Who is here: first one PresenceSnapshot, then changes. Never stored. For members; ends with FORBIDDEN "
            "when the viewer is none any more."
        )
    )
    async def presence(
        self,
        info: Info,
        book_id: strawberry.ID,
        client_id: Annotated[
            str,
            strawberry.argument(
                description="A UUID of this tab, in lower case: kept over reconnects and bound to the session."
            ),
        ],
    ) -> AsyncGenerator[PresenceEvent, None]:
        people = info.context.answer = await People.asked(info)
        async with aclosing(following.of_book(info.context, inside("bk", book_id), client_id)) as told:
            async for each in told:
                if (shown := told_as(each, people)) is not None:
                    yield shown

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
