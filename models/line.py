"""A line of text that people give to a thing: a name, a title."""

from typing import Final
from unicodedata import category

from models.refusal import Invalid

#: What turns the direction of the text that follows it, also of that which is not its own.
_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS: Final = frozenset({"Cc", "Zl", "Zp"})


def checked_line(text: str, what: str, most: int, *path: str) -> str:
    """The text without spaces around it. Raises Invalid when nothing of it shows, or it is too long or no line."""
    text = text.strip()
    if len(text) > most or all(category(letter)[0] in "CZ" for letter in text):
        raise Invalid(f"{what} has 1 to {most} characters.", *path)
    if any(letter in _TURNS or category(letter) in _BREAKS for letter in text):
        raise Invalid(f"{what} has no control characters.", *path)
    return text
