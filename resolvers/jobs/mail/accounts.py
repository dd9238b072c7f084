"""Mails about accounts: links, made when they are sent, and what happened. So many an hour to one address.

Several may say that an address is theirs: the links of one are counted apart from the others', or these would use up
the mail by which its owner confirms it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from models import Purpose, SecurityEventKind
from models.refusal import Locked
from resolvers import attempts
from resolvers.address import holders
from resolvers.attempts import Allowance
from resolvers.context import Context
from resolvers.jobs.kind import Kind
from resolvers.jobs.mail.sending import PATIENCE, TRIES, send
from resolvers.jobs.run import Run
from resolvers.mail import Facts, accounts, owed

_HOUR: Final = timedelta(hours=1)
#: Mails to one address in an hour: to confirm it for one user; for all of them asked for from one neighbourhood; and in
#: all. Whoever has confirmed it, or else has had it for longest, is under the first alone.
VERIFICATIONS: Final = Allowance("mail verification", 5, _HOUR, "")
VERIFICATIONS_FROM: Final = Allowance("mail verification from", 5, _HOUR, "")
VERIFICATIONS_IN_ALL: Final = Allowance("mail verification in all", 20, _HOUR, "")
#: Of these, mails to one address in an hour; of notices, those of one kind.
RESETS: Final = Allowance("mail reset", 3, _HOUR, "")
NOTICES: Final = Allowance("mail notice", 5, _HOUR, "")

log = structlog.get_logger("mail")


@dataclass(frozen=True, slots=True)
class Verification:
    user_id: UUID
    email: str = field(repr=False)
    asker: str | None = None


@dataclass(frozen=True, slots=True)
class Reset:
    email: str = field(repr=False)
    ip_address: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    user_id: UUID
    to: str = field(repr=False)
    kind: SecurityEventKind
    at: datetime
    facts: Facts


async def verify(run: Run, asked: Verification) -> None:
    await _confirm(run, asked, Purpose.VERIFY)


async def change(run: Run, asked: Verification) -> None:
    await _confirm(run, asked, Purpose.CHANGE)


async def reset(run: Run, asked: Reset) -> None:
    """An address that nobody has counts as any other does."""

    async def tell(address: str) -> None:
        async with run.work() as work:
            asking = Context(run.parts, None, asked.ip_address)
            mail = await accounts.reset_of(asking, work, asked.email, address=address, job=run.id)
        await send(run, mail, copy=run.tried)

    await within(run, tell, (RESETS, (asked.email.casefold(),)))


async def notify(run: Run, asked: Notice) -> None:
    async def tell(address: str) -> None:
        async with run.work() as work:
            mail = await accounts.notice_of(
                work, asked.user_id, asked.to, asked.kind, asked.at, asked.facts, address=address
            )
        await send(run, mail)

    await within(run, tell, (NOTICES, (asked.to.casefold(), asked.kind)))


async def _confirm(run: Run, asked: Verification, purpose: Purpose) -> None:
    async def tell(address: str) -> None:
        async with run.work() as work:
            mail = await accounts.verification_of(work, asked.user_id, asked.email, purpose, address=address)
        # Each try has a link of its own, and only the last is good: no mail program may take them for one message.
        await send(run, mail, copy=run.tried)

    address = asked.email.casefold()
    counted: list[tuple[Allowance, tuple[str, ...]]] = [(VERIFICATIONS, (address, str(asked.user_id)))]
    async with run.work() as work:
        if not await holders.comes_first(work, asked.user_id, asked.email):
            counted += [(VERIFICATIONS_FROM, (address, asked.asker or "")), (VERIFICATIONS_IN_ALL, (address,))]
    await within(run, tell, *counted)


async def within(run: Run, tell: Callable[[str], Awaitable[None]], *counted: tuple[Allowance, tuple[str, ...]]) -> None:
    """Tells, unless enough was told under one of these; what does not leave does not count."""
    if run.parts.mailroom.mailer is None:
        return
    context = Context(run.parts, None)
    try:
        tried = await attempts.take_all(context, *counted)
    except Locked:
        log.warning("A mail is withheld: enough went to this address.", job=run.id)
        return
    try:
        await tell(run.parts.mailroom.address)
    except Exception:
        await attempts.give_back(context, tried)
        raise


VERIFY = Kind(owed.VERIFICATION, Verification, verify, tries=TRIES, backoff=PATIENCE, priority=owed.PRIORITY)
CHANGE = Kind(owed.EMAIL_CHANGE, Verification, change, tries=TRIES, backoff=PATIENCE, priority=owed.PRIORITY)
RESET = Kind(owed.PASSWORD_RESET, Reset, reset, tries=TRIES, backoff=PATIENCE, priority=owed.PRIORITY)
NOTICE = Kind(owed.NOTICE, Notice, notify, tries=TRIES, backoff=PATIENCE, priority=owed.PRIORITY)
KINDS: Final = (VERIFY, CHANGE, RESET, NOTICE)
