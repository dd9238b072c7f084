"""What the broadcast has done, for the metrics."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """All but `subscribers` only ever rise."""

    published: int = 0
    #: Messages that Redis did not take; the listeners find their news by polling.
    failed: int = 0
    heard: int = 0
    #: Messages that were not UTF-8, and were skipped.
    bad: int = 0
    #: How often a listener was told that it may have missed something.
    gaps: int = 0
    #: How often the connection that hears was made.
    connections: int = 0
    #: Listeners at this moment.
    subscribers: int = 0
