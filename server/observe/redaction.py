"""Takes out of a log line what nobody may read there: tokens, passwords, signatures, addresses.

What the caller logs by name goes by its key; what hides in a sentence (an exception's message, a URL, a
statement's parameters) goes by its shape. It would rather hide too much than too little, but cannot know a
secret that stands alone and looks like a word.
"""

import re
from collections.abc import Mapping, Sequence, Set
from functools import lru_cache
from itertools import islice
from typing import Any, Final
from uuid import UUID

from structlog.typing import EventDict, WrappedLogger

HIDDEN: Final = "[redacted]"
#: How much of one value, and of one traceback (its end), a line may hold.
VALUE_LIMIT: Final = 4_096
TRACEBACK_LIMIT: Final = 16_384
#: A secret that is cut by a limit must still be recognised, so that much more is read.
MARGIN: Final = 1_024
#: How deep, and how many items wide, a nested value is told; how many keys are remembered, and how long ones.
DEPTH_LIMIT: Final = 4
WIDTH_LIMIT: Final = 50
KEYS_REMEMBERED: Final = 512
KEY_LENGTH: Final = 64
#: Longer runs of letters of both cases and digits are taken for a token.
TOKEN_LENGTH: Final = 24
#: Keys that are ours and hold what is no secret, though it may look like one.
KNOWN: Final = frozenset({"level", "time", "timestamp", "request_id"})

_NAMES: Final = (
    r"pass(?:word|wd|phrase)|secret|token|authorization|cookie|signature|policy"
    r"|credential|api[_-]?key|e-?mail"
)
_secret_name = re.compile(_NAMES, re.IGNORECASE)
# What a name is given: a block string, an escaped one, a quoted one, a list, a scheme's token, or a word.
_GIVEN: Final = r"""
    "{3}.*?(?:"{3}|\Z) | \\{1,3}+["'][^"'\\]*+ | b?"(?:[^"\\]|\\.)*+ | b?'(?:[^'\\]|\\.)*+
    | \[[^\]\n]*+ | \([^)\n]*+ | \{[^}\n]*+ | (?:Bearer|Basic)\s{1,8}+[^\s"',;)]++ | [^\s"'&,;)\]}]++
"""
# Every repetition is bounded, possessive, or passes what it reads: the text is an attacker's, the loop waits.
_secrets = re.compile(
    rf"""
      (?P<jwt>     (?-i:eyJ)[\w-]{{8,}}+ (?:\.[\w-]*+){{0,4}} )
    | (?P<scheme>  \b(?:Bearer|Basic)\s{{1,8}}+ ) [^\s"',;)]++
    | (?P<login>   ://) [^/\s:@"']{{0,128}}+ : [^/\s@"']{{1,256}}+ @
    | (?P<line>    \[parameters:\ | \bKey\ \([^)\n]{{1,256}}+\)=\( | \bFailing\ row\ contains\ \(
                   | \bquery\ argument\ \$\d{{1,6}}+:\ | \binput_value= | cookie\s{{0,4}}+[:=](?!\s?b?["']) )
                   [^\n]*+
    | (?P<named>   (?:{_NAMES}) [\w-]{{0,24}}+
                   (?: \\{{0,3}}+["']\s{{0,4}}+[:=,] | \s{{0,4}}+[:=>] | %3D ) \s{{0,4}}+ ) (?:{_GIVEN})
    | (?P<address> [\w.+!\#$*^~-]{{1,64}}+ (?:@|%40) [\w-]{{1,63}}+ (?:\.[\w-]{{1,63}}+){{1,8}}+ )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_run = re.compile(rf"[\w-]{{{TOKEN_LENGTH},}}+")


def text(value: str, limit: int = VALUE_LIMIT) -> str:
    """The text without its secrets, cut to about `limit` characters, and fit to be written as UTF-8."""
    if value.isascii() and value.isalnum() and (len(value) < TOKEN_LENGTH or value.islower()):
        return value[:limit]
    clean = _run.sub(_hide_run, _secrets.sub(_hide, value[: limit + MARGIN]))
    if len(clean) > limit or len(value) > limit + MARGIN:
        clean = f"{clean[:limit]}… ({len(value)} characters)"
    return clean if clean.isascii() else clean.encode(errors="replace").decode()


def _hide(found: re.Match[str]) -> str:
    kind = found.lastgroup
    if kind in ("jwt", "address", None):
        return HIDDEN
    return f"{found[kind]}{HIDDEN}{'@' if kind == 'login' else ''}"


def _hide_run(found: re.Match[str]) -> str:
    run = found[0]
    is_mixed = not run.islower() and not run.isupper() and any(map(str.isdigit, run))
    return HIDDEN if is_mixed else run


def traceback(told: str) -> str:
    """A traceback without secrets; of a long one its end, where it says what went wrong."""
    # Cut at a line, so that no secret loses the name by which it is known.
    cut = told if len(told) <= TRACEBACK_LIMIT else "…\n" + told[-TRACEBACK_LIMIT:].partition("\n")[2]
    return text(cut, TRACEBACK_LIMIT)


def redact(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """A structlog processor; after it a line holds plain values only."""
    for name, value in line.items():
        if name == "exception":
            line[name] = traceback(str(value))
        elif name not in KNOWN:
            line[name] = _named(name, value, 0)
    return line


def _named(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        # JSON's numbers have 64 bits.
        return value if value.bit_length() < 64 else hex(value)[:VALUE_LIMIT]
    if isinstance(value, UUID):
        return str(value)
    if _is_secret(name) if len(name) <= KEY_LENGTH else _secret_name.search(name):
        return HIDDEN
    try:
        return _told(value, depth)
    except Exception as error:  # A value that cannot be told must not break what it tells of.
        return f"{type(value).__name__} ({type(error).__name__} when it was told)"


@lru_cache(maxsize=KEYS_REMEMBERED)
def _is_secret(name: str) -> bool:
    return _secret_name.search(name) is not None


def _told(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return text(bytes(value[: VALUE_LIMIT + MARGIN]).decode(errors="replace"))
    if isinstance(value, Mapping | Sequence | Set):
        if depth == DEPTH_LIMIT:
            return f"{type(value).__name__} of {len(value)}"
        if isinstance(value, Mapping):
            items = islice(value.items(), WIDTH_LIMIT)
            return {text(str(key)): _named(str(key), item, depth + 1) for key, item in items}
        return [_named("", item, depth + 1) for item in islice(value, WIDTH_LIMIT)]
    return text(str(value))
