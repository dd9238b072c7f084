"""The mails that we write: each what its templates are given, and to whom it goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from models import Role, SecurityEventKind
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


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationMail(Mail):
    """`is_change`: the address would take the place of another one; else when the account was made, and from where."""

    template = "verification"

    is_change: bool
    made_at: datetime | None = None
    ip_address: str | None = None
    link: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordResetMail(Mail):
    """`ip_address` is who asked."""

    template = "password_reset"

    ip_address: str | None
    link: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FarewellMail(Mail):
    """An account is no more. `link` is where there could be a new one."""

    template = "farewell"

    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a notice says beside what happened: of each kind its own, of every other None."""

    left: int | None = None
    name: str | None = None
    provider: str | None = None
    device: str | None = None
    ip_address: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeMail(Mail):
    """Something happened to an account. `link` is where its owner looks at it."""

    template = "notice"

    kind: SecurityEventKind
    facts: Facts
    link: str


#: What is told by mail: what a thief would do, and what its owner cannot undo without knowing.
TOLD: Final = frozenset(
    {
        SecurityEventKind.SIGNED_IN,
        SecurityEventKind.SIGN_IN_LOCKED,
        SecurityEventKind.REFRESH_TOKEN_REUSED,
        SecurityEventKind.PASSWORD_LOCKED,
        SecurityEventKind.PASSWORD_CHANGED,
        SecurityEventKind.PASSWORD_RESET,
        SecurityEventKind.EMAIL_CHANGE_REQUESTED,
        SecurityEventKind.EMAIL_CHANGED,
        SecurityEventKind.TWO_FACTOR_ENABLED,
        SecurityEventKind.TWO_FACTOR_DISABLED,
        SecurityEventKind.RECOVERY_CODE_USED,
        SecurityEventKind.RECOVERY_CODES_REGENERATED,
        SecurityEventKind.PASSKEY_ADDED,
        SecurityEventKind.PASSKEY_REMOVED,
        SecurityEventKind.PASSKEY_CLONED,
        SecurityEventKind.IDENTITY_LINKED,
        SecurityEventKind.IDENTITY_UNLINKED,
        SecurityEventKind.ADMINISTRATOR_MADE,
        SecurityEventKind.ADMINISTRATOR_ENDED,
    }
)
