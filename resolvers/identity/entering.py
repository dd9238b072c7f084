"""Signing in, or up, with an identity."""

from typing import Final

from models import Proof, SecurityEventKind, User
from models.id import new_id
from models.refusal import Expired, Invalid, Taken
from models.user import NAME_LENGTH, Language, checked_email
from resolvers import attempts, security
from resolvers.address import holders
from resolvers.context import Context
from resolvers.identity.linking import add, first_line, found, held, label_of
from resolvers.mail import owed
from resolvers.session import Device, Tokens
from resolvers.sign_in import Outcome, begin
from resolvers.work import Work
from storage.identities import Person, Provider

_TAKEN: Final = "There is an account with this address. Sign in to it, then link this login."


async def enter(context: Context, work: Work, provider: Provider, person: Person, device: Device | None) -> Outcome:
    """As whose the identity is; else as the confirmed owner of an address that the provider has verified and is trusted
    with; else as somebody new. Raises Taken where the address is somebody's and the provider is not trusted with it.
    """
    identity = await held(work, person)
    if identity is not None:
        # The user comes first: whoever unlinks it at this moment holds them.
        user = await work.session.get(User, identity.user_id, with_for_update={"key_share": True})
        if user is None or await found(work, person) is None:
            raise Expired("This login has just been unlinked. Begin anew.", "input", "response")
        identity.last_used_at, identity.label, identity.provider = work.now, label_of(person), provider.name
        return await begin(context, work, user, Proof.IDENTITY, device)
    address = _address(person)
    if address is not None and person.email_verified and provider.trusts_email:
        user = await _owner(context, work, provider, person, address)
        await add(context, work, user, provider, person)
        return await begin(context, work, user, Proof.IDENTITY, device)
    if address is not None:
        await holders.hold(work, address)
        if await holders.is_confirmed(work, address):
            raise Taken(_TAKEN, "input", "response")
    user = await _new(context, work, provider, person)
    user.email = address
    await add(context, work, user, provider, person)
    outcome = await begin(context, work, user, Proof.IDENTITY, device)
    # Where it has to be confirmed first, that was mailed already.
    if isinstance(outcome, Tokens) and address is not None:
        await owed.verification(work, user, attempts.asker(context))
    return outcome


async def _owner(context: Context, work: Work, provider: Provider, person: Person, address: str) -> User:
    """Who has confirmed the address, and is told; else somebody new, whose it becomes."""
    _, holding = await holders.held(work, new_id(), address)
    for user in holding:
        if user.email_verified_at is not None:
            await owed.notice(work, user, SecurityEventKind.IDENTITY_LINKED, provider=provider.label)
            return user
    user = await _new(context, work, provider, person)
    await holders.confirm(context, work, user, address, holding)
    return user


async def _new(context: Context, work: Work, provider: Provider, person: Person) -> User:
    names = (*person.names, person.email and person.email.partition("@")[0], provider.label)
    user = User(name=first_line(names, NAME_LENGTH) or provider.name, language=_language(person), created_at=work.now)
    work.session.add(user)
    await work.session.flush()
    security.note(context, work, user.id, SecurityEventKind.SIGNED_UP)
    return user


def _address(person: Person) -> str | None:
    try:
        return checked_email(person.email) if person.email is not None else None
    except Invalid:
        return None


def _language(person: Person) -> Language:
    """Of a tag such as fr-CH (BCP 47), or fr_CH."""
    tag = (person.locale or "").replace("_", "-").partition("-")[0].upper()
    return Language(tag) if tag in Language.__members__ else Language.EN
