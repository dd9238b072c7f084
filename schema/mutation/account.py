"""Accounts and sessions."""

from datetime import datetime
from typing import Any

import strawberry

from models.id import inside, outside
from models.refusal import Required
from models.session import DevicePlatform
from models.user import Language, checked_name
from resolvers import session, user
from resolvers.session import Tokens
from schema.base import Info, sent
from schema.error import Payload, mutation
from schema.session import SessionTokens
from schema.user import Viewer


@strawberry.input(description="What the session runs on, as its user would call it.")
class DeviceInput:
    name: str = strawberry.field(description="1 to 100 characters.")
    platform: DevicePlatform

    def checked(self) -> session.Device:
        return session.Device(checked_name(self.name, "input", "device", "name"), self.platform)


@strawberry.input
class SignUpInput:
    name: str = strawberry.field(description="1 to 100 characters.")
    email: str
    password: str = strawberry.field(description="8 to 512 characters.")
    language: Language | None = strawberry.UNSET
    device: DeviceInput | None = strawberry.UNSET


@strawberry.input
class SignInInput:
    email: str
    password: str
    device: DeviceInput | None = strawberry.UNSET


@strawberry.type
class AuthPayload(Payload):
    tokens: SessionTokens | None = None
    viewer: Viewer | None = None

    @classmethod
    async def of(cls, info: Info, tokens: Tokens) -> "AuthPayload":
        """The answer reads as the one who has just come in."""
        viewer: Any = await user.enter(info.context, tokens)
        return cls(
            tokens=SessionTokens(
                access_token=tokens.access_token,
                access_token_expires_at=tokens.access_token_expires_at,
                refresh_token=tokens.refresh_token,
                refresh_token_expires_at=tokens.refresh_token_expires_at,
            ),
            viewer=viewer,
        )


@strawberry.type
class SignOutPayload(Payload):
    revoked_session_ids: list[strawberry.ID] = strawberry.field(default_factory=list)

    @classmethod
    def of(cls, ids: list[Any]) -> "SignOutPayload":
        return cls(revoked_session_ids=[strawberry.ID(outside("se", id)) for id in ids])


@strawberry.type
class RenewConnectionPayload(Payload):
    expires_at: datetime | None = strawberry.field(default=None, description="When the connection ends unless renewed.")


@strawberry.type
class AccountMutation:
    @mutation("A new account and its first session. One account an address, whatever its capitals: TAKEN.")
    async def sign_up(self, info: Info, input: SignUpInput) -> AuthPayload | None:
        device = sent(input.device)
        tokens = await user.sign_up(
            info.context,
            name=input.name,
            email=input.email,
            password=input.password,
            language=sent(input.language),
            device=device and device.checked(),
        )
        return await AuthPayload.of(info, tokens)

    @mutation("A new session. An unknown address and a wrong password look alike: WRONG_CREDENTIALS.")
    async def sign_in(self, info: Info, input: SignInInput) -> AuthPayload | None:
        device = sent(input.device)
        tokens = await user.sign_in(
            info.context, email=input.email, password=input.password, device=device and device.checked()
        )
        return await AuthPayload.of(info, tokens)

    @mutation(
        "Swaps a refresh token for a new pair. Sent again within 10 s it gives the same pair; used again later, "
        "it ends the session."
    )
    async def refresh_session(self, info: Info, refresh_token: str | None = strawberry.UNSET) -> AuthPayload | None:
        token = sent(refresh_token)
        if token is None:
            raise Required("A refresh token is needed.", "refreshToken")
        return await AuthPayload.of(info, await session.refresh(info.context, token))

    @mutation(
        "Puts a fresh access token of the same session on the websocket that carries this mutation; its subscriptions "
        "go on."
    )
    async def renew_connection(self, info: Info, access_token: str) -> RenewConnectionPayload | None:
        return RenewConnectionPayload(expires_at=session.renew(info.context, access_token))

    @mutation("Ends the caller's session: its tokens stop working, its sockets are closed with 4401.")
    async def sign_out(self, info: Info) -> SignOutPayload | None:
        return SignOutPayload.of(await session.end(info.context))

    @mutation("Ends one of the caller's sessions.")
    async def revoke_session(self, info: Info, id: strawberry.ID) -> SignOutPayload | None:
        return SignOutPayload.of(await session.revoke(info.context, inside("se", id)))
