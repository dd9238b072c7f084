"""The last word to somebody who has left."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from models.user import Language
from resolvers.jobs.kind import Kind
from resolvers.jobs.mail.accounts import NOTICES, within
from resolvers.jobs.mail.sending import PATIENCE, TRIES, send
from resolvers.jobs.run import Run
from resolvers.mail.mails import FarewellMail
from resolvers.mail.owed import PRIORITY


@dataclass(frozen=True, slots=True)
class Farewell:
    """All that is still known of them, for as long as it takes to send it."""

    to: str = field(repr=False)
    language: Language
    at: datetime


async def bid_farewell(run: Run, asked: Farewell) -> None:
    """Under the allowance of notices: whoever comes and leaves again and again fills no mailbox."""

    async def tell(address: str) -> None:
        await send(run, FarewellMail(to=asked.to, language=asked.language, at=asked.at, link=address))

    await within(run, tell, (NOTICES, (asked.to.casefold(), FAREWELL.name)))


FAREWELL: Final = Kind("mail.farewell", Farewell, bid_farewell, tries=TRIES, backoff=PATIENCE, priority=PRIORITY)
