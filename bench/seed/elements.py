"""Elements of the five kinds, as the demo book has them."""

import math
from typing import Any
from uuid import UUID

import orjson

from models import ElementKind

_COLORS = ("#e63946", "#f4a261", "#ffd166", "#457b9d", "#1d3557")


def placement(number: int) -> dict[str, Any]:
    """Whole and broken numbers, as they come from people's hands."""
    return {
        "kind": "",
        "x": (number % 10) * 460.0 - 1800,
        "y": (number % 100 // 10) * 312.25 - 900,
        "width": 420.0,
        "height": 280.5,
        "angle": (number % 7 - 3) / 20,
    }


def mixed(place: int, image: UUID) -> dict[str, Any]:
    """The fields of its kind, which takes turns."""
    color = _COLORS[place % 7 % 5]
    kind = list(ElementKind)[place % 5]
    if kind is ElementKind.IMAGE:
        crop = {"x": 0.125, "y": 0, "width": 0.75, "height": 1} if place % 10 else None
        own: dict[str, Any] = {"image_id": image, "crop": crop and orjson.dumps(crop).decode(), "corner_radius": 8.0}
    elif kind is ElementKind.TEXT:
        return text(f"The sea, the sea, it said {place} times. ", 60)
    elif kind is ElementKind.RECTANGLE:
        own = {"fill": color, "stroke": None, "stroke_width": 1.0, "corner_radius": 3.0}
    elif kind is ElementKind.CIRCLE:
        own = {"fill": color, "stroke": "#f4a261", "stroke_width": 6.0}
    else:
        wave = [{"x": float(x), "y": round(14 * math.sin(x / 24), 3)} for x in range(-60, 61, 24)]
        own = {"points": orjson.dumps(wave).decode(), "stroke": color, "stroke_width": 5.5}
    return {"kind": kind.value, **own}


def text(words: str, length: int) -> dict[str, Any]:
    """A text of about that many characters."""
    content = (words * (length // len(words) + 1))[:length]
    own = {"content": content, "font_size": 64.0, "color": "#1d3557", "align": "CENTER"}
    return {"kind": ElementKind.TEXT.value, **own}
