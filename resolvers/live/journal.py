"""What a feed reads: pages of a book's journal, and how its followers stand to it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, Text, Uuid, bindparam, cast, func, select, true
from sqlmodel import col

from models import Book, Event
from models.event import KINDS, RESYNC
from resolvers import access
from storage.connections import Connection
from storage.statement import Statement, compiled

#: Events in one read: 32 MiB of them at the very worst.
PAGE: Final = 64


@dataclass(frozen=True, slots=True)
class Row:
    """An event, as the journal has it in JSON."""

    seq: int
    kind: str
    text: bytes

    @property
    def concerns_access(self) -> bool:
        """Whether somebody may see the book no more after it, or as somebody else."""
        return self.kind not in ("CanvasChanged", "ImagesChanged")

    def closed(self) -> "Row":
        """As those get it who may not know what it says: that something was."""
        told = orjson.loads(self.text) | {"payload": {}, "actor_id": None, "batch_id": None}
        return Row(self.seq, self.kind, orjson.dumps(told))


@dataclass(frozen=True, slots=True)
class Page:
    """What comes next in the journal, and where the book was at that moment."""

    head: int
    epoch: str
    at: datetime
    rows: list[Row]

    def resync(self, book_id: UUID) -> Row:
        """That the book is to be read anew, up to here."""
        return _resync({"book_id": book_id, "seq": self.head, "at": self.at}, self.epoch)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a viewer stands to a book."""

    sees: bool
    is_member: bool


async def page(connection: Connection, book_id: UUID, *, after: int, most: int = PAGE) -> Page | None:
    """The events after this one, in order; None where there is no such book. One statement sees one moment."""
    statement = _page()
    found = await connection.rows(
        statement.sql, statement.arguments({"book_id": book_id, "after": after, "most": most})
    )
    if not found:
        return None
    head, epoch, at = found[0][:3]
    rows = [_row(each[3], each[4], each[5].encode(), epoch) for each in found if each[3] is not None]
    return Page(head, epoch, at, rows)


async def standings(
    connection: Connection, book_id: UUID, viewers: Collection[UUID | None]
) -> dict[UUID | None, Standing]:
    """Of all of them at one moment; nobody sees a book that is not there."""
    statement = _standings()
    given = {"book_id": book_id, "viewers": [*viewers]}
    found = await connection.rows(statement.sql, statement.arguments(given))
    known = {viewer: Standing(sees, is_member) for viewer, sees, is_member in found}
    return {viewer: known.get(viewer, Standing(sees=False, is_member=False)) for viewer in viewers}


def _row(seq: int, kind: str, text: bytes, epoch: str) -> Row:
    if kind in KINDS:
        return Row(seq, kind, text)
    # A Resync, or what a newer program tells.
    return _resync(orjson.loads(text), epoch)


def _resync(fields: dict[str, Any], epoch: str) -> Row:
    told = {"actor_id": None, "batch_id": None, **fields, "kind": RESYNC, "payload": {"epoch": epoch}}
    return Row(told["seq"], RESYNC, orjson.dumps(told))


@cache
def _page() -> Statement:
    events: Any = Event.__table__  # type: ignore[attr-defined]
    following = (
        select(
            events.c.seq,
            events.c.kind,
            cast(func.row_to_json(events.table_valued()), Text).label("text"),
        )
        .where(events.c.book_id == Book.id, events.c.seq > bindparam("after"))
        .order_by(events.c.seq)
        .limit(bindparam("most"))
        .lateral()
    )
    return compiled(
        select(
            col(Book.seq),
            col(Book.epoch),
            col(Book.updated_at),
            following.c.seq.label("event_seq"),
            following.c.kind,
            following.c.text,
        )
        .select_from(Book)
        .outerjoin(following, true())
        .where(col(Book.id) == bindparam("book_id", type_=Uuid()))
        .order_by(following.c.seq)
    )


@cache
def _standings() -> Statement:
    viewers = func.unnest(bindparam("viewers", type_=ARRAY(Uuid()))).table_valued("id").render_derived(name="viewers")
    viewer: Any = cast(viewers.c.id, Uuid())
    return compiled(
        select(viewers.c.id, access.book_is_seen(viewer), access.is_member(viewer))
        .select_from(Book)
        .join(viewers, true())
        .where(col(Book.id) == bindparam("book_id", type_=Uuid()))
    )
