"""Coming back from a provider."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete
from sqlmodel import col

from models import IdentityRequest
from models.refusal import Expired, Invalid, Required, WrongCredentials
from resolvers.context import Context
from resolvers.identity.departing import SEAL
from resolvers.identity.entering import enter
from resolvers.identity.linking import link
from resolvers.identity.providers import answering
from resolvers.keyring import Unreadable
from resolvers.session import Device
from resolvers.sign_in import Outcome
from resolvers.token import hash_of
from storage.identities import Denied, Person, Provider, Senseless

_RESPONSE: Final = ("input", "response")
#: Parameters of an answer, and characters of one.
_PARAMETERS: Final = 20
_LENGTH: Final = 8_192
_OVER: Final = "This sign-in is over, or was begun elsewhere. Begin anew."


async def complete(context: Context, name: str, response: Any, device: Device | None) -> Outcome | None:
    """A sign-in's outcome; None where a user has linked it.

    One answer ends the request, whatever comes of it. Raises Required, Invalid, Expired, WrongCredentials, Unavailable,
    and what linking and signing in raise.
    """
    # A token that is not good any more is refused before the request is over.
    session_id = context.session_id
    answer = _read(response)
    provider = context.parts.identities.named(name, "input", "provider")
    request = await _taken(context, provider, answer)
    if request.provider != name:
        raise Invalid("This answer is not this provider's. Begin anew.", "input", "provider")
    if request.session_id != session_id:
        # Nobody is signed in, or their things taken in, by a way that somebody else has begun.
        raise Expired(_OVER, *_RESPONSE)
    person = await _person(context, provider, request, answer)
    async with context.work() as work:
        if request.user_id is None:
            return await enter(context, work, provider, person, device)
        await link(context, work, provider, person)
    return None


async def _taken(context: Context, provider: Provider, answer: Mapping[str, str]) -> IdentityRequest:
    """Of many answers to one request the first; a transaction of its own, since the provider is asked after it."""
    state = answer.get(provider.state_name)
    if state is None:
        raise Required(f"The answer has no {provider.state_name}.", *_RESPONSE)
    async with context.work() as work:
        request = await work.session.scalar(
            delete(IdentityRequest)
            .where(col(IdentityRequest.hash) == hash_of(state), col(IdentityRequest.expires_at) > work.now)
            .returning(IdentityRequest)
            .execution_options(synchronize_session=False)
        )
        if request is None:
            raise Expired(_OVER, *_RESPONSE)
        work.session.expunge(request)
    return request


async def _person(context: Context, provider: Provider, request: IdentityRequest, answer: Mapping[str, str]) -> Person:
    try:
        secrets = context.parts.keyring.open(SEAL, request.secrets, request.hash)
        with answering(provider):
            return await provider.complete(answer, request.redirect_uri, secrets)
    except Unreadable:
        raise Expired(_OVER, *_RESPONSE) from None
    except Denied as denied:
        raise WrongCredentials(str(denied), *_RESPONSE) from None
    except Senseless as senseless:
        raise Invalid(str(senseless), *_RESPONSE) from None


def _read(response: Any) -> dict[str, str]:
    """The parameters, each once. Raises Invalid."""
    if (
        not isinstance(response, dict)
        or len(response) > _PARAMETERS
        or not all(_is_parameter(each) for pair in response.items() for each in pair)
    ):
        raise Invalid("The answer is an object of texts, one a parameter.", *_RESPONSE)
    return response


def _is_parameter(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= _LENGTH and text.isprintable()
