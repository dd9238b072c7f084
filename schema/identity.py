"""Logins at other providers."""

from datetime import datetime

import strawberry

import models
from resolvers import access
from schema.base import Node, id_of, shows
from schema.plan.source import Row, stands_for


@stands_for(Row(models.Identity, "io", lambda identity, asked: access.identity_is_seen(asked.viewer_id, identity)))
@strawberry.type(description="A login at another provider (OpenID Connect, SAML).")
class Identity(Node):
    id: strawberry.ID = id_of("io")
    provider: str = shows("As `beginIdentitySignIn` calls it.")
    label: str = shows("What its user knows it by there: an address, or a name.")
    created_at: datetime = shows("When it was linked.")
