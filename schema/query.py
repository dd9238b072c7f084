"""What can be read."""

from typing import Any

import strawberry
from sqlalchemy import Text, Uuid, and_, select, true
from sqlalchemy.orm import aliased

import models
from models import Permission, Role
from models.id import inside
from models.refusal import NotFound
from models.user import checked_part
from resolvers import access
from resolvers.book import newest_change
from resolvers.node import IDS_LIMIT, known
from resolvers.user import gone, newest
from schema.base import Node, of
from schema.book import Book
from schema.connection import Connection, connection
from schema.plan.source import Argument, Asked, Polymorphic, declared
from schema.user import UserConnection, Viewer


@strawberry.type
class BookConnection(Connection[Book]):
    pass


def _mine(query: Any, book: Any, asked: Asked) -> Any:
    member: Any = aliased(models.Member)
    place = select(1).where(member.book_id == book.id, member.user_id == asked.viewer_id)
    role = asked.steers("role")
    if role is not None:
        place = place.where(member.role == role)
    in_trash = book.deleted_at.is_not(None) if asked.steers("trashed") else book.deleted_at.is_(None)
    return and_(place.correlate_except(member).exists(), in_trash)


def _named(query: Any, user: Any, asked: Asked) -> Any:
    return models.User.is_named(asked["name"], user) if asked.given("name") else true()


@strawberry.type
class Query:
    node: Node | None = declared(
        Polymorphic(),
        "Anything that has an id; null when it is not there or may not be seen.",
        arguments={"id": Argument(strawberry.ID, lambda id: known([id]))},
    )
    nodes: list[Node | None] = declared(
        Polymorphic(),
        "At most 100, in their order.",
        arguments={"ids": Argument(list[strawberry.ID], known)},
        cap=IDS_LIMIT,
        by="ids",
    )
    viewer: Viewer | None = of(
        lambda query, viewer, asked: viewer.id == asked.viewer_id,
        "The caller. Null when nobody is signed in.",
        missing=gone,
    )
    book: Book | None = of(
        lambda query, book, asked: and_(book.id == asked["id"], access.book_is_seen(asked.viewer_id, book)),
        "One book; null with NOT_FOUND when it is not there or may not be seen.",
        missing=lambda context: NotFound(),
        arguments={"id": Argument(strawberry.ID, lambda id: inside("bk", id), Uuid)},
    )
    books: BookConnection | None = connection(
        _mine,
        newest_change,
        "The viewer's books, newest change first; `first` is 1 to 100, 20 unless said.",
        signed_in=True,
        role=Argument(Role | None),
        trashed=Argument(bool | None),
    )
    users: UserConnection | None = connection(
        _named,
        newest,
        "Everybody, guests too, newest first; with `name` those in whose name it is, whatever the capitals. `first` is "
        "1 to 100, 20 unless said. FORBIDDEN without the permission auth:user:list.",
        signed_in=True,
        needs=Permission.USER_LIST,
        name=Argument(str | None, checked_part, Text, description="At most 100 characters."),
    )
