"""What somebody has becomes somebody else's, or nobody's."""

from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, Table, case, delete, literal, or_, select, tuple_, update

from resolvers.belongings.references import belongings
from resolvers.work import Work

#: Rows that one statement changes: few enough for the time that it has.
ROWS: Final = 5_000


async def hand_over(work: Work, user_id: UUID, to: UUID | None) -> None:
    """Gives all of it to another user, who has none of the same; to nobody, where what has to be somebody's goes.

    The user is held.
    """
    for each in belongings():
        required = [column for column in each.columns if not column.nullable]
        if to is None and required:
            await _all(work, delete(each.table), each.table, or_(*(column == user_id for column in required)))
            continue
        values = {
            column.name: case((column == user_id, literal(to, column.type)), else_=column) for column in each.columns
        }
        await _all(work, update(each.table).values(values), each.table, each.of(user_id))


async def _all(work: Work, statement: Any, table: Table, which: ColumnElement[bool]) -> None:
    """Does it to all of these, a part at a time: a statement has a few seconds, however much somebody has."""
    key = [*table.primary_key]
    some = select(*key).where(which).limit(ROWS)
    part = statement.where(tuple_(*key).in_(some)).execution_options(synchronize_session=False)
    while cast(CursorResult[Any], await work.session.execute(part)).rowcount == ROWS:
        pass
