"""Sessions, and what they are carried by."""

from datetime import datetime

import strawberry

import models
from models.session import DevicePlatform
from resolvers import access
from schema.base import Node, id_of, shows
from schema.plan.source import Composite, Computed, Row, declared, stands_for


@strawberry.type(description="What a session runs on.")
class Device:
    name: str
    platform: DevicePlatform


@stands_for(
    Row(models.Session, "se", lambda session, asked: access.session_is_seen(asked.viewer_id, asked.now, session))
)
@strawberry.type(description="One sign-in on one device, until it is signed out or expires.")
class Session(Node):
    id: strawberry.ID = id_of("se")
    ip_address: str | None = shows("Where it was begun.")
    user_agent: str | None = shows("What it was begun with.")
    created_at: datetime = shows("When it was begun.")
    last_seen_at: datetime = shows("When its tokens were last refreshed.")
    expires_at: datetime = shows("When it ends, unless its tokens are refreshed before.")

    current: bool = declared(
        Computed(lambda session, asked: session.id == asked.session_id), "Whether this request came with it."
    )
    device: Device | None = declared(
        Composite({"name": "device_name", "platform": "device_platform"}), "As it was named when the session was begun."
    )


@strawberry.type(description="What a client goes on with.")
class SessionTokens:
    access_token: str = strawberry.field(
        description="A JWT for 15 minutes: `Authorization: Bearer`, or `authorization` in connection_init."
    )
    access_token_expires_at: datetime
    refresh_token: str | None = strawberry.field(description="For `refreshSession`; good for one use.")
    refresh_token_expires_at: datetime
