"""Sessions, and what they are carried by."""

from datetime import datetime
from typing import Any

import strawberry

import models
from models.session import DevicePlatform
from schema.base import Info, Node, id_of, shows


@strawberry.type(description="What a session runs on.")
class Device:
    name: str
    platform: DevicePlatform


@strawberry.type(description="One sign-in on one device, until it is signed out or expires.")
class Session(Node):
    id: strawberry.ID = id_of("se")
    ip_address: str | None = shows("Where it was begun.")
    user_agent: str | None = shows("What it was begun with.")
    created_at: datetime = shows("When it was begun.")
    last_seen_at: datetime = shows("When its tokens were last refreshed.")
    expires_at: datetime = shows("When it ends, unless its tokens are refreshed before.")

    @classmethod
    def is_type_of(cls, obj: Any, info: Info) -> bool:
        return isinstance(obj, models.Session)

    @strawberry.field(description="Whether this request came with it.")
    def current(root: strawberry.Parent[models.Session], info: Info) -> bool:
        return root.id == info.context.viewer.session_id

    @strawberry.field(description="As it was named when the session was begun.")
    def device(root: strawberry.Parent[models.Session]) -> Device | None:
        if root.device_name is None or root.device_platform is None:
            return None
        return Device(name=root.device_name, platform=DevicePlatform(root.device_platform))


@strawberry.type(description="What a client goes on with.")
class SessionTokens:
    access_token: str = strawberry.field(
        description="A JWT for 15 minutes: `Authorization: Bearer`, or `authorization` in connection_init."
    )
    access_token_expires_at: datetime
    refresh_token: str | None = strawberry.field(description="For `refreshSession`; good for one use.")
    refresh_token_expires_at: datetime
