"""Accounts: signing up and in, passwords and addresses."""

from typing import Any

import strawberry

from models.refusal import Checks
from models.user import Language
from resolvers import rates, sign_in, user
from resolvers.address import verifying
from resolvers.password import changing, resetting
from resolvers.sign_in.steps import Given
from schema.auth import AuthPayload, DeviceInput, checked_device
from schema.base import Info, sent
from schema.error import mutation
from schema.mutation.book import AcknowledgePayload


@strawberry.input
class SignUpInput:
    name: str = strawberry.field(description="1 to 100 characters.")
    email: str
    password: str = strawberry.field(
        description="8 to 512 characters; neither one of the commonest passwords nor one's own name or address."
    )
    language: Language | None = strawberry.UNSET
    device: DeviceInput | None = strawberry.UNSET


@strawberry.input
class SignInInput:
    email: str
    password: str
    device: DeviceInput | None = strawberry.UNSET


@strawberry.input
class CompleteChallengeInput:
    challenge_token: str
    code: str | None = strawberry.field(default=strawberry.UNSET, description="Six digits, or a recovery code.")
    new_password: str | None = strawberry.field(default=strawberry.UNSET, description="For NEW_PASSWORD.")


@strawberry.input
class ResetPasswordInput:
    token: str = strawberry.field(description="Of the link in the mail.")
    new_password: str = strawberry.field(description="As for `signUp`.")
    device: DeviceInput | None = strawberry.UNSET


@strawberry.input
class ChangePasswordInput:
    current_password: str
    new_password: str = strawberry.field(description="As for `signUp`.")


@strawberry.input
class ChangeEmailInput:
    password: str
    new_email: str


@strawberry.type
class AccountMutation:
    @mutation(
        "A new account and its first session; a link to confirm the address is mailed. An address that somebody has "
        "confirmed is TAKEN, whatever its capitals.",
        rate=rates.SIGN_UP,
    )
    async def sign_up(self, info: Info, input: SignUpInput) -> AuthPayload | None:
        checks = Checks()
        outcome = await user.sign_up(
            info.context,
            name=input.name,
            email=input.email,
            password=input.password,
            language=sent(input.language),
            device=checked_device(sent(input.device), checks),
            checks=checks,
        )
        return await AuthPayload.of(info, outcome)

    @mutation(
        "A new session. An unknown address and a wrong password look alike: WRONG_CREDENTIALS. After ten within 5 min, "
        "the address is LOCKED for whoever comes from the same IP address.",
        rate=rates.SIGN_IN,
    )
    async def sign_in(self, info: Info, input: SignInInput) -> AuthPayload | None:
        device = sent(input.device)
        outcome = await sign_in.sign_in(
            info.context, email=input.email, password=input.password, device=device and device.checked()
        )
        return await AuthPayload.of(info, outcome)

    @mutation(
        "The next step of a sign-in, when `challenge` was set. A wrong code can be tried again, five times in all; "
        "the challenge token is good until the next step, and 15 min in all.",
        rate=rates.SIGN_IN,
    )
    async def complete_challenge(self, info: Info, input: CompleteChallengeInput) -> AuthPayload | None:
        given = Given(code=sent(input.code), new_password=sent(input.new_password))
        return await AuthPayload.of(info, await sign_in.go_on(info.context, input.challenge_token, given))

    @mutation(
        "Mails a link to set a new password with: good for 2 hours, once, until the next one. Always succeeds, whether "
        "the address is known or not.",
        rate=rates.MAIL,
    )
    async def request_password_reset(self, info: Info, email: str) -> AcknowledgePayload | None:
        await resetting.request(info.context, email)
        return AcknowledgePayload(ok=True)

    @mutation(
        "Sets the password by the link in a mail, confirms the address, ends all sessions, and signs in as `signIn` "
        "does: a second factor is still asked.",
        rate=rates.LINK,
    )
    async def reset_password(self, info: Info, input: ResetPasswordInput) -> AuthPayload | None:
        device = sent(input.device)
        outcome = await resetting.reset(info.context, input.token, input.new_password, device and device.checked())
        return await AuthPayload.of(info, outcome)

    @mutation(
        "Ends all other sessions. This one goes on with the tokens that it has: `tokens` is null.", rate=rates.FACTOR
    )
    async def change_password(self, info: Info, input: ChangePasswordInput) -> AuthPayload | None:
        await changing.change(info.context, input.current_password, input.new_password)
        viewer: Any = await user.again(info.context)
        return AuthPayload(viewer=viewer)

    @mutation(
        "Mails a link to the new address, good for 24 hours, and tells the one of now; nothing changes until the link "
        "is opened (`verifyEmail`).",
        rate=rates.MAIL,
    )
    async def change_email(self, info: Info, input: ChangeEmailInput) -> AcknowledgePayload | None:
        await verifying.change(info.context, input.password, input.new_email)
        return AcknowledgePayload(ok=True)

    @mutation("Mails another link to confirm the address with; nothing where it is confirmed.", rate=rates.MAIL)
    async def request_email_verification(self, info: Info) -> AcknowledgePayload | None:
        await verifying.request(info.context)
        return AcknowledgePayload(ok=True)

    @mutation(
        "Confirms an address by the link in a mail, which is good for 24 hours and once; nobody has to be signed in, "
        "and nobody is by that. TAKEN when somebody else has confirmed the address meanwhile.",
        rate=rates.LINK,
    )
    async def verify_email(self, info: Info, token: str) -> AcknowledgePayload | None:
        await verifying.verify(info.context, token)
        return AcknowledgePayload(ok=True)
