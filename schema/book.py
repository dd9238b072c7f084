"""Books."""

from datetime import datetime
from enum import Enum
from typing import Any, Final

import strawberry
from sqlalchemy import Uuid, and_, func, select
from sqlalchemy.orm import aliased

import models
from models import Role, Visibility
from models.book import ELEMENTS_LIMIT, MEMBERS_LIMIT, PAGES_LIMIT
from models.id import inside
from models.invitation import INVITATIONS_LIMIT
from models.refusal import NotFound
from resolvers import access
from resolvers.image import newest
from schema.base import Node, id_of, of, shows
from schema.connection import Connection, connection
from schema.element import Element
from schema.image import Image
from schema.invitation import Invitation
from schema.member import Member
from schema.page import Page
from schema.plan.source import Argument, Asked, Computed, Many, Row, declared, stands_for
from schema.user import User


@strawberry.enum(description="Whose photos.")
class ImageUploaderFilter(Enum):
    ANYONE = "ANYONE"
    VIEWER = "VIEWER"


@strawberry.type
class ImageConnection(Connection[Image]):
    pass


def _images(book: Any, image: Any, asked: Asked) -> Any:
    """Those of a ticket that is still out for their uploader alone, those in the trash for members."""
    viewer_id = asked.viewer_id
    is_wanted = and_(image.book_id == book.id, models.Image.is_listed_for(viewer_id, image))
    if asked.steers("uploader") is ImageUploaderFilter.VIEWER:
        is_wanted &= models.Image.is_by(viewer_id, image)
    if asked.steers("trashed"):
        return is_wanted & image.deleted_at.is_not(None) & access.is_member(viewer_id, book.id)
    return is_wanted & image.deleted_at.is_(None)


def _role(book: Any, asked: Asked) -> Any:
    member: Any = aliased(models.Member)
    mine = select(member.role).where(member.book_id == book.id, member.user_id == asked.viewer_id)
    return mine.correlate_except(member).scalar_subquery()


def _owner(book: Any, user: Any, asked: Asked) -> Any:
    member: Any = aliased(models.Member)
    owners = select(member.user_id).where(member.book_id == book.id, member.role == Role.OWNER)
    first = owners.order_by(member.owner_since, member.id).limit(1).correlate_except(member)
    return user.id == first.scalar_subquery()


def _count(row: Any, *conditions: Any) -> Any:
    return select(func.count()).select_from(row).where(*conditions).correlate_except(row).scalar_subquery()


def _element_count(book: Any, asked: Asked) -> Any:
    element: Any = aliased(models.Element)
    return _count(element, element.book_id == book.id, element.deleted_at.is_(None))


def _member_count(book: Any, asked: Asked) -> Any:
    member: Any = aliased(models.Member)
    return _count(member, member.book_id == book.id, access.is_member(asked.insider_id, book.id))


def _open_invitations(book: Any, invitation: Any, asked: Asked) -> Any:
    return and_(
        invitation.book_id == book.id,
        models.Invitation.is_open(asked.now, invitation),
        access.owns(asked.viewer_id, book.id),
    )


_ONE_PAGE: Final = {"id": Argument(strawberry.ID, lambda id: inside("pg", id), Uuid)}


@stands_for(Row(models.Book, "bk", lambda book, asked: access.book_is_seen(asked.viewer_id, book)))
@strawberry.type(description="A picture book: pages with elements, and the people who make it.")
class Book(Node):
    id: strawberry.ID = id_of("bk")
    title: str = shows("1 to 100 characters.")
    description: str | None = shows("At most 2,000 characters.")
    visibility: Visibility
    seq: int = shows("The number of the last committed change; `bookEvents(after:)` continues from it.")
    epoch: str = shows(
        "Changes when the history itself was replaced (a restored backup): a seq counts only within its epoch."
    )
    created_at: datetime
    updated_at: datetime = shows("When its last change was committed.")
    deleted_at: datetime | None = shows("Since when it is in the trash.")
    cover: Image | None = of(
        lambda book, image, asked: and_(image.id == book.cover_image_id, image.deleted_at.is_(None)),
        "The photo that stands for it.",
    )
    viewer_role: Role | None = declared(Computed(_role), "Null for who reads a public book without belonging to it.")
    owner: User = of(_owner, "The member who has been OWNER longest.")
    pages: list[Page] = declared(
        Many(
            lambda book, page, asked: and_(page.book_id == book.id, page.deleted_at.is_(None)),
            lambda page: (page.order_key, page.id),
        ),
        "In reading order, at most 1,000. A book is born with one page, which is infinite.",
        cap=PAGES_LIMIT,
        once_a="book",
    )
    page: Page | None = of(
        lambda book, page, asked: and_(page.id == asked["id"], page.book_id == book.id, page.deleted_at.is_(None)),
        "One of its pages.",
        missing=lambda context: NotFound(),
        arguments=_ONE_PAGE,
    )
    elements: list[Element] = declared(
        Many(
            lambda book, element, asked: and_(element.book_id == book.id, element.deleted_at.is_(None)),
            lambda element, page: (page.order_key, page.id, element.order_key, element.id),
            within=(models.Page, lambda element, page: page.id == element.page_id),
        ),
        "Back to front, over all pages; at most 10,000.",
        cap=ELEMENTS_LIMIT,
        once_a="book",
    )
    element_count: int = declared(Computed(_element_count))
    images: ImageConnection = connection(
        _images,
        newest,
        "Newest first; `first` is 1 to 100, 20 unless said.",
        uploader=Argument(ImageUploaderFilter | None),
        trashed=Argument(bool | None),
    )
    members: list[Member] = declared(
        Many(
            lambda book, member, asked: and_(member.book_id == book.id, access.is_member(asked.insider_id, book.id)),
            lambda member: (member.joined_at, member.id),
        ),
        "At most 200, oldest first; for members, empty for others.",
        cap=MEMBERS_LIMIT,
        once_a="book",
    )
    member_count: int = declared(Computed(_member_count), "For members; 0 for others.")
    invitations: list[Invitation] = declared(
        Many(_open_invitations, lambda invitation: (invitation.created_at.desc(), invitation.id)),
        "Open ones, newest first. Owners only; empty for others.",
        cap=INVITATIONS_LIMIT,
        once_a="book",
    )
