"""Mail: what is said, to whom, in their language."""

from resolvers.mail.mailroom import Mailroom
from resolvers.mail.mails import (
    Facts,
    FailedPhoto,
    InvitationMail,
    Mail,
    NoticeMail,
    PasswordResetMail,
    PhotosFailedMail,
    VerificationMail,
)
from resolvers.mail.rendering import Rendered, rendered

__all__ = [
    "Facts",
    "FailedPhoto",
    "InvitationMail",
    "Mail",
    "Mailroom",
    "NoticeMail",
    "PasswordResetMail",
    "PhotosFailedMail",
    "Rendered",
    "VerificationMail",
    "rendered",
]
