"""What happened to the viewer's account."""

from datetime import datetime

import strawberry

import models
from resolvers import access
from schema.base import Node, id_of, shows
from schema.connection import Connection
from schema.plan.source import Row, stands_for


@stands_for(Row(models.SecurityEvent, "sy", lambda event, asked: access.security_event_is_seen(asked.viewer_id, event)))
@strawberry.type(
    description="Something that happened to the viewer's account: sign-ins, failures, resets, changed factors, "
    "revocations. Kept for a year."
)
class SecurityEvent(Node):
    id: strawberry.ID = id_of("sy")
    kind: str = shows("Such as SIGNED_IN, SIGN_IN_FAILED or PASSWORD_CHANGED; there will be more.")
    at: datetime = shows("When it happened.")
    ip_address: str | None = shows("Where it came from.")
    user_agent: str | None = shows("What it came with.")


@strawberry.type
class SecurityEventConnection(Connection[SecurityEvent]):
    pass
