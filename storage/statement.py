"""Statements built once with SQLAlchemy, and run as text by the lean connections."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import CTE, Column, bindparam, insert
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql import ClauseElement, ColumnCollection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import SQLModel

_DIALECT: Final = PGDialect_asyncpg()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `$1`, `$2`, and what each stands for: a name in `names`, which `constants` may have a value for."""

    sql: str
    names: tuple[str, ...]
    #: The values that the expressions themselves have, such as the word of a role.
    constants: Mapping[str, Any]

    def arguments(self, given: Mapping[str, Any]) -> list[Any]:
        """In the order of the places. Raises KeyError where one is missing."""
        constants = self.constants
        return [constants[name] if name in constants else given[name] for name in self.names]


def compiled(statement: ClauseElement) -> Statement:
    """The statement as asyncpg takes it; `bindparam`s without a value are the names that are to be given.

    Raises TypeError for an IN over a list, whose length would be part of the text: `= any_(...)` takes an array.
    """
    text = statement.compile(dialect=_DIALECT)
    assert isinstance(text, SQLCompiler)
    if text.post_compile_params or text.literal_execute_params:
        raise TypeError("A list is given as an array: `column == any_(bindparam(...))`.")
    constants = {name: _checked(bind.effective_value) for bind, name in text.bind_names.items() if not bind.required}
    return Statement(str(text), tuple(text.positiontup or ()), constants)


def row_of(table: type[SQLModel]) -> CTE:
    """Writes one row beside what else a statement does; its values are named as `values_of` names them."""
    columns: ColumnCollection[str, Column[Any]] = table.__table__.columns  # type: ignore[attr-defined]
    values = {column.name: bindparam(f"{table.__name__}_{column.name}", type_=column.type) for column in columns}
    return insert(table).values(values).cte(table.__name__)


def values_of(row: SQLModel) -> dict[str, Any]:
    """What `row_of` its table is given."""
    values = {f"{type(row).__name__}_{name}": value for name, value in row.model_dump().items()}
    return {name: orjson.dumps(value).decode() if isinstance(value, dict) else value for name, value in values.items()}


def _checked(value: Any) -> Any:
    """Raises TypeError for what SQLAlchemy would turn into something else on its way."""
    if isinstance(value, dict | list | tuple | set):
        raise TypeError(f"A {type(value).__name__} is given by a name, as it is kept.")
    return value
