"""What a client asks, over either transport, once its JSON has been looked through."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from models.refusal import BadUserInput
from server.graphql.limits import Limits

_NESTING = (dict, list)

# Not behind an odd backslash, which would make it the text of an escape rather than one.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")


class Malformed(BadUserInput):
    """A request that is not one; over HTTP it is answered with this status."""

    def __init__(self, message: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def decode(text: bytes | str, limits: Limits) -> object:
    """The JSON of a client; raises Malformed.

    Lone surrogates, other encodings than UTF-8 and endless nesting are among what is not JSON here.
    """
    brackets = text.count(b"[") + text.count(b"{") if isinstance(text, bytes) else text.count("[") + text.count("{")
    if brackets > limits.json_brackets:
        raise Malformed(f"Send at most {limits.json_brackets} lists and objects.")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Malformed("Send JSON in UTF-8.") from None


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a GraphQL request."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None

    @classmethod
    def of(cls, data: object) -> "Asked":
        """Raises Malformed where a parameter is of another type than the protocols say."""
        if not isinstance(data, dict):
            raise Malformed("Send one JSON object; batches are not answered.")
        query = data.get("query")
        if not isinstance(query, str):
            raise Malformed("`query` is the text of a GraphQL document.")
        operation_name = data.get("operationName")
        if not isinstance(operation_name, str | None):
            raise Malformed("`operationName` is a string or null.")
        for name in ("variables", "extensions"):
            if not isinstance(data.get(name), dict | None):
                raise Malformed(f"`{name}` is an object or null.")
        return cls(query, data.get("variables"), operation_name or None, data.get("extensions"))

    def within(self, limits: Limits) -> "Asked":
        """Itself; raises Malformed where variables are nested too deeply or hold what no text may."""
        if not self.variables:
            return self
        level: list[Any] = [self.variables]
        longest = dict(limits.long_lists)
        for _ in range(limits.variables_depth):
            inner = [item for each in level if type(each) is list for item in each if type(item) in _NESTING]
            named = (pair for each in level if type(each) is dict for pair in each.items())
            for name, item in named:
                if type(item) is list and len(item) > longest.get(name, limits.list_items):
                    raise Malformed(f"A list among the variables has at most {limits.list_items} items.")
                if type(item) in _NESTING:
                    inner.append(item)
            level = inner
        if level:
            raise Malformed(f"Variables nest at most {limits.variables_depth} deep.")
        # Postgres has no NUL in its texts. Found in their JSON, which takes a tenth of the time of a walk.
        if _NUL.search(orjson.dumps(self.variables)):
            raise Malformed("Variables hold no NUL characters.")
        return self
