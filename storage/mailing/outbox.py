"""The outbox of a development machine: what would have been sent, newest first."""

from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from hashlib import sha256
from typing import Final, Self

import redis.asyncio as redis

#: Messages that are kept, and for how many seconds after the last came.
KEPT: Final = 100
KEPT_FOR: Final = 7 * 24 * 60 * 60
_KEY: Final = "mail:outbox"


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in the outbox; `id` is of its own bytes."""

    id: str
    message: EmailMessage


class Outbox:
    """A list in Redis, which every process reaches, and which forgets: tokens stand in these messages as they are."""

    def __init__(self, url: str) -> None:
        self._client = redis.from_url(url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def deliver(self, message: EmailMessage) -> None:
        async with self._client.pipeline() as together:
            together.lpush(_KEY, message.as_bytes(policy=SMTPUTF8))
            together.ltrim(_KEY, 0, KEPT - 1)
            together.expire(_KEY, KEPT_FOR)
            await together.execute()

    async def messages(self) -> list[Kept]:
        """All that are kept, newest first."""
        return [_kept(found) for found in await self._client.lrange(_KEY, 0, KEPT - 1) if isinstance(found, bytes)]


def _kept(found: bytes) -> Kept:
    return Kept(sha256(found).hexdigest()[:32], message_from_bytes(found, policy=SMTPUTF8))
