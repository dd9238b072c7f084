"""What is told of who is in a book, and what they say of themselves."""

from datetime import datetime
from typing import Annotated, Any, Self, Union
from uuid import UUID

import strawberry

from models import Role
from models.id import outside
from resolvers.presence.changes import FRAMES_LIMIT, SELECTED_LIMIT
from resolvers.presence.room import PRESENT_LIMIT
from resolvers.presence.watcher import Left, Snapshot, Told
from schema.element import Point
from schema.error import Payload
from schema.operation import PointInput
from schema.plan.source import capped
from schema.presence.people import People
from schema.user import User
from storage.presence import State

UNSET: Any = strawberry.UNSET


@strawberry.type(description="Where an element is while it is being dragged.")
class ElementFrame:
    element_id: strawberry.ID
    x: float
    y: float
    width: float | None
    height: float | None
    scale_x: float | None
    scale_y: float | None
    angle: float | None


@strawberry.type(description="One connection of one person to a book.")
class Presence:
    id: strawberry.ID
    user: User
    role: Role
    page_id: strawberry.ID | None
    cursor: Point | None
    selection: list[strawberry.ID]
    frames: list[ElementFrame]
    joined_at: datetime

    @classmethod
    def of(cls, state: State) -> Self:
        person: Any = _Person(state.user_id)
        page, selected, frames = state.page_id, state.selection, state.frames
        return cls(
            id=strawberry.ID(outside("pr", state.id)),
            user=person,
            role=Role(state.role),
            page_id=None if page is None else strawberry.ID(page),
            cursor=None if state.cursor is None else Point(x=state.cursor[0], y=state.cursor[1]),
            selection=[strawberry.ID(id) for id in selected],
            frames=[ElementFrame(**frame._asdict()) for frame in frames],
            joined_at=state.joined_at,
        )


@strawberry.type(description="Everybody who is there; what was told before is to be forgotten. More may come later.")
class PresenceSnapshot:
    self_id: strawberry.ID = strawberry.field(description="The id of this very connection.")
    present: list[Presence] = strawberry.field(
        description=f"Oneself too; at most {PRESENT_LIMIT}.", metadata=capped(PRESENT_LIMIT, "book")
    )


@strawberry.type(description="Joined, or moved, or has another role. One hears of oneself only what others did.")
class PresenceUpdated:
    presence: Presence


@strawberry.type
class PresenceLeft:
    id: strawberry.ID


PresenceEvent = Annotated[
    Union[PresenceSnapshot, PresenceUpdated, PresenceLeft],  # noqa: UP007
    strawberry.union("PresenceEvent"),
]


@strawberry.input(description="Where an element is while it is being dragged; nothing is saved until applyOperations.")
class ElementFrameInput:
    element_id: strawberry.ID
    x: float
    y: float
    width: float | None = UNSET
    height: float | None = UNSET
    scale_x: float | None = UNSET
    scale_y: float | None = UNSET
    angle: float | None = UNSET


@strawberry.input(description="What is left out stays as it is, and null clears it.")
class UpdatePresenceInput:
    book_id: strawberry.ID
    client_id: str = strawberry.field(description="The one that `presence` was subscribed with.")
    page_id: strawberry.ID | None = UNSET
    cursor: PointInput | None = UNSET
    selection: list[strawberry.ID] | None = strawberry.field(default=UNSET, description=f"At most {SELECTED_LIMIT}.")
    frames: list[ElementFrameInput] | None = strawberry.field(default=UNSET, description=f"At most {FRAMES_LIMIT}.")


@strawberry.type
class UpdatePresencePayload(Payload):
    ok: bool = False


class _Person:
    """A row, by its id alone."""

    def __init__(self, id: UUID) -> None:
        self.id = id


def told_as(told: Told, people: People) -> PresenceSnapshot | PresenceUpdated | PresenceLeft | None:
    """None for what nobody is to see."""
    if isinstance(told, Left):
        return PresenceLeft(id=strawberry.ID(outside("pr", told.id)))
    if isinstance(told, Snapshot):
        return PresenceSnapshot(
            self_id=strawberry.ID(outside("pr", told.self_id)),
            present=[Presence.of(state) for state in told.present if people.sees(state)],
        )
    return PresenceUpdated(presence=Presence.of(told.presence)) if people.sees(told.presence) else None
