"""Where the settings let mail go: to a server, into the outbox, or nowhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from resolvers.mail import Mailroom
from server.settings import Settings
from storage.mailing import MailServer, Outbox
from storage.mailing.smtp import Smtp


@asynccontextmanager
async def mailroom_of(settings: Settings) -> AsyncIterator[Mailroom]:
    """In development nothing is sent, whatever server is named."""
    if settings.is_development:
        async with Outbox(str(settings.redis_url)) as outbox:
            yield Mailroom(outbox, settings.sender, settings.address)
    else:
        yield Mailroom(smtp_of(settings), settings.sender, settings.address)


def smtp_of(settings: Settings) -> Smtp | None:
    """The server that SMTP_URL names, if it names one."""
    if settings.smtp_url is None:
        return None
    return Smtp(MailServer.read(settings.smtp_url), name=settings.sender.domain)
