"""What is done with sessions that have begun."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import strawberry

from models.id import inside, outside
from resolvers import rates, session
from schema.auth import AuthPayload
from schema.base import Info, sent
from schema.error import Payload, mutation


@strawberry.type
class SignOutPayload(Payload):
    revoked_session_ids: list[strawberry.ID] = strawberry.field(default_factory=list)

    @classmethod
    def of(cls, ids: Iterable[UUID]) -> "SignOutPayload":
        return cls(revoked_session_ids=[strawberry.ID(outside("se", id)) for id in ids])


@strawberry.type
class RenewConnectionPayload(Payload):
    expires_at: datetime | None = strawberry.field(default=None, description="When the connection ends unless renewed.")


@strawberry.type
class SessionMutation:
    @mutation(
        "Swaps a refresh token for a new pair; left out, it is the cookie's. Sent again within 10 s it gives the same "
        "pair; used again later, it ends the session.",
        rate=rates.REFRESH,
    )
    async def refresh_session(self, info: Info, refresh_token: str | None = strawberry.UNSET) -> AuthPayload | None:
        return await AuthPayload.of(info, await session.refresh(info.context, sent(refresh_token)))

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

    @mutation("Ends all of the caller's sessions but the one that this came with.")
    async def revoke_other_sessions(self, info: Info) -> SignOutPayload | None:
        return SignOutPayload.of(await session.revoke_others(info.context))
