"""Guests, and what people do with their own account."""

from typing import Any

import strawberry

from models.refusal import Checks
from models.user import Language
from resolvers import leaving, rates, viewer
from resolvers.guest import arriving
from schema.auth import AuthPayload, DeviceInput, checked_device
from schema.base import Info, given, sent
from schema.error import Payload, mutation
from schema.mutation.book import AcknowledgePayload
from schema.user import Viewer


@strawberry.input
class GuestInput:
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="1 to 100 characters; left out, it is Guest in their language."
    )
    language: Language | None = strawberry.UNSET
    device: DeviceInput | None = strawberry.UNSET


@strawberry.input
class UpdateViewerInput:
    name: str | None = strawberry.field(default=strawberry.UNSET, description="1 to 100 characters.")
    language: Language | None = strawberry.UNSET


@strawberry.type
class UpdateViewerPayload(Payload):
    viewer: Viewer | None = None


@strawberry.type
class ViewerMutation:
    @mutation(
        "A guest: a full user with no way back in but its tokens, until it signs up or in over them. CONFLICT for who "
        "is one already.",
        rate=rates.GUEST,
    )
    async def sign_in_as_guest(self, info: Info, input: GuestInput | None = strawberry.UNSET) -> AuthPayload | None:
        asked, checks = sent(input) or GuestInput(), Checks()
        outcome = await arriving.arrive(
            info.context,
            name=sent(asked.name),
            language=sent(asked.language),
            device=checked_device(sent(asked.device), checks),
            checks=checks,
        )
        return await AuthPayload.of(info, outcome)

    @mutation(
        "The caller's name and language. Others see a new name when they read it anew: there is no event of it.",
        rate=rates.CHANGE,
    )
    async def update_viewer(self, info: Info, input: UpdateViewerInput) -> UpdateViewerPayload | None:
        changed: Any = await viewer.update(info.context, given(input))
        return UpdateViewerPayload(viewer=changed)

    @mutation(
        "Erases the caller's account, at once and for good: their books that nobody else belongs to go, what they gave "
        "to others' books stays without a name. It takes the password, or, where there is none, a session that began "
        "within 10 min; a guest needs neither. CONFLICT for each book with other members and no other owner.",
        rate=rates.FACTOR,
    )
    async def delete_viewer(self, info: Info, password: str | None = strawberry.UNSET) -> AcknowledgePayload | None:
        await leaving.leave(info.context, sent(password))
        return AcknowledgePayload(ok=True)
