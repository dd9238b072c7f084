"""A batch: what is asked for, and what it is answered with."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from models.operation import Operation, OperationStatus
from models.refusal import Conflict, Refusal
from resolvers.answer import Answer
from resolvers.context import Context
from resolvers.operation.outcome import Clash, Outcome, Shown
from resolvers.operation.reading import as_they_are
from resolvers.operation.row import ElementRow
from storage.connections import Connection


@dataclass(frozen=True, slots=True)
class Applied:
    """The answer to a batch: the seq after it, and each operation's outcome, in their order."""

    seq: int = 0
    results: list[Outcome] = field(default_factory=list)
    conflicts: list[Shown] | None = None
    refusals: Sequence[Refusal] = ()


@dataclass(slots=True)
class Batch:
    """What is asked for, and by whom; with an answer where rows are to be shown."""

    context: Context
    viewer_id: UUID
    book_id: UUID
    batch_id: str
    operations: list[Operation]
    digest: bytes
    answer: Answer | None


async def clashed(connection: Connection, batch: Batch, clashes: list[Clash]) -> Applied:
    """What clashed, read anew: what the batch did to it was never written."""
    ids = list(dict.fromkeys(clash.element_id for clash in clashes))
    now = await as_they_are(connection, ids, [])
    conflicts = [Outcome(OperationStatus.NOOP, now[id]) for id in ids if id in now]
    await show(connection, batch, conflicts)
    there = [element for outcome in conflicts if (element := outcome.element)]
    return Applied(conflicts=there, refusals=[clash.refusal for clash in clashes])


async def repeated(
    connection: Connection, batch: Batch, mark: bytes, seq: int, results: list[dict[str, str | None]]
) -> Applied:
    """The first seq and statuses, with what they were about as it is now."""
    if mark != batch.digest:
        raise Conflict("This batchId was used for other operations.", "input", "batchId")
    ids = {name: [id for result in results if (id := result.get(name))] for name in ("element", "page")}
    found = await as_they_are(connection, ids["element"], ids["page"])
    shown = [
        Outcome(OperationStatus(str(result["status"])), found.get(result.get("element") or result.get("page") or ""))
        for result in results
    ]
    await show(connection, batch, shown)
    return Applied(seq, shown)


async def show(connection: Connection, batch: Batch, outcomes: Collection[Outcome]) -> None:
    """Reads what the caller asked to see of the rows."""
    if batch.answer is not None:
        ids = {kind: [UUID(row["id"]) for row in rows] for kind, rows in rows_of(outcomes).items()}
        await batch.answer.read(connection.rows, ids)


def rows_of(outcomes: Collection[Outcome]) -> dict[str, list[dict[str, Any]]]:
    """What the outcomes' rows say, each of them once, by the letters of their kind."""
    rows: dict[str, dict[str, dict[str, Any]]] = {"el": {}, "pg": {}}
    for outcome in outcomes:
        if outcome.row is not None:
            rows["el" if isinstance(outcome.row, ElementRow) else "pg"][outcome.row.id] = outcome.row.__dict__
    return {kind: [*each.values()] for kind, each in rows.items()}
