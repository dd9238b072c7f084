"""The JSON text of single values, in SQL.

Text is put together by `concat`, which is faster than any of Postgres's JSON constructors (see docs/adr). Only what
cannot hold a quote or a control character goes in as it is; everything else through `to_json`, which escapes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, Final

from graphql import GraphQLBoolean, GraphQLEnumType, GraphQLFloat, GraphQLInt
from sqlalchemy import ColumnElement, Text, case, cast, func, literal_column

#: A function has at most a hundred arguments in Postgres.
_MOST: Final = 90
#: Begins and ends what is filled in afterwards. No value can hold it: to_json writes it as \\u0001.
MARK: Final = "\x01"
NULL: Final = "null"

Piece = str | ColumnElement[Any]


def text(value: str) -> ColumnElement[str]:
    """A constant, as it stands in the statement: only for what is ours or a name of GraphQL."""
    escaped = value.replace("'", "''")
    return literal_column(f"'{escaped}'", Text)


def joined(pieces: Iterable[Piece]) -> ColumnElement[str]:
    """One text of all pieces; a NULL among them is empty."""
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return _concat([text(piece) if isinstance(piece, str) else piece for piece in merged])


def _concat(parts: Sequence[ColumnElement[Any]]) -> ColumnElement[str]:
    while len(parts) > _MOST:
        parts = [func.concat(*parts[start : start + _MOST], type_=Text) for start in range(0, len(parts), _MOST)]
    return func.concat(*parts, type_=Text)


def json_object(members: Iterable[tuple[str, Iterable[Piece]]]) -> ColumnElement[str]:
    """A JSON object of these keys, each with the pieces of its value."""
    pieces: list[Piece] = ["{"]
    for place, (key, value) in enumerate(members):
        pieces += [f'{"," if place else ""}"{key}":', *value]
    return joined([*pieces, "}"])


def json_array(values: ColumnElement[Any]) -> ColumnElement[str]:
    """A JSON array of an aggregate of texts, joined by commas."""
    return joined(["[", values, "]"])


def as_text(value: Any) -> ColumnElement[str]:
    return cast(value, Text)


def quoted(value: Any, before: str = "") -> ColumnElement[str]:
    """In quotation marks, as what cannot hold one; NULL stays NULL."""
    return text(f'"{before}').concat(value).concat(text('"'))


def or_null(value: ColumnElement[Any]) -> ColumnElement[str]:
    return func.coalesce(value, text(NULL), type_=Text)


def marked(pieces: Iterable[Piece]) -> list[Piece]:
    """What is filled in later, between its marks."""
    mark = func.chr(1, type_=Text)
    return [mark, *pieces, mark]


def leaf(
    type_: Any, value: ColumnElement[Any], nullable: bool, missing: ColumnElement[str] | None = None
) -> list[Piece]:
    """The JSON of a value of this GraphQL type; of one that is NULL, `null` unless said."""

    def or_missing(json: Any) -> ColumnElement[str]:
        return or_null(json) if missing is None else func.coalesce(json, missing, type_=Text)

    if isinstance(type_, GraphQLEnumType):
        words = _words(type_)
        shown = case(words, value=value, else_=value) if any(a != b for a, b in words.items()) else value
        return [or_missing(quoted(shown))] if nullable else ['"', shown, '"']
    if type_ in (GraphQLInt, GraphQLFloat):
        return [or_missing(as_text(value))] if nullable else [value]
    if type_ is GraphQLBoolean:
        # As text: concat would write `t` and `f`.
        return [or_missing(as_text(value))] if nullable else [as_text(value)]
    shown = func.to_json(value)
    return [or_missing(cast(shown, Text))] if nullable else [shown]


def _words(type_: GraphQLEnumType) -> dict[str, str]:
    """What a row holds, and how GraphQL calls it."""
    return {
        str(each.value.value if isinstance(each.value, Enum) else each.value): name
        for name, each in type_.values.items()
    }
