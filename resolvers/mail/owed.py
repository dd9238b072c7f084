"""Owing a mail: what a work that has something to tell by mail calls, so that both hold or neither does."""

from dataclasses import asdict
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from models import Image, Invitation, PhotoFailure, SecurityEventKind, User
from resolvers.mail.mails import TOLD, Facts
from resolvers.work import Work
from storage.jobs import Job

#: A batch has ended when no photo failed for so long, and is told of at the latest so long after its first one did.
QUIET: Final = timedelta(seconds=60)
LATEST: Final = timedelta(minutes=10)

#: Somebody waits for it, and it takes no time: before any photo.
PRIORITY: Final = 30

INVITATION: Final = "mail.invitation"
GATHER_PHOTOS: Final = "mail.gather_photos"
PHOTOS_FAILED: Final = "mail.photos_failed"
VERIFICATION: Final = "mail.verification"
EMAIL_CHANGE: Final = "mail.email_change"
PASSWORD_RESET: Final = "mail.password_reset"
NOTICE: Final = "mail.notice"


async def invitation(work: Work, invited: Invitation) -> None:
    """Writes to the invited address. The token of its link is made when it is sent: only its hash is ever kept."""
    await work.owe(Job(INVITATION, {"invitation_id": str(invited.id)}, key=str(invited.id), priority=PRIORITY))


async def photo_failed(work: Work, image: Image) -> None:
    """Tells the uploader, once for a batch of photos; nobody where they are gone."""
    if image.uploader_id is None:
        return
    await work.session.flush()
    await work.session.execute(
        insert(PhotoFailure).values(image_id=image.id, noted_at=work.now).on_conflict_do_nothing()
    )
    first = await work.session.scalar(
        select(func.min(PhotoFailure.noted_at))
        .join(Image, col(Image.id) == PhotoFailure.image_id)
        .where(col(Image.uploader_id) == image.uploader_id, col(Image.book_id) == image.book_id)
    )
    await work.owe(
        Job(
            GATHER_PHOTOS,
            {"uploader_id": str(image.uploader_id), "book_id": str(image.book_id)},
            key=f"{image.uploader_id}:{image.book_id}",
            not_before=min(work.now + QUIET, (first or work.now) + LATEST),
            debounce=True,
            priority=PRIORITY,
        )
    )


async def verification(work: Work, user: User, asker: str | None) -> None:
    """Asks the user to confirm the address that they have. As of every link, its token is made when it is sent.

    `asker` is what `attempts.asker` says of whoever has this mailed.
    """
    asked = {"user_id": str(user.id), "email": user.email, "asker": asker}
    await work.owe(Job(VERIFICATION, asked, key=str(user.id), priority=PRIORITY))


async def email_change(work: Work, user: User, new_email: str, asker: str | None) -> None:
    """Asks the new address to confirm itself, and tells the one that they have; `asker` as of a verification."""
    asked = {"user_id": str(user.id), "email": new_email, "asker": asker}
    await work.owe(Job(EMAIL_CHANGE, asked, priority=PRIORITY))
    await notice(work, user, SecurityEventKind.EMAIL_CHANGE_REQUESTED)


async def password_reset(work: Work, email: str, ip: str | None) -> None:
    """For every address alike: only the job looks whether somebody has it, and which language they read.

    `ip` is who asked.
    """
    await work.owe(Job(PASSWORD_RESET, {"email": email, "ip_address": ip}, priority=PRIORITY))


async def notice(
    work: Work,
    user: User,
    kind: SecurityEventKind,
    *,
    to: str | None = None,
    left: int | None = None,
    name: str | None = None,
    provider: str | None = None,
    device: str | None = None,
    ip_address: str | None = None,
) -> None:
    """Tells the user what happened to their account, by the address that they have now if it is confirmed.

    An address that is not may be a stranger's, whom it does not concern. `to` is the confirmed one that they had before
    EMAIL_CHANGED, `left` how many recovery codes there still are, `name` a passkey's, `provider` an identity's;
    `device` and `ip_address` say where it came from. Raises KeyError for a kind of which nothing is told by mail.
    """
    if kind not in TOLD:
        raise KeyError(kind)
    if to is None and user.email_verified_at is not None:
        to = user.email
    if to is None:
        return
    facts = Facts(left=left, name=name, provider=provider, device=device, ip_address=ip_address)
    # The address of now: whoever takes an account over and changes it must not be the one who is told.
    told = {"user_id": str(user.id), "kind": kind, "at": work.now.isoformat(), "to": to, "facts": asdict(facts)}
    await work.owe(Job(NOTICE, told, priority=PRIORITY))
