"""What jobs say of somebody, gone once they are."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog

from resolvers.jobs.kind import Kind
from resolvers.jobs.leaving.farewell import FAREWELL
from resolvers.jobs.mail.sending import PATIENCE, TRIES
from resolvers.jobs.run import Run
from resolvers.mail.owed import PRIORITY
from storage.jobs import erasure

_log = structlog.get_logger("accounts")


@dataclass(frozen=True, slots=True)
class Erasure:
    """`email` is the address that was theirs, and nobody's who only said so."""

    user_id: UUID
    email: str | None = field(default=None, repr=False)


async def erase(run: Run, asked: Erasure) -> None:
    """All jobs that name them but their farewell, a part at a time; and at its end this one says nothing of them."""
    gone = await erasure.erase(run.parts.database, asked.user_id, asked.email, but=FAREWELL.name)
    async with run.finishing() as work:
        await erasure.blank(work.session, run.id)
    _log.info("jobs_erased", jobs=gone)


ERASE: Final = Kind("accounts.erase", Erasure, erase, timeout=600.0, tries=TRIES, backoff=PATIENCE, priority=PRIORITY)
