"""The documents that clients send: read, held to the limits, validated, and kept for the next time."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    validate,
)

from server.graphql.limits import Limits, within

# Strings and comments are matched to be passed over. Possessive, so that no text makes it try twice.
_BRACKETS = re.compile(r'"""(?>\\"""|(?!""").)*+"""|"(?>\\.|[^"\\\n\r])*+"|#[^\n\r]*+|[{}\[\]()]', re.DOTALL)
_NUL = re.compile(r"\0|(?<!\\)(?:\\\\)*+\\u(?:0000|\{0+\})")


class Rejected(Exception):
    """A document that is not answered, with all that is wrong with it."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = list(errors)


class Documents:
    """Documents by the hash of their text. Only valid ones are kept, so that junk cannot push them out."""

    def __init__(
        self,
        schema: GraphQLSchema,
        rules: Sequence[type[ASTValidationRule]],
        limits: Limits,
        *,
        suggest: bool,
    ) -> None:
        self._schema = schema
        self._rules = tuple(rules)
        self._limits = limits
        self._suggest = suggest
        self._kept: OrderedDict[bytes, tuple[DocumentNode, int]] = OrderedDict()
        self._kept_characters = 0
        # The first validation looks at the whole schema: not at the expense of the first client.
        self._validated(parse("{ __typename }"))
        #: How many have been read anew.
        self.misses = 0
        #: Held for each that is, where many are asked for at once.
        self.turn = asyncio.Lock()

    def knows(self, text: str) -> bool:
        """Whether it would be read without any work."""
        return len(text) <= self._limits.characters and _key(text) in self._kept

    def read(self, text: str) -> DocumentNode:
        """The valid document of a text; raises Rejected."""
        # Before it is hashed, since a hash of a megabyte takes its time as well.
        if len(text) > self._limits.characters:
            raise _rejected(f"A document has at most {self._limits.characters} characters.")
        key = _key(text)
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return kept[0]
        self.misses += 1
        document = self._validated(self._parsed(text))
        self._keep(key, document, len(text))
        return document

    def _parsed(self, text: str) -> DocumentNode:
        self._look_over(text)
        try:
            return parse(text, max_tokens=self._limits.tokens)
        except GraphQLError as error:
            raise Rejected([error]) from None

    def _look_over(self, text: str) -> None:
        """Refuses, in one pass and without recursion, what would make the parser recurse."""
        if _NUL.search(text):
            raise _rejected("A document holds no NUL characters.")
        depth = brackets = 0
        for match in _BRACKETS.finditer(text):
            mark = match[0]
            if mark in "{[(":
                brackets += 1
                depth += 1
                if depth > self._limits.brackets:
                    raise _rejected(f"Brackets nest at most {self._limits.brackets} deep in a document.")
                if brackets > self._limits.tokens:
                    raise _rejected(f"A document has at most {self._limits.tokens} tokens.")
            elif mark in "}])":
                depth -= 1

    def _validated(self, document: DocumentNode) -> DocumentNode:
        # The limits first and alone: some of the other rules take more than linear time.
        for rules in ((within(self._limits),), self._rules):
            errors = validate(self._schema, document, rules, self._limits.errors, hide_suggestions=not self._suggest)
            if errors:
                raise Rejected(errors)
        return document

    def _keep(self, key: bytes, document: DocumentNode, length: int) -> None:
        self._kept[key] = document, length
        self._kept_characters += length
        while self._kept_characters > self._limits.cached_characters:
            self._kept_characters -= self._kept.popitem(last=False)[1][1]


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation to execute; raises Rejected when the name leaves it open."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if name is not None:
        operations = [each for each in operations if each.name and each.name.value == name]
        if not operations:
            raise _rejected(f"There is no operation '{name[:100]}' in this document.")
    if not operations:
        raise _rejected("There is no operation in this document.")
    if len(operations) > 1:
        raise _rejected("Say in `operationName` which of the operations to execute.")
    return operations[0]


def _rejected(message: str) -> Rejected:
    return Rejected([GraphQLError(message)])


def _key(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()
