"""What somebody says of themselves, looked at before it is believed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from models.id import inside
from models.operation import camel
from models.refusal import Invalid, LimitReached, NotFound, Refusal, Refusals
from storage.presence import Frame, Patch

#: How many elements one can have selected, and drag.
SELECTED_LIMIT: Final = 500
FRAMES_LIMIT: Final = 200
_NUMBERS: Final = ("x", "y", "width", "height", "scale_x", "scale_y", "angle")


def read(fields: Mapping[str, Any]) -> Patch:
    """Raises Refusals of all that is wrong; what is null is cleared."""
    patch, refusals = Patch(), list[Refusal]()
    if "page_id" in fields:
        patch["page_id"] = page_id = fields["page_id"]
        if page_id is not None and inside("pg", page_id) is None:
            refusals.append(NotFound("There is no such page.", "input", "pageId"))
    if "cursor" in fields:
        cursor = fields["cursor"]
        patch["cursor"] = None if cursor is None else (cursor["x"], cursor["y"])
        refusals += _infinite(cursor or {}, "cursor")
    if "selection" in fields:
        patch["selection"] = tuple(fields["selection"] or ())
        refusals += _selection(patch["selection"])
    if "frames" in fields:
        frames = fields["frames"] or ()
        patch["frames"] = tuple(Frame(**frame) for frame in frames)
        refusals += _frames(frames)
    if refusals:
        raise Refusals(refusals)
    return patch


def _selection(ids: Sequence[str]) -> list[Refusal]:
    if len(ids) > SELECTED_LIMIT:
        return [LimitReached(f"At most {SELECTED_LIMIT} elements are selected at once.", "input", "selection")]
    return [_no_element("selection", at) for at, id in enumerate(ids) if inside("el", id) is None]


def _frames(frames: Sequence[Mapping[str, Any]]) -> list[Refusal]:
    if len(frames) > FRAMES_LIMIT:
        return [LimitReached(f"At most {FRAMES_LIMIT} elements are dragged at once.", "input", "frames")]
    refusals = list[Refusal]()
    for at, frame in enumerate(frames):
        if inside("el", frame["element_id"]) is None:
            refusals.append(_no_element("frames", at, "elementId"))
        refusals += _infinite(frame, "frames", at)
    return refusals


def _no_element(*path: str | int) -> Refusal:
    return NotFound("There is no such element.", "input", *path)


def _infinite(given: Mapping[str, Any], *path: str | int) -> list[Refusal]:
    """GraphQL's Float has no infinity, but a number in JSON can be larger than any."""
    wrong = [name for name in _NUMBERS if given.get(name) is not None and not math.isfinite(given[name])]
    return [Invalid("This is a finite number.", "input", *path, camel(name)) for name in wrong]
