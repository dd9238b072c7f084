"""The one statement that reads all that a batch's operations speak of, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from resolvers.operation.needs import Needs
from resolvers.operation.question import alive, held, spoken_of
from resolvers.operation.row import ElementRow, PageRow
from storage.connections import Connection

_NEEDS: Final = tuple(need.name for need in fields(Needs))


@dataclass(slots=True)
class Reading:
    """The book, the viewer's place in it, and what else was needed; what was not is empty."""

    book_id: str
    seq: int
    epoch: str
    weight: int
    #: None for one who may see the book and does not belong to it.
    role: str | None
    elements: dict[str, ElementRow]
    deleted_at: datetime | None = None
    #: The first answer to the batch, where there was one: its digest, its seq, its results.
    before: tuple[bytes, int, list[dict[str, str | None]]] | None = None
    pages: dict[str, PageRow] = field(default_factory=dict)
    #: By image, its status.
    images: dict[str, str] = field(default_factory=dict)
    first_page: str | None = None
    #: By page, the highest key on it.
    tops: dict[str, str | None] = field(default_factory=dict)
    #: By page, the keys of its elements and their ids.
    stacks: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    #: Of the elements on the pages that go.
    weights: dict[str, int] = field(default_factory=dict)
    count: int = 0
    #: Whether it was not read, but is what this process left.
    is_remembered: bool = False


async def read(
    connection: Connection, needs: Needs, *, book_id: UUID, viewer_id: UUID, batch_id: str
) -> Reading | None:
    """None for a book that is not there or that the viewer may not see."""
    parts = tuple(name for name in _NEEDS if getattr(needs, name))
    statement = spoken_of(parts)
    given = {name: getattr(needs, name) for name in parts}
    given["book_id"], given["viewer_id"], given["batch_id"] = book_id, viewer_id, batch_id
    rows = await connection.rows(statement.sql, statement.arguments(given))
    return _reading(str(book_id), rows[0], parts) if rows else None


async def lock(connection: Connection, *, book_id: UUID, viewer_id: UUID) -> None:
    """Has everybody else who changes the book, or the viewer's place in it, wait until the transaction ends."""
    statement = held()
    await connection.rows(statement.sql, statement.arguments({"book_id": book_id, "viewer_id": viewer_id}))


async def as_they_are(connection: Connection, elements: list[str], pages: list[str]) -> dict[str, ElementRow | PageRow]:
    """Those of the rows that are still there, by their ids."""
    statement = alive()
    [row] = await connection.rows(statement.sql, statement.arguments({"elements": elements, "pages": pages}))
    found: dict[str, ElementRow | PageRow] = {}
    found.update((fields["id"], ElementRow.read(fields)) for fields in _parsed(row[0]))
    found.update((fields["id"], PageRow.read(fields)) for fields in _parsed(row[1]))
    return found


def _reading(book_id: str, row: Any, parts: tuple[str, ...]) -> Reading:
    seq, epoch, weight, deleted_at, role, digest, batch_seq, results = row[:8]
    found: Mapping[str, Any] = dict(row.items()) if len(row) > 8 else {}
    elements = _parsed(found.get("elements"))
    pages = _parsed(found.get("pages"))
    first_page = found.get("first_page")
    return Reading(
        book_id=book_id,
        seq=seq,
        epoch=epoch,
        weight=weight,
        deleted_at=deleted_at,
        role=role,
        before=None if digest is None else (digest, batch_seq, orjson.loads(results)),
        elements={fields["id"]: ElementRow.read(fields) for fields in elements},
        pages={fields["id"]: PageRow.read(fields) for fields in pages},
        images=dict(_parsed(found.get("images"))),
        first_page=None if first_page is None else str(first_page),
        tops=dict(_parsed(found.get("tops"))),
        stacks={page: (keys, ids) for page, keys, ids in _parsed(found.get("stacks"))},
        weights=dict(_parsed(found.get("weights"))),
        count=found.get("count", 0),
    )


def _parsed(text: str | None) -> Any:
    return () if text is None else orjson.loads(text)
