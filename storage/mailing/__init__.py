"""Mail on its way out: over SMTP, or into the outbox of a development machine."""

from storage.mailing.address import address_of, sender_of
from storage.mailing.mailer import Delayed, Mailer, Undeliverable
from storage.mailing.outbox import Outbox
from storage.mailing.server import MailServer
from storage.mailing.smtp import Smtp

__all__ = [
    "Delayed",
    "MailServer",
    "Mailer",
    "Outbox",
    "Smtp",
    "Undeliverable",
    "address_of",
    "sender_of",
]
