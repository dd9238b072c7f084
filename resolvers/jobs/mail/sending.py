"""How often a message is tried, and when it is given up."""

from typing import Final

import structlog

from resolvers.jobs.kind import Backoff
from resolvers.jobs.run import Run
from resolvers.mail import Mail
from storage.jobs import GaveUp
from storage.mailing import Undeliverable

#: Twelve tries in 16 to 23 hours: a server that is away for a night loses nothing.
PATIENCE: Final = Backoff(first=30.0, factor=3.0, most=4 * 3_600.0)
TRIES: Final = 12

_log = structlog.get_logger("mail")


async def send(run: Run, mail: Mail | None, *, copy: int = 1) -> None:
    """Every `copy` is a message of its own; the same one, sent again, is the same message. Raises Delayed."""
    if mail is None:
        # What it was about is no longer so, or nobody is to be told: done, as the job's own line says, and not sent.
        _log.info("A mail had nothing to say.", job=run.id)
        return
    try:
        await run.parts.mailroom.send(mail, job=str(run.id) if copy == 1 else f"{run.id} {copy}")
    except Undeliverable as refused:
        raise GaveUp(str(refused)) from None
