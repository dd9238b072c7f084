"""People, and the caller among them."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry
from sqlalchemy import and_, exists, select
from sqlalchemy.orm import aliased

import models
from models.identity import IDENTITIES_LIMIT
from models.passkey import PASSKEYS_LIMIT
from models.session import SESSIONS_LIMIT
from models.user import Language
from resolvers import access, security
from schema.base import Node, id_of, of, shows
from schema.connection import Connection, connection
from schema.identity import Identity
from schema.passkey import Passkey
from schema.plan.source import Asked, Computed, Many, Row, declared, stands_for
from schema.security import SecurityEventConnection
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
        # To nobody who only says that it is their address.
        viewer.email_verified_at.is_not(None),
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


@strawberry.type
class UserConnection(Connection[User]):
    pass


@stands_for(Row(models.User, "vw", lambda user, asked: user.id == asked.viewer_id))
@strawberry.type(description="The caller, with what only they may see.")
class Viewer(Node):
    id: strawberry.ID = id_of("vw")
    user: User = of(lambda viewer, user, asked: user.id == viewer.id, "As others see them.")
    email: str | None = shows("As it was given, with its capitals; null when somebody else has confirmed it.")
    email_verified: bool = declared(
        Computed(lambda viewer, asked: viewer.email_verified_at.is_not(None)),
        "Whether they have shown that it is theirs.",
    )
    language: Language = shows("The language of mails and sentences.")
    permissions: list[str] = declared(
        Computed(lambda viewer, asked: access.permissions_of(viewer)),
        "What they may do in the whole house, such as `auth:user:list`; of most people none.",
    )
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
    two_factor_enabled: bool = declared(
        Computed(lambda viewer, asked: models.Totp.is_on(viewer.id)), "Whether a sign-in asks for a code too."
    )
    recovery_codes_left: int = declared(
        Computed(lambda viewer, asked: models.RecoveryCode.left(viewer.id)),
        "Of ten; none where there is no second factor.",
    )
    passkeys: list[Passkey] = declared(
        Many(
            lambda viewer, passkey, asked: access.passkey_is_seen(viewer.id, passkey),
            lambda passkey: (passkey.created_at, passkey.id),
        ),
        "What they sign in with in place of a password, oldest first.",
        cap=PASSKEYS_LIMIT,
    )
    identities: list[Identity] = declared(
        Many(
            lambda viewer, identity, asked: access.identity_is_seen(viewer.id, identity),
            lambda identity: (identity.created_at, identity.id),
        ),
        "Their logins at other providers, oldest first.",
        cap=IDENTITIES_LIMIT,
    )
    security_events: SecurityEventConnection = connection(
        lambda viewer, event, asked: access.security_event_is_seen(viewer.id, event),
        security.newest,
        "What happened to their account in the last year, newest first; `first` is 1 to 100, 20 unless said.",
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
        "Open invitations to their address, once that is confirmed, newest first.",
        cap=_USUAL,
    )
