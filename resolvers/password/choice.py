"""What a password must not be: what anybody would try first."""

from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Final

from models.refusal import Invalid
from models.user import PASSWORD_LENGTH

#: A password has so many different characters.
DIFFERENT: Final = 4


def check(password: str, unlike: Iterable[str | None], *path: str) -> None:
    """`unlike` are the owner's name and address. Raises Invalid."""
    bare = password.strip()
    if len(bare) < PASSWORD_LENGTH[0]:
        raise Invalid(f"A password has {PASSWORD_LENGTH[0]} characters, and blanks around it are none.", *path)
    folded = bare.casefold()
    if len(set(folded)) < DIFFERENT or _is_run(folded) or folded in _commonest():
        raise Invalid("This is one of the passwords that are tried first. Choose another.", *path)
    known = [part.strip().casefold() for one in unlike if one for part in (one, one.rpartition("@")[0]) if part]
    if folded in known:
        raise Invalid("A password is not one's own name or address. Choose another.", *path)


def _is_run(text: str) -> bool:
    """Whether each character is as far from the last as the second from the first; a 0 follows a 9."""
    around = 10 if text.isascii() and text.isdigit() else None
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return len({step % around for step in steps} if around else steps) == 1


@cache
def _commonest() -> frozenset[str]:
    # 50 ms and 14 MiB, for the processes in which somebody chooses a password.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]

    return frozenset(FREQUENCY_LISTS["passwords"])
