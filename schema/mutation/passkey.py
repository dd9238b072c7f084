"""Passkeys: added, removed, and signed in with."""

from typing import Annotated, Any, Final, cast

import strawberry

from models.id import inside
from resolvers import passkey, rates
from schema.auth import AuthPayload, DeviceInput
from schema.base import JSON, Info, sent
from schema.error import Payload, mutation
from schema.mutation.book import AcknowledgePayload
from schema.passkey import Passkey

_Password = Annotated[
    str | None,
    strawberry.argument(
        description="Left out by those who have none: their session has to be at most 10 min old (EXPIRED)."
    ),
]
_CREDENTIAL: Final = "What the browser gave: `credential.toJSON()`."
_Credential = Annotated[JSON, strawberry.argument(description=_CREDENTIAL)]


@strawberry.type
class PasskeyOptionsPayload(Payload):
    options: JSON | None = strawberry.field(
        default=None,
        description="For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`. "
        "Good for 5 min and one answer.",
    )


@strawberry.type
class PasskeyPayload(Payload):
    passkey: Passkey | None = None


@strawberry.type
class PasskeyMutation:
    @mutation(
        "What `navigator.credentials.create` is asked for. Beginning again ends what the session had begun. At most 20 "
        "passkeys (LIMIT_REACHED).",
        rate=rates.FACTOR,
    )
    async def begin_passkey_registration(
        self,
        info: Info,
        password: _Password = strawberry.UNSET,
        code: Annotated[
            str | None,
            strawberry.argument(description="Six digits, or a recovery code; of those who have a second factor."),
        ] = strawberry.UNSET,
    ) -> PasskeyOptionsPayload | None:
        options: Any = await passkey.begin_registration(info.context, sent(password), sent(code))
        return PasskeyOptionsPayload(options=options)

    @mutation(
        "Adds the passkey that was made with these options, in the session that began. TAKEN when it is somebody's.",
        rate=rates.FACTOR,
    )
    async def complete_passkey_registration(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="1 to 100 characters, to know it by.")],
        credential: _Credential,
    ) -> PasskeyPayload | None:
        made = await passkey.register(info.context, name, credential)
        return PasskeyPayload(passkey=cast(Any, made))

    @mutation(
        "Removes a passkey of the caller; the last way into an account stays (CONFLICT). Sessions go on.",
        rate=rates.FACTOR,
    )
    async def delete_passkey(
        self, info: Info, id: strawberry.ID, password: _Password = strawberry.UNSET
    ) -> AcknowledgePayload | None:
        await passkey.remove(info.context, inside("pk", id), sent(password))
        return AcknowledgePayload(ok=True)

    @mutation(
        "What `navigator.credentials.get` is asked for: whatever passkey the person chooses or, with an address, one "
        "of theirs. Whether there is an account is not told: an unknown address has a passkey too, which nobody has.",
        rate=rates.START,
    )
    async def begin_passkey_sign_in(
        self, info: Info, email: str | None = strawberry.UNSET
    ) -> PasskeyOptionsPayload | None:
        options: Any = await passkey.begin_sign_in(info.context, sent(email))
        return PasskeyOptionsPayload(options=options)

    @mutation(
        "A new session, by a passkey that has verified its user: no code is asked. FORBIDDEN for a passkey that may "
        "have been copied.",
        rate=rates.SIGN_IN,
    )
    async def complete_passkey_sign_in(
        self, info: Info, credential: _Credential, device: DeviceInput | None = strawberry.UNSET
    ) -> AuthPayload | None:
        on = sent(device)
        return await AuthPayload.of(info, await passkey.sign_in(info.context, credential, on and on.checked("device")))
