"""Who belongs to a book."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import case, select
from sqlalchemy.orm import aliased

import models
from models import Role
from resolvers import access
from schema.base import Node, book_of, id_of, person, shows
from schema.plan.source import Asked, Computed, Row, declared, stands_for
from schema.user import User

if TYPE_CHECKING:
    from schema.book import Book


def _email(member: Any, asked: Asked) -> Any:
    user: Any = aliased(models.User)
    address = select(user.email).where(user.id == member.user_id).correlate_except(user).scalar_subquery()
    return case((access.email_is_seen(asked.viewer_id, member), address))


@stands_for(Row(models.Member, "mb", lambda member, asked: access.member_is_seen(asked.viewer_id, member)))
@strawberry.type(description="One person's place in one book.")
class Member(Node):
    id: strawberry.ID = id_of("mb")
    role: Role
    joined_at: datetime = shows("When they became a member.")
    user: User = person("user_id", "Who it is.")
    book: Annotated["Book", strawberry.lazy("schema.book")] = book_of("What they belong to.")
    email: str | None = declared(Computed(_email), "For owners and the member; null for others.")
