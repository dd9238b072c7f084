"""Loaders: what fields of many rows ask for, asked once for all of them.

They only batch. Nothing is remembered, so that a subscription that lives for hours shows what is true now.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col
from strawberry.dataloader import DataLoader

from models import Book, Element, Image, Invitation, Member, Page, Role, User
from resolvers import access
from storage.database import Database

Load = Callable[[UUID], Awaitable[Any]]


class Loaders:
    """Of one operation, for one viewer."""

    def __init__(self, database: Database, viewer_id: UUID | None) -> None:
        self._database = database
        viewer = viewer_id
        self.user = self._one(select(col(User.id), User), User.id)
        self.book = self._one(select(col(Book.id), Book).where(access.book_is_seen(viewer)), Book.id)
        self.title = self._one(select(col(Book.id), col(Book.title)), Book.id)
        self.page = self._one(select(col(Page.id), Page).where(col(Page.deleted_at).is_(None)), Page.id)
        self.image = self._one(select(col(Image.id), Image).where(col(Image.deleted_at).is_(None)), Image.id)
        self.email = self._one(select(col(User.id), col(User.email)), User.id)
        self.role = self._one(
            select(col(Member.book_id), col(Member.role)).where(col(Member.user_id) == viewer), Member.book_id
        )
        self.owner = self._one(
            select(col(Member.book_id), User)
            .join(User, col(User.id) == Member.user_id)
            .where(col(Member.role) == Role.OWNER)
            .ext(distinct_on(col(Member.book_id)))
            .order_by(col(Member.book_id), col(Member.owner_since), col(Member.id)),
            Member.book_id,
        )
        self.pages = self._many(
            select(col(Page.book_id), Page)
            .where(col(Page.deleted_at).is_(None))
            .order_by(col(Page.order_key), col(Page.id)),
            Page.book_id,
        )
        in_order = select(Element).where(col(Element.deleted_at).is_(None))
        self.elements_of_page = self._many(
            in_order.with_only_columns(col(Element.page_id), Element).order_by(col(Element.order_key), col(Element.id)),
            Element.page_id,
        )
        self.elements_of_book = self._many(
            in_order.with_only_columns(col(Element.book_id), Element)
            .join(Page, col(Page.id) == Element.page_id)
            .order_by(col(Page.order_key), col(Page.id), col(Element.order_key), col(Element.id)),
            Element.book_id,
        )
        self.members = self._many(
            select(col(Member.book_id), Member)
            .where(access.member_is_seen(viewer))
            .order_by(col(Member.joined_at), col(Member.id)),
            Member.book_id,
        )
        self.invitations = self._many(
            select(col(Invitation.book_id), Invitation)
            .where(Invitation.is_open(func.now()), access.owns(viewer, Invitation.book_id))
            .order_by(col(Invitation.created_at).desc(), col(Invitation.id)),
            Invitation.book_id,
        )
        self.element_count = self._count(
            select(col(Element.book_id), func.count()).where(col(Element.deleted_at).is_(None)),
            Element.book_id,
        )
        self.member_count = self._count(
            select(col(Member.book_id), func.count()).where(access.member_is_seen(viewer)), Member.book_id
        )
        self.placement_count = self._count(
            select(col(Element.image_id), func.count()).where(col(Element.deleted_at).is_(None)),
            Element.image_id,
        )

    def _one(self, rows: Select[*tuple[Any, ...]], key: Any) -> Load:
        """Loads the one value for a key, or None."""

        async def load(keys: list[UUID]) -> list[Any]:
            found = dict(await self._fetch(rows.where(col(key).in_(keys))))
            return [found.get(key) for key in keys]

        return DataLoader(load, cache=False, max_batch_size=1000).load

    def _many(self, rows: Select[*tuple[Any, ...]], key: Any) -> Load:
        """Loads the list of values for a key, in the statement's order."""

        async def load(keys: list[UUID]) -> list[Any]:
            found = defaultdict(list)
            for of, value in await self._fetch(rows.where(col(key).in_(keys))):
                found[of].append(value)
            return [found[key] for key in keys]

        return DataLoader(load, cache=False, max_batch_size=1000).load

    def _count(self, rows: Select[*tuple[Any, ...]], key: Any) -> Load:
        """Loads how many rows there are for a key."""

        async def load(keys: list[UUID]) -> list[Any]:
            found = dict(await self._fetch(rows.where(col(key).in_(keys)).group_by(key)))
            return [found.get(key, 0) for key in keys]

        return DataLoader(load, cache=False, max_batch_size=1000).load

    async def _fetch(self, rows: Select[*tuple[Any, ...]]) -> list[Any]:
        async with self._database.session() as session:
            return [tuple(row) for row in await session.execute(rows)]
