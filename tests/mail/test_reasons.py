"""Why a photo failed, in the language of whom it is told to."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.user import Language
from resolvers.jobs import development, photos
from resolvers.mail.reasons import reason_in
from resolvers.mail.rendering import LANGUAGES
from storage.decoder import kinds

ROOT = Path(__file__).parents[2]
#: Raised with what the uploader is told.
RAISED = {"NotAPicture", "Unusable"}


def reasons() -> Iterator[str]:
    """Everything that the program says of a photo that failed, as it stands in the sources."""
    yield photos.NOT_PROCESSED
    yield kinds.TOO_DEMANDING
    for room in ("storage", "resolvers"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED:
                    yield from said(node.args[0])


def said(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(words)):
            yield words
        case ast.Name(id=name):
            yield getattr(kinds, name, None) or getattr(development, name)
        case ast.IfExp(body=one, orelse=other):
            yield from said(one)
            yield from said(other)
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else example(part) for part in parts)
        case _:
            # Handed on; it was said elsewhere.
            assert ast.unparse(node) in {"refused.reason", "str(answer['reason'])[:REASON]"}, ast.unparse(node)


def example(node: ast.expr) -> str:
    return kinds.NAMES["image/avif"] if "NAMES" in ast.unparse(node) else "120"


def test_all_of_them_are_found() -> None:
    assert len({*reasons()}) == 11


@pytest.mark.parametrize("english", sorted({*reasons()}))
def test_each_has_its_sentence_in_every_language(english: str) -> None:
    assert len({reason_in(english, language) for language in LANGUAGES}) == len(LANGUAGES)
    assert reason_in(english, Language.EN) == english


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("It is a PNG, not an AVIF as announced.", "C’est une image PNG, et non AVIF comme annoncé."),
        (
            "It has 120 megapixels; at most 100 are taken.",
            "Elle a 120\u00a0mégapixels\u00a0; 100 au plus sont acceptés.",
        ),
        ("It is damaged or incomplete. Or so.", "It is damaged or incomplete. Or so."),
    ],
)
def test_what_is_said_of_this_one_is_said_in_french_too(english: str, french: str) -> None:
    assert reason_in(english, Language.FR) == french
