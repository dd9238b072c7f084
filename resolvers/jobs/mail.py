"""Mail: a job a message, tried again while the server has no time for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import delete
from sqlmodel import col

from models import InvitationToken
from models.columns import now
from resolvers.jobs.kind import Backoff, Kind, Nothing
from resolvers.jobs.run import Run
from resolvers.mail import Mail, invitations, owed, photos
from storage.jobs import GaveUp
from storage.mailing import Undeliverable

#: Photos of one batch that a mail counts.
PHOTOS_COUNTED: Final = 1_000
#: Twelve tries in 16 to 23 hours: a server that is away for a night loses nothing.
_PATIENCE: Final = Backoff(first=30.0, factor=3.0, most=4 * 3_600.0)
_TRIES: Final = 12

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
    await _send(run, mail)


async def gather_photos(run: Run, asked: Batch) -> None:
    """Their one message is owed in the same transaction in which they count as told."""
    async with run.finishing() as work:
        ids = await photos.gathered(work, asked.uploader_id, asked.book_id)
        if ids:
            failed = Failed(asked.uploader_id, asked.book_id, ids[:PHOTOS_COUNTED], work.now)
            await work.owe(PHOTOS_FAILED.job(failed))


async def tell_of_photos(run: Run, asked: Failed) -> None:
    mailroom = run.parts.mailroom
    async with run.work() as work:
        mail = await photos.mail_of(
            work, asked.uploader_id, asked.book_id, asked.image_ids, asked.at, address=mailroom.address
        )
    await _send(run, mail)


async def forget_tokens(run: Run, asked: Nothing) -> None:
    async with run.finishing() as work:
        await work.session.execute(delete(InvitationToken).where(col(InvitationToken.expires_at) < now()))


async def _send(run: Run, mail: Mail | None) -> None:
    if mail is None:
        return
    try:
        await run.parts.mailroom.send(mail, job=str(run.id))
    except Undeliverable as refused:
        raise GaveUp(str(refused)) from None


INVITE = Kind(owed.INVITATION, Invited, invite, tries=_TRIES, backoff=_PATIENCE)
GATHER_PHOTOS = Kind(owed.GATHER_PHOTOS, Batch, gather_photos)
PHOTOS_FAILED = Kind(owed.PHOTOS_FAILED, Failed, tell_of_photos, tries=_TRIES, backoff=_PATIENCE)
FORGET_TOKENS = Kind("mail.forget_tokens", Nothing, forget_tokens, priority=90, cron="23 4 * * *")
KINDS: Final = (INVITE, GATHER_PHOTOS, PHOTOS_FAILED, FORGET_TOKENS)
