"""What those who look after the house do to accounts."""

import strawberry

from models.id import inside
from resolvers import administration, rates
from schema.base import Info
from schema.error import mutation
from schema.mutation.book import AcknowledgePayload


@strawberry.type
class AdministrationMutation:
    @mutation(
        "Disables somebody's account, whose sessions end at once, or enables it; either can be repeated. FORBIDDEN "
        "without the permission auth:user:activate, CONFLICT for one's own.",
        rate=rates.ADMINISTER,
    )
    async def set_user_active(self, info: Info, user_id: strawberry.ID, active: bool) -> AcknowledgePayload | None:
        await administration.set_active(info.context, inside("us", user_id), active=active)
        return AcknowledgePayload(ok=True)
