"""What a sweep came to."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Swept:
    """Counts: what was looked at, and what was done, or would have been in a dry run."""

    photos: int = 0
    files: int = 0
    #: Files of photos that no row knows, deleted.
    orphans: int = 0
    #: Files that were put and are not waited for, deleted.
    leftovers: int = 0
    #: Images that were never uploaded, deleted.
    expired: int = 0
    #: Times that a book's images could not be deleted; the log names the book.
    stuck: int = 0
    #: Photos that no image has, let go.
    released: int = 0
    #: Photos whose bytes are missing, or are not as many as they should be.
    damaged: int = 0
    #: Files that nothing was said of, because they may be about to be used.
    young: int = 0
    #: Files whose names are none of ours, left alone.
    strange: int = 0

    def told(self) -> dict[str, int]:
        return asdict(self)
