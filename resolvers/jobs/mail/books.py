"""Mails about books: who is invited, and whose photos could not be used."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import delete
from sqlmodel import col

from models import InvitationToken
from models.columns import now
from resolvers.attempts import Allowance
from resolvers.jobs.kind import Kind, Nothing
from resolvers.jobs.mail.accounts import within
from resolvers.jobs.mail.sending import PATIENCE, TRIES, send
from resolvers.jobs.run import Run
from resolvers.mail import invitations, owed, photos

#: Photos of one batch that a mail counts.
PHOTOS_COUNTED: Final = 1_000
#: Mails about photos to one address in an hour.
PHOTOS: Final = Allowance("mail photos", 10, timedelta(hours=1), "")

log = structlog.get_logger("mail")


@dataclass(frozen=True, slots=True)
class Invited:
    invitation_id: UUID


@dataclass(frozen=True, slots=True)
class Batch:
    uploader_id: UUID
    book_id: UUID


@dataclass(frozen=True, slots=True)
class Failed:
    uploader_id: UUID
    book_id: UUID
    image_ids: list[UUID]
    at: datetime


async def invite(run: Run, asked: Invited) -> None:
    mailroom = run.parts.mailroom
    # Not even a token, which nobody would get.
    if mailroom.mailer is None:
        return
    try:
        async with run.work() as work:
            mail = await invitations.mail_of(work, asked.invitation_id, job=run.id, address=mailroom.address)
    except invitations.TooMany:
        log.warning("An invitation is not mailed: enough were today.", job=run.id)
        return
    await send(run, mail)


async def gather_photos(run: Run, asked: Batch) -> None:
    """Their one message is owed in the same transaction in which they count as told."""
    async with run.finishing() as work:
        ids = await photos.gathered(work, asked.uploader_id, asked.book_id)
        if ids:
            failed = Failed(asked.uploader_id, asked.book_id, ids[:PHOTOS_COUNTED], work.now)
            await work.owe(PHOTOS_FAILED.job(failed))


async def tell_of_photos(run: Run, asked: Failed) -> None:
    async with run.work() as work:
        mail = await photos.mail_of(
            work, asked.uploader_id, asked.book_id, asked.image_ids, asked.at, address=run.parts.mailroom.address
        )
    if mail is None:
        await send(run, None)
        return

    async def tell(address: str) -> None:
        await send(run, mail)

    await within(run, tell, (PHOTOS, (mail.to.casefold(),)))


async def forget_tokens(run: Run, asked: Nothing) -> None:
    async with run.finishing() as work:
        await work.session.execute(delete(InvitationToken).where(col(InvitationToken.expires_at) < now()))


INVITE = Kind(owed.INVITATION, Invited, invite, tries=TRIES, backoff=PATIENCE, priority=owed.PRIORITY)
GATHER_PHOTOS = Kind(owed.GATHER_PHOTOS, Batch, gather_photos, priority=owed.PRIORITY)
PHOTOS_FAILED = Kind(owed.PHOTOS_FAILED, Failed, tell_of_photos, tries=TRIES, backoff=PATIENCE, priority=owed.PRIORITY)
FORGET_TOKENS = Kind("mail.forget_tokens", Nothing, forget_tokens, priority=90, cron="23 4 * * *")
KINDS: Final = (INVITE, GATHER_PHOTOS, PHOTOS_FAILED, FORGET_TOKENS)
