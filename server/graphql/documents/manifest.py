"""The documents that a deployment trusts, as the tools of its clients write them down.

Apollo's `generate-persisted-query-manifest`, and the plain object of Relay's and GraphQL Code Generator's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

#: Bytes; a thousand documents are one or two million. Each takes some 200 times its length in memory.
_MANIFEST_LIMIT: Final = 8 * 2**20
_APOLLO: Final = "apollo-persisted-query-manifest"


class ManifestRefused(Exception):
    """The manifest cannot be used; the message is one line for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """A document that may be asked for, by this id."""

    id: str
    text: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else self.id


def read(path: Path) -> list[Trusted]:
    """The documents of a manifest; raises ManifestRefused."""
    try:
        if path.stat().st_size > _MANIFEST_LIMIT:
            raise ManifestRefused(f"{path} has more than {_MANIFEST_LIMIT} bytes.")
        told = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ManifestRefused(f"{path} cannot be read: {error.strerror}.") from None
    except orjson.JSONDecodeError as error:
        raise ManifestRefused(f"{path} is not JSON: {error}.") from None
    documents = _apollo(told) if isinstance(told, dict) and "operations" in told else _plain(told)
    if not documents:
        raise ManifestRefused(f"{path} holds no documents.")
    return documents


def _apollo(told: dict[str, object]) -> list[Trusted]:
    if told.get("format") != _APOLLO or told.get("version") != 1:
        raise ManifestRefused(f"A manifest with `operations` has the format {_APOLLO}, version 1.")
    operations = told["operations"]
    if not isinstance(operations, list):
        raise ManifestRefused("`operations` is a list.")
    documents = []
    for number, each in enumerate(operations, 1):
        id, text, name = (each.get(key) for key in ("id", "body", "name")) if isinstance(each, dict) else (None,) * 3
        if not isinstance(id, str) or not isinstance(text, str) or not isinstance(name, str | None):
            raise ManifestRefused(f"Operation {number} is an object with the texts `id`, `body` and `name`.")
        documents.append(Trusted(id, text, name))
    return documents


def _plain(told: object) -> list[Trusted]:
    if not isinstance(told, dict) or not all(isinstance(text, str) for text in told.values()):
        raise ManifestRefused("A manifest is an object of ids and documents, or Apollo's with `operations`.")
    return [Trusted(id, text) for id, text in told.items()]
