"""Mail: what is said, to whom, in their language."""

from resolvers.mail.mailroom import Mailroom
from resolvers.mail.mails import FailedPhoto, InvitationMail, Mail, PhotosFailedMail
from resolvers.mail.rendering import Rendered, rendered

__all__ = [
    "FailedPhoto",
    "InvitationMail",
    "Mail",
    "Mailroom",
    "PhotosFailedMail",
    "Rendered",
    "rendered",
]
