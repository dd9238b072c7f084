"""Invitations to a book."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

import models
from models import Role
from resolvers import access
from schema.base import Node, id_of, of, person, reference, shows
from schema.plan.source import Asked, Computed, Row, declared, stands_for
from schema.user import User

if TYPE_CHECKING:
    from schema.book import Book


def _title(invitation: Any, asked: Asked) -> Any:
    book: Any = aliased(models.Book)
    return select(book.title).where(book.id == invitation.book_id).correlate_except(book).scalar_subquery()


@stands_for(
    Row(
        models.Invitation,
        "in",
        lambda invitation, asked: access.invitation_is_seen(asked.viewer_id, asked.now, invitation),
    )
)
@strawberry.type(description="An open offer of a place in a book, to an address. Good for 14 days.")
class Invitation(Node):
    id: strawberry.ID = id_of("in")
    book_id: strawberry.ID = reference("bk", "book_id", "What it is to.")
    email: str = shows("The address that was invited.")
    role: Role
    created_at: datetime = shows("When it was sent, or sent anew.")
    expires_at: datetime = shows("Until when it can be accepted.")
    book_title: str = declared(Computed(_title), "The book's title, to know what it is to.")
    book: Annotated["Book", strawberry.lazy("schema.book")] | None = of(
        lambda invitation, book, asked: and_(book.id == invitation.book_id, access.book_is_seen(asked.viewer_id, book)),
        "Null for the invited until they accept, unless it is public.",
    )
    invited_by: User | None = person("invited_by")
