"""Anything that has an id."""

from typing import Final
from uuid import UUID

from models.id import inside, kind_of
from models.refusal import BadUserInput

IDS_LIMIT: Final = 100


def known(ids: list[str]) -> list[tuple[str | None, UUID | None]]:
    """What each id says: the kind of thing, and which; nothing where it is no id. Raises BadUserInput over 100."""
    if len(ids) > IDS_LIMIT:
        raise BadUserInput(f"At most {IDS_LIMIT} ids at once.")
    kinds = [kind_of(id) for id in ids]
    return [(kind, inside(kind, id) if kind else None) for kind, id in zip(kinds, ids, strict=True)]
