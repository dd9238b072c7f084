"""Every mail with made-up words in it, to look at."""

from datetime import UTC, datetime
from typing import Final

from models import Role
from models.invitation import LIFETIME
from models.user import Language
from resolvers.mail import FailedPhoto, InvitationMail, Mail, PhotosFailedMail
from resolvers.mail.rendering import LANGUAGES

_TO: Final = "ben@leporello.example"
_AT: Final = datetime(2027, 7, 18, 12, tzinfo=UTC)


def samples(address: str) -> dict[str, Mail]:
    """By their name: what it says, and the language."""
    return {f"{mail.template}-{language.lower()}": mail for language in LANGUAGES for mail in _in(language, address)}


def _in(language: Language, address: str) -> list[Mail]:
    french = language == Language.FR
    title = "Un été au bord du lac" if french else "A summer by the lake"
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
            FailedPhoto(filename="lake.jpg", reason="The file is cut off."),
            FailedPhoto(filename="poster.png", reason="It has more than 100 megapixels."),
        ],
        count=5,
    )
    return [invitation, photos]
