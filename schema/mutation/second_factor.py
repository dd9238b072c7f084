"""The second factor: codes of an authenticator, and codes on paper."""

from typing import Final

import strawberry

from resolvers import rates, second_factor
from schema.base import Info, sent
from schema.error import Payload, mutation
from schema.mutation.book import AcknowledgePayload

_PASSWORD: Final = "Left out by those who have none: their session has to be at most 10 min old (EXPIRED)."


@strawberry.input
class DisableTwoFactorInput:
    password: str | None = strawberry.field(default=strawberry.UNSET, description=_PASSWORD)
    code: str = strawberry.field(description="Six digits, or a recovery code.")


@strawberry.type
class BeginTwoFactorPayload(Payload):
    secret: str | None = strawberry.field(default=None, description="In base 32, to be typed in; shown once.")
    uri: str | None = strawberry.field(default=None, description="otpauth://, to be shown as a QR code.")


@strawberry.type
class ConfirmTwoFactorPayload(Payload):
    recovery_codes: list[str] | None = strawberry.field(
        default=None, description="Ten, each good once in place of a code; shown once."
    )


@strawberry.type
class SecondFactorMutation:
    @mutation(
        "A secret for an authenticator (TOTP: SHA-1, six digits, 30 s), to be confirmed within 15 min. Until then "
        "nothing has changed, and beginning again gives another one. CONFLICT when the second factor is on.",
        rate=rates.FACTOR,
    )
    async def begin_two_factor(
        self, info: Info, password: str | None = strawberry.UNSET
    ) -> BeginTwoFactorPayload | None:
        shown = await second_factor.begin(info.context, sent(password))
        return BeginTwoFactorPayload(secret=shown.secret, uri=shown.uri)

    @mutation("Turns the second factor on, with the first code of its secret. Other sessions go on.", rate=rates.FACTOR)
    async def confirm_two_factor(self, info: Info, code: str) -> ConfirmTwoFactorPayload | None:
        return ConfirmTwoFactorPayload(recovery_codes=await second_factor.confirm(info.context, code))

    @mutation("Turns the second factor off, and forgets its recovery codes.", rate=rates.FACTOR)
    async def disable_two_factor(self, info: Info, input: DisableTwoFactorInput) -> AcknowledgePayload | None:
        await second_factor.disable(info.context, sent(input.password), input.code)
        return AcknowledgePayload(ok=True)

    @mutation("Ten new recovery codes; the old ones are no good any more.", rate=rates.FACTOR)
    async def regenerate_recovery_codes(
        self, info: Info, code: str, password: str | None = strawberry.UNSET
    ) -> ConfirmTwoFactorPayload | None:
        made = await second_factor.regenerate(info.context, sent(password), code)
        return ConfirmTwoFactorPayload(recovery_codes=made)
