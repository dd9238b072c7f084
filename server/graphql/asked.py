"""What a client asks, over either transport, once its JSON has been looked through."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from models.refusal import BadUserInput
from server.graphql.limits import Limits

_NESTING = (dict, list)
_OPTIONAL = {
    "operationName": (str, "a string"),
    "documentId": (str, "a string"),
    "variables": (dict, "an object"),
    "extensions": (dict, "an object"),
}

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
        raise Malformed("Send valid JSON, in UTF-8.") from None


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a GraphQL request."""

    #: None where the document is named instead: by its id, or in `extensions.persistedQuery`.
    query: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None
    document_id: str | None = None

    @classmethod
    def of(cls, data: object) -> "Asked":
        """Raises Malformed where a parameter is of another type than the protocols say."""
        if not isinstance(data, dict):
            raise Malformed("Send one JSON object; batches are not answered.")
        for name, (kind, called) in _OPTIONAL.items():
            value = data.get(name)
            if value is not None and not isinstance(value, kind):
                raise Malformed(f"`{name}` is {called} or null.")
        query, document_id, extensions = data.get("query"), data.get("documentId"), data.get("extensions")
        if not query and (document_id is not None or (extensions and "persistedQuery" in extensions)):
            # Some clients that name a document send its text all the same, as null or empty.
            query = None
        elif not isinstance(query, str):
            raise Malformed("`query` is the text of a GraphQL document.")
        return cls(query, data.get("variables"), data.get("operationName") or None, extensions, document_id)

    def within(self, limits: Limits, source: bytes | None = None) -> "Asked":
        """Itself; raises Malformed where variables are nested too deeply or hold what no text may.

        `source` is the JSON that it was made from, where that is at hand.
        """
        if not self.variables or (_is_small(source, limits) if source else _are_plain(self.variables)):
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
        if (source is None or b"\\u0000" in source) and _NUL.search(orjson.dumps(self.variables)):
            raise Malformed("Variables hold no NUL characters.")
        return self


def _is_small(source: bytes, limits: Limits) -> bool:
    """Whether there is no need to look: its brackets nest no deeper, its bytes hold no longer list, and no NUL."""
    nested = source.count(b"{") + source.count(b"[")
    return nested <= limits.variables_depth and len(source) <= 2 * limits.list_items and b"\\u0000" not in source


def _are_plain(variables: dict[str, Any]) -> bool:
    """Whether none of them is nested, and none holds a NUL."""
    for name, value in variables.items():
        if (type(value) is str and "\0" in value) or type(value) in _NESTING or "\0" in name:
            return False
    return True
