"""People, and the caller among them."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry
from sqlalchemy import and_, exists, select
from sqlalchemy.orm import aliased

import models
from models.session import SESSIONS_LIMIT
from models.user import Language
from resolvers import access
from schema.base import Node, id_of, of, shows
from schema.plan.source import Asked, Many, Row, declared, stands_for
from schema.session import Session

if TYPE_CHECKING:
    from schema.invitation import Invitation
    from schema.member import Member

#: How many of a person's memberships and invitations are counted on, for what a query may cost.
_USUAL: Final = 1_000


def _of_live_book(member: Any) -> Any:
    book: Any = aliased(models.Book)
    live = select(1).where(book.id == member.book_id, book.deleted_at.is_(None))
    return exists(live.correlate_except(book))


def _invitations(viewer: Any, invitation: Any, asked: Asked) -> Any:
    return and_(
        models.Invitation.is_for(viewer.email, invitation),
        models.Invitation.is_open(asked.now, invitation),
        _of_live_book(invitation),
    )


@stands_for(Row(models.User, "us", lambda user, asked: access.user_is_seen(asked.viewer_id, user)))
@strawberry.type(description="A person, as others see them.")
class User(Node):
    id: strawberry.ID = id_of("us")
    name: str = shows("1 to 100 characters.")
    is_guest: bool = shows("Whether they have no account yet.")


@stands_for(Row(models.User, "vw", lambda user, asked: user.id == asked.viewer_id))
@strawberry.type(description="The caller, with what only they may see.")
class Viewer(Node):
    id: strawberry.ID = id_of("vw")
    user: User = of(lambda viewer, user, asked: user.id == viewer.id, "As others see them.")
    email: str | None = shows("As it was given, with its capitals.")
    language: Language = shows("The language of mails and sentences.")
    session: Session = of(
        lambda viewer, session, asked: and_(session.id == asked.session_id, session.user_id == viewer.id),
        "The one that this request came with.",
    )
    sessions: list[Session] = declared(
        Many(
            lambda viewer, session, asked: access.session_is_seen(viewer.id, asked.now, session),
            lambda session: (session.id.desc(),),
        ),
        "All that have not ended, newest first.",
        cap=SESSIONS_LIMIT,
    )
    memberships: list[Annotated["Member", strawberry.lazy("schema.member")]] = declared(
        Many(
            lambda viewer, member, asked: and_(member.user_id == viewer.id, _of_live_book(member)),
            lambda member: (member.joined_at.desc(), member.id),
        ),
        "Their place in each of their books, newest first.",
        cap=_USUAL,
    )
    invitations: list[Annotated["Invitation", strawberry.lazy("schema.invitation")]] = declared(
        Many(_invitations, lambda invitation: (invitation.created_at.desc(), invitation.id)),
        "Open invitations to their address, newest first.",
        cap=_USUAL,
    )
