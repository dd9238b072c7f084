"""The one statement that writes what a batch came to, if the book is still as it was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson

from models import Element, Page
from resolvers.answer import Answer
from resolvers.operation.canvas import Canvas
from storage.connections import Connection

#: What only its creation says of a row.
_SETTLED: Final = frozenset({"id", "book_id", "kind", "seq", "created_by", "created_at", "updated_by", "updated_at"})

# Nobody waits for the book's row between reading and writing: whatever a batch is decided by raises the seq, so that
# it is written only under the seq it was read with. Everything else hangs on that one row.
_RAISED: Final = """
WITH raised AS (
    UPDATE books SET seq = seq + 1, updated_at = $3::timestamptz, weight = weight + $4
    WHERE id = $1 AND seq = $2 AND deleted_at IS NULL
    RETURNING id, seq
), told AS (
    INSERT INTO events (book_id, seq, kind, payload, actor_id, batch_id, at)
    SELECT id, seq, $6::text, $7::json, $5::uuid, $8::text, $3 FROM raised
), kept AS (
    INSERT INTO batches (book_id, user_id, batch_id, digest, seq, results, at)
    SELECT id, $5::uuid, $8::text, $9::bytea, seq, $10::jsonb, $3 FROM raised
)"""

_KEPT: Final = """
INSERT INTO batches (book_id, user_id, batch_id, digest, seq, results, at) VALUES ($1, $2, $3, $4, $5, $6, $7)"""


@dataclass(slots=True, kw_only=True)
class Answered:
    """A batch as it is remembered: who asked for what, and what came of it."""

    book_id: UUID
    user_id: UUID
    batch_id: str
    digest: bytes
    results: Sequence[Any]
    at: datetime


@dataclass(slots=True)
class Told:
    """Rows that are shown as they are written, by the letters of their kind."""

    answer: Answer
    rows: dict[str, list[dict[str, Any]]]


async def write(
    connection: Connection,
    answered: Answered,
    canvas: Canvas,
    told: Told | None,
    *,
    seq: int,
    kind: str,
    payload: bytes,
) -> bool:
    """What the canvas has become, and its event. False, and nothing, when the book's seq is another by now."""
    arguments = [
        answered.book_id,
        seq,
        answered.at,
        canvas.growth,
        answered.user_id,
        kind,
        payload.decode(),
        answered.batch_id,
        answered.digest,
        _json(answered.results),
    ]
    parts: list[str | tuple[str, ...]] = []
    rows: Any
    for part, rows in (
        ("made_pages", [row.__dict__ for row in canvas.made_pages.values()]),
        ("page_edits", [*canvas.page_edits.values()]),
        ("made", [row.__dict__ for row in canvas.made.values()]),
        ("edits", [*canvas.edits.values()]),
    ):
        if part == "edits" and (columns := _dragged(rows)):
            parts.append(columns)
            arguments += [[row[name] for row in rows] for name in ("id", *columns)]
        elif rows:
            parts.append(part)
            arguments.append(_json(rows))
    if canvas.swept:
        parts.append("swept")
        arguments.append(canvas.swept)
    statement = _statement(tuple(parts))
    if told is None:
        return bool(await connection.rows(f"{statement}\nSELECT seq FROM raised", arguments))
    sql, more = told.answer.told(told.rows, after=len(arguments))
    found = await connection.rows(
        f"{statement}\nSELECT told.* FROM raised LEFT JOIN ({sql}) AS told (place, id, json) ON true",
        [*arguments, *more],
    )
    told.answer.take(row for row in found if row[0] is not None)
    return bool(found)


async def keep(connection: Connection, answered: Answered, *, seq: int) -> None:
    """The answer to a batch that has changed nothing."""
    await connection.rows(
        _KEPT,
        (
            answered.book_id,
            answered.user_id,
            answered.batch_id,
            answered.digest,
            seq,
            _json(answered.results),
            answered.at,
        ),
    )


# There are five parts that may be there or not, one of them in as many ways as there are choices of DRAGGED.
@lru_cache(maxsize=1_024)
def _statement(parts: tuple[str | tuple[str, ...], ...]) -> str:
    written, number = [_RAISED], 11
    for part in parts:
        if isinstance(part, str):
            written.append(f"{part} AS (\n    {_PARTS[part].replace('$n', f'${number}')}\n)")
            number += 1
        else:
            written.append(f"edits AS (\n    {_drag(part, number)}\n)")
            number += 1 + len(part)
    return ", ".join(written)


def _dragged(edits: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The columns that all of the edits change; empty where these are not the same, or not DRAGGED alone."""
    if not edits:
        return ()
    changed = edits[0].keys()
    if not changed <= _IN_DRAGS or any(edit.keys() != changed for edit in edits):
        return ()
    return tuple(name for name in DRAGGED if name in changed)


def _drag(columns: tuple[str, ...], number: int) -> str:
    """What is changed all the time is written without a detour through JSON, which costs twice as much."""
    arrays = ", ".join(f"${number + place}::float8[]" for place in range(1, len(columns) + 1))
    return f"""UPDATE elements AS old
    SET {", ".join(f"{name} = n.{name}" for name in columns)}{_STAMP}
    FROM raised, unnest(${number}::uuid[], {arrays}) AS n (id, {", ".join(columns)})
    WHERE old.id = n.id AND old.book_id = raised.id"""  # noqa: S608 of our own names


def _insert(model: Any) -> str:
    table, names = model.__tablename__, list(model.model_fields)
    return f"""INSERT INTO {table} ({", ".join(names)})
    SELECT {", ".join(f"n.{name}" for name in names)}
    FROM raised, jsonb_populate_recordset(NULL::{table}, $n::jsonb) AS n"""  # noqa: S608 of our own names


def _update(model: Any, stamp: str) -> str:
    """Only the columns that an edit names are given; the rest of the row is as it is when it is written."""
    table, names = model.__tablename__, [name for name in model.model_fields if name not in _SETTLED]
    return f"""UPDATE {table} AS old
    SET ({", ".join(names)}) = (
        SELECT {", ".join(f"n.{name}" for name in names)} FROM jsonb_populate_record(old, edit) AS n
    ){stamp}
    FROM raised, jsonb_array_elements($n::jsonb) AS edit
    WHERE old.id = (edit->>'id')::uuid AND old.book_id = raised.id"""  # noqa: S608 as above


#: Numbers that are never null.
DRAGGED: Final = ("x", "y", "width", "height", "scale_x", "scale_y", "angle", "opacity")
_IN_DRAGS: Final = frozenset({"id", *DRAGGED})
_STAMP: Final = ", seq = raised.seq, updated_at = $3, updated_by = $5"
_PARTS: Final = {
    "made_pages": _insert(Page),
    "page_edits": _update(Page, ""),
    "made": _insert(Element),
    "edits": _update(Element, _STAMP),
    "swept": f"""UPDATE elements SET deleted_at = $3{_STAMP}
    FROM raised
    WHERE elements.id = ANY ($n::uuid[]) AND elements.book_id = raised.id""",  # noqa: S608 as above
}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
