"""What a subscription makes of a book's events: the same for all who ask alike."""

from collections.abc import Hashable
from enum import IntEnum
from typing import Protocol

from resolvers.answer import Fetch
from resolvers.context import Context


class Depends(IntEnum):
    """On what of the viewer an answer depends; each on more than the one before."""

    NOTHING = 0
    #: Whether they belong to the book.
    MEMBERSHIP = 1
    #: Who they are.
    VIEWER = 2


class Unshared(Exception):
    """An event that only the ordinary way can tell, for each viewer by themselves: it goes on after this place."""

    def __init__(self, after: int | None = None, epoch: str | None = None) -> None:
        super().__init__()
        self.after = after
        #: Empty for a journal that has ended.
        self.epoch = epoch


class Projection(Protocol):
    """One selection of events, with the variables that matter below the subscription's field."""

    @property
    def key(self) -> Hashable:
        """Equal where answers are."""

    @property
    def is_personal(self) -> bool:
        """Whether some answers depend on who the viewer is."""

    def check(self, context: Context) -> None:
        """Raises Unshared where the ordinary way is to say what is wrong with it."""

    def depends(self, kind: str) -> Depends:
        """Of the answers for events of this kind."""

    async def tell(self, fetch: Fetch, kind: str, rows: bytes, context: Context) -> list[bytes]:
        """The answers (`{"data":...}`) for rows of the journal of one kind, a JSON array. Raises Unshared."""
