"""The text of a document, made into its nodes: what would hurt the parser is refused before it."""

import re

from graphql import DocumentNode, GraphQLError, parse

from server.graphql.documents.document import Rejected
from server.graphql.limits import Limits

# Strings and comments are matched to be passed over. Possessive, so that no text makes it try twice.
_BRACKETS = re.compile(r'"""(?>\\"""|(?!""").)*+"""|"(?>\\.|[^"\\\n\r])*+"|#[^\n\r]*+|[{}\[\]()]', re.DOTALL)
_NUL = re.compile(r"\0|(?<!\\)(?:\\\\)*+\\u(?:0000|\{0+\})")


def parsed(text: str, limits: Limits) -> DocumentNode:
    """The document of a text within the limits; raises Rejected."""
    _look_over(text, limits)
    try:
        return parse(text, max_tokens=limits.tokens)
    except GraphQLError as error:
        raise Rejected([error]) from None


def _look_over(text: str, limits: Limits) -> None:
    """Refuses, in one pass and without recursion, what would make the parser recurse."""
    if _NUL.search(text):
        raise Rejected.because("A document holds no NUL characters.")
    depth = brackets = 0
    for match in _BRACKETS.finditer(text):
        mark = match[0]
        if mark in "{[(":
            brackets += 1
            depth += 1
            if depth > limits.brackets:
                raise Rejected.because(f"Brackets nest at most {limits.brackets} deep in a document.")
            if brackets > limits.tokens:
                raise Rejected.because(f"A document has at most {limits.tokens} tokens.")
        elif mark in "}])":
            depth -= 1
