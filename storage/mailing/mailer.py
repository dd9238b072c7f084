"""What delivers a message, and the two ways in which it may not."""

from email.message import EmailMessage
from typing import Protocol


class Undeliverable(Exception):
    """It will be refused again, however often it is tried. Says why without the address."""


class Delayed(Exception):
    """It could not be handed over now, and may be later. Says why without the address."""


class Mailer(Protocol):
    async def deliver(self, message: EmailMessage) -> None:
        """Hands the message over to whoever takes it further. Raises Undeliverable, Delayed."""
