"""Mail: where it goes, and the pages that show a development machine what it would have sent."""

from server.mail.page import MailPages
from server.mail.sending import mailroom_of, smtp_of

__all__ = ["MailPages", "mailroom_of", "smtp_of"]
