"""Passkeys."""

from datetime import datetime

import strawberry

import models
from resolvers import access
from schema.base import Node, id_of, shows
from schema.plan.source import Computed, Row, declared, stands_for


@stands_for(Row(models.Passkey, "pk", lambda passkey, asked: access.passkey_is_seen(asked.viewer_id, passkey)))
@strawberry.type(description="A key on the viewer's devices that they sign in with (WebAuthn).")
class Passkey(Node):
    id: strawberry.ID = id_of("pk")
    name: str = shows("1 to 100 characters.")
    created_at: datetime = shows("When it was added.")
    last_used_at: datetime | None = shows("When it was last signed in with.")
    suspended: bool = declared(
        Computed(lambda passkey, asked: passkey.suspended_at.is_not(None)),
        "It was used as only a copy of it would be, and is no good since: to be removed.",
    )
