"""A declaration that is wrong stops the schema from being built, and says which field it is."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import strawberry
from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

import models
import schema
from resolvers.image import newest
from schema.connection import Connection, connection
from schema.plan import checking
from schema.plan.checking import WrongDeclaration, check
from schema.plan.ordinary import answer_from_plans
from schema.plan.source import (
    Argument,
    Composite,
    Computed,
    Embedded,
    Many,
    One,
    Own,
    Reference,
    Row,
    declared,
    stands_for,
)

ELSEWHERE: Any = aliased(models.Book)
_SEEN: Callable[..., Any] = lambda row, asked: row.id == asked.viewer_id  # noqa: E731


def built(field: Any, annotation: Any, door: Callable[..., Any] = _SEEN) -> None:
    """Builds a schema of which one type has this field."""

    @stands_for(Row(models.Page, "pg", _SEEN))
    @strawberry.type
    class Leaf:
        name: str | None

    @strawberry.type
    class LeafConnection(Connection[Leaf]):
        pass

    annotations = {"leaf": Leaf, "leaves": list[Leaf], "connection": LeafConnection}
    body: dict[str, Any] = {"__annotations__": {"field": annotations.get(annotation, annotation)}}
    if field is not None:
        body["field"] = field
    thing = stands_for(Row(models.Book, "bk", door))(strawberry.type(type("Thing", (), body)))

    @strawberry.type
    class Query:
        thing: ClassVar[Any]

    root = {
        "__annotations__": {"thing": thing | None},
        "thing": declared(One(lambda _, found, asked: found.id == asked.viewer_id)),
    }
    made = strawberry.Schema(strawberry.type(type("Query", (), root)))
    answer_from_plans(made._schema)
    check(made._schema)


def related(condition: Callable[..., Any]) -> Any:
    return declared(One(condition))


def many(condition: Callable[..., Any], **options: Any) -> Any:
    return declared(Many(condition, lambda page: (page.id,)), **options)


def titled(book: Any, asked: Any) -> Any:
    return select(func.count()).where(models.Page.book_id == book.id).scalar_subquery()


WRONG: dict[str, tuple[Any, Any, str]] = {
    "its column is not there": (None, str, "there is no column field"),
    "the column it names is not there": (declared(Own("titel")), str, "there is no column titel"),
    "the id's column is not there": (declared(Reference("bk", "book")), strawberry.ID, "there is no column book"),
    "the value's column is not there": (declared(Embedded()), "leaf", "there is no column field"),
    "a part's column is not there": (declared(Composite({"name": "titel"})), "leaf", "there is no column titel"),
    "a row is no column": (None, "leaf", "it has no source"),
    "a resolver is no source": (strawberry.field(resolver=lambda: "x"), str, "it has no source"),
    "a list without a cap": (many(lambda book, page, asked: page.book_id == book.id), "leaves", "a list has a cap"),
    "a condition of the found row alone": (
        many(lambda book, page, asked: page.deleted_at.is_(None), cap=1),
        "leaves",
        "its condition says nothing of its row",
    ),
    "a condition of the row around alone": (
        related(lambda book, page, asked: book.deleted_at.is_(None)),
        "leaf",
        "its condition says nothing of its row",
    ),
    "a condition of the viewer alone": (
        related(lambda book, page, asked: page.id == asked.viewer_id),
        "leaf",
        "its condition says nothing of its row",
    ),
    "a table that nobody joins": (
        related(lambda book, page, asked: and_(page.book_id == book.id, col(models.Book.seq) == 0)),
        "leaf",
        "it speaks of books",
    ),
    "an alias that nobody joins": (
        related(lambda book, page, asked: and_(page.book_id == book.id, ELSEWHERE.seq == 0)),
        "leaf",
        "it speaks of",
    ),
    "an alias that nobody joins, for who has a permission": (
        connection(lambda book, page, asked: ELSEWHERE.seq == 0, newest, "", needs=models.Permission.USER_LIST),
        "connection",
        "it speaks of",
    ),
    "a table in a part of an expression": (declared(Computed(titled)), int, "it speaks of pages"),
    "an alias in an expression": (declared(Computed(lambda book, asked: ELSEWHERE.title)), str, "it speaks of"),
    "an argument that is not there": (
        related(lambda book, page, asked: and_(page.book_id == book.id, page.id == asked["id"])),
        "leaf",
        "KeyError: 'id'",
    ),
    "a choice that is not there": (
        related(lambda book, page, asked: page.book_id == book.id if asked.given("all") else page.id == book.id),
        "leaf",
        "KeyError: 'all'",
    ),
    "a column of the row around that is not there": (
        related(lambda book, page, asked: page.id == book.first_page),
        "leaf",
        "AttributeError",
    ),
    "a branch of an argument": (
        connection(
            lambda book, page, asked: page.book_id == book.id if not asked.steers("all") else page.deleted_at.is_(None),
            newest,
            "",
            all=Argument(bool | None),
        ),
        "connection",
        "its condition says nothing of its row",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_declaration_is_named_when_the_schema_is_built(what: str) -> None:
    field, annotation, message = WRONG[what]
    with pytest.raises(WrongDeclaration) as raised:
        built(field, annotation)
    assert str(raised.value).startswith("Thing.field: ")
    assert message in str(raised.value)


def test_a_door_that_is_open_to_every_row_is_wrong() -> None:
    with pytest.raises(WrongDeclaration, match=r"^Thing: its condition says nothing of its row$"):
        built(declared(Own("title")), str, lambda row, asked: asked.viewer_id.is_not(None))


def test_what_is_asked_at_the_root_is_chosen_by_who_asks() -> None:
    @stands_for(Row(models.Page, "pg", _SEEN))
    @strawberry.type
    class Leaf:
        name: str | None

    @strawberry.type
    class Query:
        leaf: Leaf | None = related(lambda _, page, asked: page.deleted_at.is_(None))

    made = strawberry.Schema(Query)
    with pytest.raises(WrongDeclaration, match=r"^Query\.leaf: its condition says nothing of what is asked"):
        check(made._schema)


def test_a_right_declaration_is_let_through() -> None:
    built(many(lambda book, page, asked: page.book_id == book.id, cap=1), "leaves")
    built(declared(Own("title")), str)


def test_our_own_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_RIGHT", {})
    seen: list[str] = []
    writing = checking._Checking._of_writing

    def watched(*given: Any) -> str | None:
        seen.append(given[4].name.value)
        return writing(*given)

    monkeypatch.setattr(checking._Checking, "_of_writing", watched)
    schema.build()
    assert {"node", "nodes", "books", "images", "elements", "url", "deletedElementIds"} <= {*seen}
    # They are the same for every schema of a process.
    seen.clear()
    schema.build()
    assert not seen
