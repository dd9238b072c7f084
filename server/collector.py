"""The garbage collector, as long programs want it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: After how many new objects it looks at the youngest, and how often at the older ones: as it is set by default, it
#: does so within every single answer.
_COLLECTED: Final = (10_000, 20, 20)


@contextmanager
def patient() -> Iterator[None]:
    """What is there now stays, and need not be looked at again and again."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_COLLECTED)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
