"""The doors. Every row is reached through its own, and every condition for it stands here once.

A condition is SQL, so that a row and a whole statement can be held to the same one: it is said of a model, or of an
alias of it within a larger statement.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Text,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from models import (
    Book,
    Element,
    Identity,
    Image,
    Invitation,
    Member,
    Page,
    Passkey,
    Permission,
    Role,
    SecurityEvent,
    Session,
    User,
    Visibility,
)
from models.refusal import Forbidden, Gone, NotFound
from resolvers.work import Work

#: Who asks: their id, None for nobody, or the parameter of a statement that is made for everybody.
Viewer = UUID | BindParameter[Any] | None


def is_member(viewer_id: Viewer, book_id: Any = Book.id) -> ColumnElement[bool]:
    """That the viewer belongs to the book."""
    place = aliased(Member)
    found = select(true()).where(col(place.book_id) == book_id, col(place.user_id) == viewer_id)
    # No EXISTS: of that, Postgres may make a table of all books that the viewer belongs to, for one of them.
    return func.coalesce(found.correlate_except(place).scalar_subquery(), false())


def owns(viewer_id: Viewer, book_id: Any = Book.id) -> ColumnElement[bool]:
    """That the viewer is an owner of the book."""
    place = aliased(Member)
    return _exists(place, col(place.book_id) == book_id, col(place.user_id) == viewer_id, col(place.role) == Role.OWNER)


def book_is_seen(viewer_id: Viewer, book: Any = Book) -> ColumnElement[bool]:
    """That the viewer may read the book: members always, anyone a public one that is not in the trash."""
    return or_(
        is_member(viewer_id, book.id),
        and_(col(book.visibility) == Visibility.PUBLIC, col(book.deleted_at).is_(None)),
    )


def within_seen_book(book_id: Any, viewer_id: Viewer) -> ColumnElement[bool]:
    """That what hangs on the book may be read with it."""
    book = aliased(Book)
    return _exists(book, col(book.id) == book_id, book_is_seen(viewer_id, book))


def page_is_seen(viewer_id: Viewer, page: Any = Page) -> ColumnElement[bool]:
    return and_(col(page.deleted_at).is_(None), within_seen_book(page.book_id, viewer_id))


def element_is_seen(viewer_id: Viewer, element: Any = Element) -> ColumnElement[bool]:
    return and_(col(element.deleted_at).is_(None), within_seen_book(element.book_id, viewer_id))


def image_is_seen(viewer_id: Viewer, image: Any = Image) -> ColumnElement[bool]:
    return and_(
        col(image.deleted_at).is_(None),
        Image.is_listed_for(viewer_id, image),
        within_seen_book(image.book_id, viewer_id),
    )


def image_is_kept(viewer_id: Viewer, image: Any = Image) -> ColumnElement[bool]:
    """That the viewer may see the image, or know that it is in the trash: members alone look into that."""
    return and_(
        Image.is_listed_for(viewer_id, image),
        or_(is_member(viewer_id, image.book_id), image_is_seen(viewer_id, image)),
    )


def original_is_given(viewer_id: Viewer, image: Any = Image) -> ColumnElement[bool]:
    """That the viewer gets the file as it was uploaded, which may say where it was taken; others a copy without."""
    return func.coalesce(or_(Image.is_by(viewer_id, image), owns(viewer_id, image.book_id)), false())


def member_is_seen(viewer_id: Viewer, member: Any = Member) -> ColumnElement[bool]:
    """Members are for members."""
    return is_member(viewer_id, member.book_id)


def email_is_seen(viewer_id: Viewer, member: Any = Member) -> ColumnElement[bool]:
    """A member's address is for the owners and the member."""
    return or_(col(member.user_id) == viewer_id, owns(viewer_id, member.book_id))


def invitation_is_seen(viewer_id: Viewer, at: Any, invitation: Any = Invitation) -> ColumnElement[bool]:
    """Owners see those of their book, the invited their own, but not to a book in the trash."""
    book = aliased(Book)
    in_trash = _exists(book, col(book.id) == invitation.book_id, col(book.deleted_at).is_not(None))
    return and_(
        Invitation.is_open(at, invitation),
        or_(owns(viewer_id, invitation.book_id), and_(is_invited(viewer_id, invitation), ~in_trash)),
    )


def is_invited(viewer_id: Viewer, invitation: Any = Invitation, *, reads_mail: bool = False) -> ColumnElement[bool]:
    """That the invitation is to the viewer's address, which they have confirmed or whose mail they show to read."""
    user = aliased(User)
    is_theirs = true() if reads_mail else col(user.email_verified_at).is_not(None)
    own = select(col(user.email)).where(col(user.id) == viewer_id, is_theirs)
    return Invitation.is_for(own.correlate_except(user).scalar_subquery(), invitation)


def session_is_seen(viewer_id: Viewer, at: Any, session: Any = Session) -> ColumnElement[bool]:
    """Sessions are their user's alone."""
    return and_(col(session.user_id) == viewer_id, col(session.revoked_at).is_(None), col(session.expires_at) > at)


def passkey_is_seen(viewer_id: Viewer, passkey: Any = Passkey) -> ColumnElement[bool]:
    """Passkeys are their user's alone."""
    return col(passkey.user_id) == viewer_id


def security_event_is_seen(viewer_id: Viewer, event: Any = SecurityEvent) -> ColumnElement[bool]:
    """What happened to an account is its user's alone."""
    return col(event.user_id) == viewer_id


def identity_is_seen(viewer_id: Viewer, identity: Any = Identity) -> ColumnElement[bool]:
    """Logins elsewhere are their user's alone."""
    return col(identity.user_id) == viewer_id


def user_is_seen(viewer_id: Viewer, user: Any = User) -> ColumnElement[bool]:
    """Oneself, those one shares a book with, the owners of public books; and everybody, for who may list them."""
    theirs, mine, owned, book = aliased(Member), aliased(Member), aliased(Member), aliased(Book)
    return or_(
        col(user.id) == viewer_id,
        exists(
            select(1)
            .select_from(theirs)
            .join(mine, col(mine.book_id) == col(theirs.book_id))
            .where(col(theirs.user_id) == user.id, col(mine.user_id) == viewer_id)
            .correlate_except(theirs, mine)
        ),
        exists(
            select(1)
            .select_from(owned)
            .join(book, col(book.id) == col(owned.book_id))
            .where(
                col(owned.user_id) == user.id,
                col(owned.role) == Role.OWNER,
                col(book.visibility) == Visibility.PUBLIC,
                col(book.deleted_at).is_(None),
            )
            .correlate_except(owned, book)
        ),
        may(viewer_id, Permission.USER_LIST),
    )


def permissions_of(user: Any = User) -> ColumnElement[list[str]]:
    """What the user may do in the whole house, now: it is asked of the row each time, whatever token they came with."""
    is_administrator = and_(col(user.is_administrator), col(user.disabled_at).is_(None))
    every = literal([str(each) for each in Permission], ARRAY(Text))
    return case((is_administrator, every), else_=array([], type_=Text))


def may(viewer_id: Viewer, permission: Permission) -> ColumnElement[bool]:
    """That the viewer has this permission."""
    viewer = aliased(User)
    has = literal(str(permission), Text) == func.any(permissions_of(viewer))
    return _exists(viewer, col(viewer.id) == viewer_id, has)


def without(permission: Permission) -> Forbidden:
    """What who has not this permission is refused with."""
    return Forbidden(f"This needs the permission {permission}.")


async def permitted(work: Work, viewer_id: UUID, permission: Permission) -> None:
    """Raises Forbidden for who has not this permission."""
    if not await work.session.scalar(select(may(viewer_id, permission))):
        raise without(permission)


def _exists(row: Any, *conditions: Any) -> ColumnElement[bool]:
    """That there is such a row; whatever else the conditions speak of is of the statement around it."""
    return exists(select(1).select_from(row).where(*conditions).correlate_except(row))


@dataclass(frozen=True, slots=True)
class Seat:
    """A book, locked until the work ends, and the viewer's place in it."""

    book: Book
    member: Member

    @property
    def role(self) -> Role:
        return Role(self.member.role)


async def readable_book(session: AsyncSession, viewer_id: UUID | None, id: UUID | None) -> Book:
    """Raises NotFound for a book that is not there or may not be seen."""
    found = await session.scalar(select(Book).where(col(Book.id) == id, book_is_seen(viewer_id)))
    if found is None:
        raise NotFound
    return found


async def book(work: Work, viewer_id: UUID, id: UUID | None, role: Role, *path: str, in_trash: bool = False) -> Seat:
    """The book, locked, for one who has at least this role in it.

    Raises NotFound for who may not see it, Forbidden for who may not do this, Gone for a book in the trash, whose
    path is the one given. The lock on the membership makes a removal that came first be seen by us.
    """
    locked = await work.session.execute(
        select(Book, Member)
        .join(Member, col(Member.book_id) == Book.id)
        .where(col(Book.id) == id, col(Member.user_id) == viewer_id)
        .with_for_update(of=[Book, Member])
        .execution_options(populate_existing=True)
    )
    row = locked.one_or_none()
    if row is None:
        await readable_book(work.session, viewer_id, id)
        raise Forbidden("Only its members may do this.")
    seat = Seat(*row)
    if seat.book.deleted_at is not None and not in_trash:
        raise Gone("The book is in the trash.", *path)
    if not seat.role.includes(role):
        raise Forbidden(f"This needs the role {role}; yours is {seat.role}.")
    return seat
