"""Identities that become a user's."""

from typing import Final

from sqlalchemy import func, select
from sqlmodel import col

from models import Identity, SecurityEventKind, User
from models.identity import IDENTITIES_LIMIT
from models.line import checked_line
from models.refusal import Forbidden, Invalid, LimitReached, Taken
from resolvers import reauthentication, security
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.work import Work
from storage.identities import Person, Provider

#: The first of the two keys of an advisory lock: "idty" in ASCII.
_LOCK: Final = 0x69647479
_LABEL: Final = 200
_RESPONSE: Final = ("input", "response")


async def link(context: Context, work: Work, provider: Provider, person: Person) -> None:
    """To the viewer; again for the same one it changes nothing.

    Raises Taken for what is another's, LimitReached, Forbidden.
    """
    identity = await held(work, person)
    user = await reauthentication.held(work, context.viewer)
    if user.disabled_at is not None:
        raise Forbidden("This account is disabled.", "input")
    if identity is not None and identity.user_id != user.id:
        raise Taken("This login belongs to another account.", *_RESPONSE)
    if identity is None:
        await add(context, work, user, provider, person)
        await owed.notice(work, user, SecurityEventKind.IDENTITY_LINKED, provider=provider.label)


async def held(work: Work, person: Person) -> Identity | None:
    """Nobody else links it until this work ends. Comes before any other lock in it."""
    named = f"{person.issuer} {person.subject}"
    await work.session.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(named))))
    return await found(work, person)


async def found(work: Work, person: Person) -> Identity | None:
    theirs = col(Identity.issuer) == person.issuer, col(Identity.subject) == person.subject
    return await work.session.scalar(select(Identity).where(*theirs))


async def add(context: Context, work: Work, user: User, provider: Provider, person: Person) -> None:
    """The user is held, and the identity nobody's. Raises LimitReached."""
    count = await work.session.scalar(select(func.count()).where(col(Identity.user_id) == user.id))
    if (count or 0) >= IDENTITIES_LIMIT:
        raise LimitReached(f"There are {IDENTITIES_LIMIT} logins already. Unlink one first.", *_RESPONSE)
    work.session.add(
        Identity(
            user_id=user.id,
            provider=provider.name,
            issuer=person.issuer,
            subject=person.subject,
            label=label_of(person),
            created_at=work.now,
        )
    )
    await work.session.flush()
    security.note(context, work, user.id, SecurityEventKind.IDENTITY_LINKED, provider=provider.name)


def label_of(person: Person) -> str:
    """What its user knows it by."""
    return first_line((person.email, *person.names), _LABEL) or person.subject


def first_line(given: tuple[str | None, ...], most: int) -> str | None:
    """The first of these that is a line, cut where it is too long."""
    for text in given:
        try:
            if text is not None:
                return checked_line(text.strip()[:most], "It", most)
        except Invalid:
            continue
    return None
