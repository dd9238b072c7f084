"""Where one is."""

import strawberry

from models.id import inside
from resolvers.presence import updating
from schema.base import Info, given
from schema.error import mutation
from schema.presence import UpdatePresenceInput, UpdatePresencePayload


@strawberry.type
class PresenceMutation:
    @mutation(
        "Cursor, selection and frames of a drag. Never stored; over the rate it is dropped and ok is true, never "
        "RATE_LIMITED; the last of them always arrives. Frames of who cannot edit are FORBIDDEN at [input, frames] and "
        "the rest is taken."
    )
    async def update_presence(self, info: Info, input: UpdatePresenceInput) -> UpdatePresencePayload | None:
        fields = given(input)
        del fields["book_id"], fields["client_id"]
        await updating.update(
            info.context, book_id=inside("bk", input.book_id), client_id=input.client_id, fields=fields
        )
        return UpdatePresencePayload(ok=True)
