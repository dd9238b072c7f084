"""Coming in with a login at another provider."""

from typing import Annotated, Any, Final

import strawberry

from models.id import inside
from resolvers import rates, user
from resolvers.identity import arriving, departing, unlinking
from schema.auth import AuthPayload, DeviceInput
from schema.base import JSON, Info, sent
from schema.error import Payload, mutation
from schema.mutation.book import AcknowledgePayload

_PASSWORD: Final = "Left out by those who have none: their session has to be at most 10 min old (EXPIRED)."


@strawberry.input
class CompleteIdentityInput:
    provider: str = strawberry.field(description="The same as at the beginning.")
    response: JSON = strawberry.field(
        description="All parameters of the provider's answer: code and state, or SAMLart and RelayState."
    )
    device: DeviceInput | None = strawberry.UNSET


@strawberry.type
class BeginIdentityPayload(Payload):
    authorization_url: str | None = strawberry.field(
        default=None,
        description="To open in the browser. Keep its `state`, and complete nothing that comes back with another one.",
    )


@strawberry.type
class IdentityMutation:
    @mutation(
        "Sets out for a provider: within 10 min it sends the browser back to `redirectUri`, a page of this house or "
        "an address of an app that it knows (else INVALID). A user who is signed in links the login to their account, "
        "and needs their password; a guest or nobody signs in with it, or up.",
        rate=rates.START,
    )
    async def begin_identity_sign_in(
        self,
        info: Info,
        provider: str,
        redirect_uri: str,
        password: Annotated[str | None, strawberry.argument(description=_PASSWORD)] = strawberry.UNSET,
    ) -> BeginIdentityPayload | None:
        url = await departing.begin(info.context, provider, redirect_uri, sent(password))
        return BeginIdentityPayload(authorization_url=url)

    @mutation(
        "Comes back from a provider, with the session (or without one) that set out. Each answer is good once: after "
        "any error but UNAUTHENTICATED begin anew. Where it was to be linked, `tokens` is null. TAKEN when the login "
        "or its address is another account's.",
        rate=rates.SIGN_IN,
    )
    async def complete_identity_sign_in(self, info: Info, input: CompleteIdentityInput) -> AuthPayload | None:
        device = sent(input.device)
        outcome = await arriving.complete(info.context, input.provider, input.response, device and device.checked())
        if outcome is None:
            viewer: Any = await user.again(info.context)
            return AuthPayload(viewer=viewer)
        return await AuthPayload.of(info, outcome)

    @mutation("Takes a login away from the account; CONFLICT for its only way in. Sessions go on.", rate=rates.FACTOR)
    async def unlink_identity(
        self,
        info: Info,
        id: strawberry.ID,
        password: Annotated[str | None, strawberry.argument(description=_PASSWORD)] = strawberry.UNSET,
    ) -> AcknowledgePayload | None:
        await unlinking.unlink(info.context, inside("io", id), sent(password))
        return AcknowledgePayload(ok=True)
