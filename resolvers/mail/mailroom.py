"""Where mails leave from."""

from dataclasses import dataclass
from email.headerregistry import Address

from resolvers.mail.mails import Mail
from resolvers.mail.message import message_of
from storage.mailing import Mailer


@dataclass(frozen=True)
class Mailroom:
    """`mailer` is None where no mail server is named, and nobody is written to; `address` is where links lead."""

    mailer: Mailer | None
    sender: Address
    address: str

    async def send(self, mail: Mail, *, job: str) -> None:
        """Raises Undeliverable, Delayed."""
        if self.mailer is not None:
            await self.mailer.deliver(message_of(mail, self.sender, job=job))
