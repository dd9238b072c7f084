"""A file's name in a header, whatever its uploader called it."""

import unicodedata
from typing import Literal
from urllib.parse import quote

#: How many characters of a name are kept; percent-encoded they are at most 12 times as many bytes.
MAX_NAME = 120

#: Names that Windows keeps for its devices, with any extension.
_DEVICES = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10)),
}


def disposition(kind: Literal["inline", "attachment"], filename: str) -> str:
    """A Content-Disposition (RFC 6266), with the name in ASCII for old browsers, then as it is (RFC 8187)."""
    name = _plain(filename)
    ascii_name = "".join(letter if _is_token(letter) else "_" for letter in name)
    return f"{kind}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


def _plain(filename: str) -> str:
    """The name without paths, controls, lone surrogates and marks that turn the reading direction."""
    letters = unicodedata.normalize("NFC", filename).replace("/", "_").replace("\\", "_")
    name = "".join(letter for letter in letters if unicodedata.category(letter)[0] not in "CZ" or letter == " ")
    stem, dot, extension = name.strip(" .").rpartition(".")
    if not stem or len(extension) > 10:
        stem, dot, extension = name.strip(" ."), "", ""
    if stem.split(".")[0].strip().upper() in _DEVICES:
        stem = f"_{stem}"
    return (stem[: MAX_NAME - len(dot + extension)] + dot + extension) or "photo"


def _is_token(letter: str) -> bool:
    # A percent sign in `filename` is decoded by some browsers, and a quote or a backslash ends or escapes.
    return letter.isascii() and letter not in '"\\%'
