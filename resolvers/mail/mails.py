"""The mails that we write: each what its templates are given, and to whom it goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from models import Role
from models.user import Language

#: Photos that a mail names; it counts the others.
PHOTOS_NAMED: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """Of a kind that answers something the reader or their friends did: nothing to unsubscribe from.

    `at` is when that was, and the date of the message however often it is tried.
    """

    template: ClassVar[str]

    to: str = field(repr=False)
    language: Language
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class InvitationMail(Mail):
    """`inviter` is a name, or None when they are gone."""

    template = "invitation"

    inviter: str | None
    title: str
    role: Role
    link: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedPhoto:
    filename: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotosFailedMail(Mail):
    """The first of `count` photos of one batch."""

    template = "photos_failed"

    title: str
    link: str
    photos: Sequence[FailedPhoto]
    count: int
