"""What names a document instead of its text, or beside it.

https://www.apollographql.com/docs/apollo-server/performance/apq and the appendix on persisted documents of
https://github.com/graphql/graphql-over-http.
"""

from models.refusal import Refusal
from server.graphql.asked import Asked, Malformed


class PersistedQueryNotFound(Refusal):
    """The client sends the text along, then. Apollo's clients know it by these very words."""

    code = "PERSISTED_QUERY_NOT_FOUND"
    outermost = True

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class PersistedQueryNotSupported(Refusal):
    """The client sends texts from now on."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"
    outermost = True

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")


def named(asked: Asked) -> str | None:
    """The id that a request gives; raises Malformed, and PersistedQueryNotSupported for another protocol."""
    if asked.document_id is not None:
        return plain(asked.document_id)
    persisted = (asked.extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or not isinstance(persisted.get("sha256Hash"), str):
        raise Malformed("`persistedQuery` is an object with a `version` and a `sha256Hash`.")
    version = persisted.get("version")
    if version != 1 or isinstance(version, bool):
        raise PersistedQueryNotSupported
    return str(persisted["sha256Hash"])


def plain(id: str) -> str:
    """An id without the prefix that says how it was made."""
    return id.removeprefix("sha256:")
