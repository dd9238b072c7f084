"""Every mail with made-up words in it, to look at."""

from datetime import UTC, datetime
from typing import Final

from models import Purpose, Role, SecurityEventKind
from models.email_link import LIFETIMES
from models.invitation import LIFETIME
from models.user import Language
from resolvers.mail import (
    Facts,
    FailedPhoto,
    InvitationMail,
    Mail,
    NoticeMail,
    PasswordResetMail,
    PhotosFailedMail,
    VerificationMail,
)
from resolvers.mail.mails import TOLD, FarewellMail
from resolvers.mail.rendering import LANGUAGES

_TO: Final = "ben@leporello.example"
_AT: Final = datetime(2027, 7, 18, 12, tzinfo=UTC)
_TITLES: Final = {
    Language.EN: "A summer by the lake",
    Language.FR: "Un été au bord du lac",
    Language.NL: "Een zomer aan het meer",
    Language.TH: "ฤดูร้อนริมทะเลสาบ",
}


def samples(address: str) -> dict[str, Mail]:
    """By their name: what it says, and the language."""
    return {f"{_name(mail)}-{language.lower()}": mail for language in LANGUAGES for mail in _in(language, address)}


def _name(mail: Mail) -> str:
    match mail:
        case NoticeMail(kind=kind):
            return f"{mail.template}-{kind.lower()}"
        case VerificationMail(is_change=True):
            return f"{mail.template}-change"
    return mail.template


def _in(language: Language, address: str) -> list[Mail]:
    title = _TITLES[language]
    invitation = InvitationMail(
        to=_TO,
        language=language,
        at=_AT,
        inviter="Ada",
        title=title,
        role=Role.EDITOR,
        link=f"{address}/invitation#a-token-is-here",
        expires_at=_AT + LIFETIME,
    )
    photos = PhotosFailedMail(
        to=_TO,
        language=language,
        at=_AT,
        title=title,
        link=f"{address}/books/bk_0190163d-8694-739b-aea5-966c26f8ad91",
        photos=[
            FailedPhoto(filename="lake.jpg", reason="It is damaged or incomplete."),
            FailedPhoto(filename="poster.png", reason="It has 120 megapixels; at most 100 are taken."),
        ],
        count=5,
    )
    return [invitation, photos, *_of_account(language, address)]


def _of_account(language: Language, address: str) -> list[Mail]:
    verifications = [
        VerificationMail(
            to=_TO,
            language=language,
            at=_AT,
            is_change=is_change,
            made_at=None if is_change else _AT,
            ip_address=None if is_change else "192.0.2.7",
            link=f"{address}/verify-email#a-token-is-here",
            expires_at=_AT + LIFETIMES[Purpose.VERIFY],
        )
        for is_change in (False, True)
    ]
    reset = PasswordResetMail(
        to=_TO,
        language=language,
        at=_AT,
        ip_address="192.0.2.7",
        link=f"{address}/reset-password#a-token-is-here",
        expires_at=_AT + LIFETIMES[Purpose.RESET],
    )
    notices = [
        NoticeMail(
            to=_TO,
            language=language,
            at=_AT,
            kind=kind,
            facts=_FACTS.get(kind, Facts()),
            link=f"{address}/account/security",
        )
        for kind in sorted(TOLD)
    ]
    farewell = FarewellMail(to=_TO, language=language, at=_AT, link=address)
    return [*verifications, reset, *notices, farewell]


_KEY: Final = Facts(name="Ben's phone")
_ELSEWHERE: Final = Facts(provider="Keycloak")
_FACTS: Final = {
    SecurityEventKind.SIGNED_IN: Facts(device="Ben's phone", ip_address="192.0.2.7"),
    SecurityEventKind.SIGN_IN_LOCKED: Facts(ip_address="192.0.2.7"),
    SecurityEventKind.PASSWORD_LOCKED: Facts(device="Ben's phone", ip_address="192.0.2.7"),
    SecurityEventKind.RECOVERY_CODE_USED: Facts(left=9),
    SecurityEventKind.PASSKEY_ADDED: _KEY,
    SecurityEventKind.PASSKEY_REMOVED: _KEY,
    SecurityEventKind.PASSKEY_CLONED: _KEY,
    SecurityEventKind.IDENTITY_LINKED: _ELSEWHERE,
    SecurityEventKind.IDENTITY_UNLINKED: _ELSEWHERE,
}
