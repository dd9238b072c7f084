"""What a feed reads: pages of a book's journal, and how its followers stand to it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, Boolean, Text, Uuid, bindparam, cast, func, select, true, union
from sqlmodel import col

from models import Book, Event, Member
from models.event import KINDS, RESYNC
from resolvers import access
from storage.connections import Connection
from storage.statement import Statement, compiled

#: Events in one read, and bytes, about, of what they say: one at least.
PAGE: Final = 64
ROOM: Final = 1024 * 1024


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
    connection: Connection, book_id: UUID, viewers: Collection[UUID | None], *, and_members: bool = False
) -> dict[UUID | None, Standing]:
    """Of all of them at one moment, and of the book's members; nobody sees a book that is not there."""
    statement = _standings()
    given = {"book_id": book_id, "viewers": [*viewers], "and_members": and_members}
    found = await connection.rows(statement.sql, statement.arguments(given))
    known = {viewer: Standing(sees, is_member) for viewer, sees, is_member in found}
    return dict.fromkeys(viewers, Standing(sees=False, is_member=False)) | known


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
    size = func.octet_length(cast(events.c.payload, Text))
    next_ = (
        select(
            events.c.seq,
            events.c.kind,
            cast(func.row_to_json(events.table_valued()), Text).label("text"),
            func.sum(size).over(order_by=events.c.seq, rows=(None, -1)).label("before"),
        )
        .where(events.c.book_id == Book.id, events.c.seq > bindparam("after"))
        .order_by(events.c.seq)
        .limit(bindparam("most"))
        .correlate(Book)
        .subquery()
    )
    following = select(next_).where(func.coalesce(next_.c.before, 0) < ROOM).lateral()
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
    book_id = bindparam("book_id", type_=Uuid())
    asked = func.unnest(bindparam("viewers", type_=ARRAY(Uuid()))).table_valued("id").render_derived(name="asked")
    members = select(col(Member.user_id)).where(
        col(Member.book_id) == book_id, bindparam("and_members", type_=Boolean())
    )
    viewers = union(select(cast(asked.c.id, Uuid()).label("id")), members).subquery("viewers")
    viewer: Any = viewers.c.id
    return compiled(
        select(viewers.c.id, access.book_is_seen(viewer), access.is_member(viewer))
        .select_from(Book)
        .join(viewers, true())
        .where(col(Book.id) == book_id)
    )
