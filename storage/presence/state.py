"""What is known of one who is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

import orjson


class Frame(NamedTuple):
    """Where an element is while it is dragged. In JSON without its names, or two hundred would be too long."""

    element_id: str
    x: float
    y: float
    width: float | None = None
    height: float | None = None
    scale_x: float | None = None
    scale_y: float | None = None
    angle: float | None = None


class Patch(TypedDict, total=False):
    """What one changes of their own; what is not in it stays as it is."""

    page_id: str | None
    cursor: tuple[float, float] | None
    selection: tuple[str, ...]
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class State:
    id: UUID
    user_id: UUID
    role: str
    joined_at: datetime
    #: The generation rises with each connection that takes it over, the count with each change: the higher is newer.
    version: tuple[int, int] = (1, 0)
    page_id: str | None = None
    cursor: tuple[float, float] | None = None
    selection: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = ()

    def with_(self, patch: Patch) -> State:
        return replace(self, **patch)

    def shows_as(self, other: State) -> bool:
        """Whether nobody could tell them apart."""
        return replace(self, version=other.version) == other

    def json(self) -> str:
        """All but the id and the version, which Redis has to understand."""
        return orjson.dumps(
            {
                "user": self.user_id,
                "role": self.role,
                "joined": self.joined_at,
                "page": self.page_id,
                "cursor": self.cursor,
                "selection": self.selection,
                "frames": self.frames,
            },
            default=tuple,
        ).decode()

    @classmethod
    def of(cls, id: str, generation: str, count: str, json: str) -> State:
        """Raises ValueError or KeyError for what is none."""
        told: dict[str, Any] = orjson.loads(json)
        return cls(
            UUID(id),
            UUID(told["user"]),
            told["role"],
            datetime.fromisoformat(told["joined"]),
            (int(generation), int(count)),
            **patch_of(told),
        )


def patch_of(told: dict[str, Any]) -> Patch:
    """What JSON tells of a change. Raises ValueError, TypeError or KeyError for what is none."""
    patch: Patch = {}
    if "page" in told:
        patch["page_id"] = told["page"]
    if "cursor" in told:
        patch["cursor"] = None if told["cursor"] is None else (told["cursor"][0], told["cursor"][1])
    if "selection" in told:
        patch["selection"] = tuple(told["selection"])
    if "frames" in told:
        patch["frames"] = tuple(Frame(*frame) for frame in told["frames"])
    return patch


def patch_json(patch: Patch) -> str:
    named = {"page" if name == "page_id" else name: value for name, value in patch.items()}
    return orjson.dumps(named, default=tuple).decode()
