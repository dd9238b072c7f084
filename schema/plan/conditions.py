"""What is wrong with the conditions of declarations: rows that nobody joins, or of which nothing is said."""

from typing import Any

from sqlalchemy import BindParameter, Select, inspect, select
from sqlalchemy.sql.elements import ColumnClause
from sqlalchemy.sql.visitors import iterate


def wrong_with_condition(condition: Any, rows: list[Any], hangs_on: Any, about: Any = None) -> str | None:
    """What is wrong with a condition: it is about rows that are there, and says something of them."""
    if what := wrong_with_froms(select(1).where(condition), rows):
        return what
    said = [*iterate(condition)]
    asks = any(isinstance(each, BindParameter) and each.required for each in said)
    if hangs_on is None and not asks:
        return "its condition says nothing of what is asked, or by whom"
    for row in (hangs_on, about):
        if row is not None and not _is_said_of(row, said):
            return "its condition says nothing of its row"
    return None


def _is_said_of(row: Any, said: list[Any]) -> bool:
    table = inspect(row).selectable
    return any(isinstance(each, ColumnClause) and each.table is table for each in said)


def wrong_with_froms(statement: Select[Any], rows: list[Any]) -> str | None:
    """What else the statement reads: tables that nobody joins."""
    around = [inspect(row).selectable for row in rows]
    strange = [each for each in statement.get_final_froms() if not any(each is row for row in around)]
    return f"it speaks of {strange[0]}, which is not in its statement" if strange else None
