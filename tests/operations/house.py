"""Photos by their rows and bytes alone, as old as a test wants them, and sweeps of them."""

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any, Self
from uuid import UUID

import asyncpg

from models import Book, Image, StoredObject, User
from models.columns import now
from models.id import new_id
from models.object import Part, key_of
from resolvers.context import Parts
from resolvers.jobs import REGISTRY
from resolvers.jobs.kind import Nothing
from resolvers.jobs.sweep import SWEEP, Sweep, Swept
from server.worker import Worker
from storage.jobs import Queue

#: How old all that a test makes is, unless it says otherwise, and what a sweep of it takes for young.
OLD = timedelta(days=2)
AT_ONCE = timedelta(0)
PARTS = frozenset(Part)
_BYTES = b"bytes of a photo"


@dataclass
class House:
    parts: Parts
    sql: asyncpg.Connection
    user_id: UUID
    book_id: UUID

    @classmethod
    async def made(cls, parts: Parts, sql: asyncpg.Connection) -> Self:
        """With somebody, and a book that has one photo, so that it is no empty house."""
        user, book = User(name="Ada", email=f"{new_id()}@example.org"), Book(title="By the sea")
        async with parts.database.session.begin() as rows:
            rows.add_all([user, book])
        house = cls(parts, sql, user.id, book.id)
        await house.photo()
        return house

    async def photo(
        self,
        status: str = "READY",
        *,
        kept: frozenset[Part] = PARTS,
        age: timedelta = OLD,
        size: int = len(_BYTES),
    ) -> UUID:
        """An image and its object, under one id, with these parts of it in the bucket."""
        id, at = new_id(), now() - age
        async with self.parts.database.session.begin() as rows:
            rows.add(StoredObject(id=id, created_at=at, developed_at=at if status == "READY" else None))
            await rows.flush()
            image = Image(
                id=id,
                book_id=self.book_id,
                object_id=id,
                uploader_id=self.user_id,
                status=status,
                status_at=at,
                filename="a.jpg",
                content_type="image/jpeg",
                size=size,
                sha256=id.hex * 2,
            )
            rows.add(image)
        if status == "READY":
            for part in kept:
                await self.put(key_of(id, part))
        return id

    async def put(self, key: str) -> str:
        await self.parts.objects.store(
            key, BytesIO(_BYTES), content_type="image/jpeg", content_disposition="inline", cache_control="private"
        )
        return key

    async def keys(self) -> set[str]:
        return {found.key async for found in self.parts.objects.list("")}

    async def sweep(self, *, young: timedelta = AT_ONCE, **options: Any) -> Swept:
        """A sweep that takes what was put a moment ago for old, and all jobs that it has owed."""
        swept = await Sweep(self.parts, young=young, **options).run()
        await Worker(self.parts, REGISTRY).drain()
        return swept

    async def sweep_by_the_clock(self) -> None:
        """As the worker does it every night."""
        async with self.parts.database.session.begin() as session:
            await Queue.put(session, [SWEEP.job(Nothing())])
        await Worker(self.parts, REGISTRY).drain()

    async def ids(self, table: str) -> set[UUID]:
        return {row["id"] for row in await self.sql.fetch(f"SELECT id FROM {table}")}


def found(swept: Swept) -> dict[str, int]:
    """What it came to, without what it has merely looked at."""
    return {name: count for name, count in swept.told().items() if count and name not in ("photos", "files")}
