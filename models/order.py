"""Fractional indexes: keys that sort between any two others.

The algorithm is David Greenspan's ("Implementing Fractional Indexing", 2020), as in the npm package
fractional-indexing: an integer part whose first letter tells its length, so that adding at either end costs a
character only after many thousand times, and a fraction that never ends in zero. Keys compare as bytes.
"""

from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FIRST: Final = "a0"
_LEAST: Final = "A" + "0" * 26
#: A key that would be longer has its neighbours respaced: two that change places for ever gain a character in six.
KEY_LENGTH: Final = 64


def between(before: str | None, after: str | None) -> str:
    """A key above `before` and below `after`; None is an end. Raises ValueError out of order."""
    if before is not None and after is not None and before >= after:
        raise ValueError(f"{before!r} does not sort before {after!r}")
    if before is None:
        return FIRST if after is None else _below(after)
    if after is None:
        whole = _whole(before)
        return _raised(whole) or whole + _middle(before[len(whole) :], None)
    low, high = _whole(before), _whole(after)
    if low == high:
        return low + _middle(before[len(low) :], after[len(high) :])
    raised = _raised(low)
    if raised is not None and raised < after:
        return raised
    return low + _middle(before[len(low) :], None)


def spread(before: str | None, after: str | None, count: int) -> list[str]:
    """That many keys above `before` and below `after`, rising, and as short as can be."""
    if not count:
        return []
    if after is None:
        keys = [between(before, None)]
        while len(keys) < count:
            keys.append(between(keys[-1], None))
        return keys
    if before is None:
        keys = [between(None, after)]
        while len(keys) < count:
            keys.append(between(None, keys[-1]))
        return keys[::-1]
    middle = between(before, after)
    under = count // 2
    return [*spread(before, middle, under), middle, *spread(middle, after, count - under - 1)]


def _below(after: str) -> str:
    whole = _whole(after)
    if whole == _LEAST:
        return whole + _middle("", after[len(whole) :])
    if whole < after:
        return whole
    lowered = _lowered(whole)
    # The least integer alone would leave no room below itself.
    return lowered + _middle("", None) if lowered == _LEAST else lowered


def _whole(key: str) -> str:
    """The integer part: a to z lead 2 to 27 characters upwards, Z to A as many downwards."""
    head = key[0]
    length = ord(head) - ord("a") + 2 if head >= "a" else ord("Z") - ord(head) + 2
    return key[:length]


def _raised(whole: str) -> str | None:
    head, digits = whole[0], list(whole[1:])
    for place in reversed(range(len(digits))):
        if digits[place] != _DIGITS[-1]:
            digits[place] = _DIGITS[_DIGITS.index(digits[place]) + 1]
            return head + "".join(digits)
        digits[place] = _DIGITS[0]
    if head == "Z":
        return FIRST
    if head == "z":
        return None
    longer = len(digits) + (1 if head >= "a" else -1)
    return chr(ord(head) + 1) + _DIGITS[0] * longer


def _lowered(whole: str) -> str:
    head, digits = whole[0], list(whole[1:])
    for place in reversed(range(len(digits))):
        if digits[place] != _DIGITS[0]:
            digits[place] = _DIGITS[_DIGITS.index(digits[place]) - 1]
            return head + "".join(digits)
        digits[place] = _DIGITS[-1]
    if head == "a":
        return "Z" + _DIGITS[-1]
    longer = len(digits) + (-1 if head > "a" else 1)
    return chr(ord(head) - 1) + _DIGITS[-1] * longer


def _middle(low: str, high: str | None) -> str:
    """A fraction between two, neither of which ends in zero; None is one, and the empty one is zero."""
    if high is not None:
        same = 0
        while same < len(high) and (low[same] if same < len(low) else _DIGITS[0]) == high[same]:
            same += 1
        if same:
            return high[:same] + _middle(low[same:], high[same:])
    least = _DIGITS.index(low[0]) if low else 0
    most = _DIGITS.index(high[0]) if high else len(_DIGITS)
    if most - least > 1:
        return _DIGITS[(least + most + 1) // 2]
    if high is not None and len(high) > 1:
        return high[0]
    return _DIGITS[least] + _middle(low[1:], None)
