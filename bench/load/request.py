"""What is asked over HTTP, for us and for wrk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

#: Stand in variables for what is new in every request; in this order.
X, Y, WORD = "@x", "@y", "@word"
_PLACES: Final = ((f'"{X}"', "%d.5"), (f'"{Y}"', "%d.25"), (f'"{WORD}"', '"%s"'))


@dataclass(frozen=True)
class Request:
    """One request; `body` may have X, Y and WORD in it."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    def filled(self, x: float, y: float, word: str) -> Any:
        """The body with these in its places."""
        text = orjson.dumps(self.body).decode()
        for (place, _), value in zip(_PLACES, (x, y, word), strict=True):
            text = text.replace(place, orjson.dumps(value).decode())
        return orjson.loads(text)

    def lua(self) -> str:
        """As wrk.lua reads it."""
        headers = ", ".join(f"[ {_quoted(name)} ] = {_quoted(value)}" for name, value in self.headers.items())
        fields = f"method = {_quoted(self.method)}, path = {_quoted(self.path)}, headers = {{{headers}}}"
        if self.body is None:
            return f"{{{fields}}}"
        text = orjson.dumps(self.body).decode()
        if f'"{X}"' not in text:
            return f"{{{fields}, body = {_quoted(text)}}}"
        text = text.replace("%", "%%")
        for place, form in _PLACES:
            text = text.replace(place, form)
        return f"{{{fields}, body = {_quoted(text)}, places = true}}"


def lua_of(requests: Sequence[Request], must: str) -> str:
    """The file of all requests, asked for in turn; `must` stands in every good answer."""
    lines = "".join(f"{one.lua()},\n" for one in requests)
    return f"return {{\nmust = {_quoted(must)},\n{lines}}}\n"


def _quoted(text: str) -> str:
    return f"[==[{text}]==]"
