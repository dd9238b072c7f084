"""The documents that are kept, by their texts and by their ids."""

import sys
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from graphql import ASTValidationRule, DocumentNode, GraphQLSchema, parse, validate

from models.refusal import BadUserInput
from server.graphql.asked import Asked, Malformed
from server.graphql.cost import Costs
from server.graphql.documents.document import Document, Rejected
from server.graphql.documents.manifest import ManifestRefused, Trusted
from server.graphql.documents.persisted import PersistedQueryNotFound, named, plain
from server.graphql.documents.text import parsed
from server.graphql.documents.turns import Turns
from server.graphql.limits import Limits, within
from server.observe import tracing

_UNTRUSTED: Final = "Only trusted documents are answered here: send the id or the exact text of one."


class Documents:
    """Only valid ones are kept, so that junk cannot push them out; with trusted ones, these and no others."""

    def __init__(
        self,
        schema: GraphQLSchema,
        rules: Sequence[type[ASTValidationRule]],
        limits: Limits,
        *,
        suggest: bool,
        trusted: Iterable[Trusted] | None = None,
    ) -> None:
        self._schema = schema
        self._rules = tuple(rules)
        self._limits = limits
        self._suggest = suggest
        self._costs = Costs(schema, limits.selections)
        # A dict hashes a text faster than SHA-256 does, and compares it to be sure.
        self._by_text: OrderedDict[str, Document] = OrderedDict()
        self._by_id: dict[str, Document] = {}
        self._characters = 0
        self._room = limits.cached_characters if trusted is None else sys.maxsize
        # The first validation looks at the whole schema: not at the expense of the first client.
        self._validated(parse("{ __typename }"))
        #: How many have been read anew.
        self.misses = 0
        #: Had for each that is, where many are asked for at once.
        self.turns = Turns()
        self._is_closed = False
        if trusted is not None:
            for each in trusted:
                self._trust(each)
            self._is_closed = True

    def knows(self, asked: Asked) -> bool:
        """Whether it would be found, or refused, without any work."""
        text = asked.query
        return self._is_closed or text is None or len(text) > self._limits.characters or text in self._by_text

    def of(self, asked: Asked) -> Document:
        """The valid document that a request names or sends; raises Rejected, and what refuses the request."""
        id = named(asked) if asked.document_id is not None or asked.extensions else None
        if asked.query is not None:
            return self.read(asked.query, id)
        document = self._by_id.get(id or "")
        if document is not None:
            self._by_text.move_to_end(document.text)
            return document
        if self._is_closed:
            raise BadUserInput(_UNTRUSTED)
        if asked.document_id is not None:
            raise BadUserInput("There is no document with this id.")
        raise PersistedQueryNotFound

    def read(self, text: str, id: str | None = None) -> Document:
        """The valid document of a text; raises Rejected, and Malformed when it has another id."""
        # Before it is hashed, since a hash of a megabyte takes its time as well.
        if len(text) > self._limits.characters:
            raise Rejected.because(f"A document has at most {self._limits.characters} characters.")
        document = self._by_text.get(text)
        if document is None:
            document = self._read_anew(text, id)
        else:
            self._by_text.move_to_end(text)
        if id is not None and id != document.sha256 and self._by_id.get(id) is not document:
            raise _other_document()
        return document

    def _read_anew(self, text: str, id: str | None) -> Document:
        if self._is_closed:
            raise BadUserInput(_UNTRUSTED)
        digest = sha256(text.encode(errors="surrogatepass")).hexdigest()
        if id is not None and id != digest:
            raise _other_document()
        self.misses += 1
        with tracing.part("graphql.parse"):
            node = parsed(text, self._limits)
        with tracing.part("graphql.validate"):
            self._validated(node)
        document = Document(text, digest, node, self._costs)
        self._by_text[text] = document
        # A manifest may have given it to another one.
        self._by_id.setdefault(digest, document)
        self._characters += len(text)
        while self._characters > self._room:
            _, old = self._by_text.popitem(last=False)
            del self._by_id[old.sha256]
            self._characters -= len(old.text)
        return document

    def _trust(self, trusted: Trusted) -> None:
        """Raises ManifestRefused."""
        try:
            document = self.read(trusted.text)
            for operation in document.operations:
                cost = operation.cost.of({})
                # What variables steer is held to the limit when it is asked.
                if operation.cost.constant is not None and cost > self._limits.cost:
                    raise Rejected.because(f"It costs {cost}, and {self._limits.cost} at most are answered.")
        except (Rejected, BadUserInput) as error:
            raise ManifestRefused(f"The trusted document {trusted} is refused: {error}") from None
        if self._by_id.setdefault(plain(trusted.id), document) is not document:
            raise ManifestRefused(f"Two trusted documents have the id {trusted.id}.")

    def _validated(self, node: DocumentNode) -> DocumentNode:
        # The limits first and alone: some of the other rules take more than linear time.
        for rules in ((within(self._limits),), self._rules):
            errors = validate(self._schema, node, rules, self._limits.errors, hide_suggestions=not self._suggest)
            if errors:
                raise Rejected(errors)
        return node


def _other_document() -> Malformed:
    # Apollo's words.
    return Malformed("provided sha does not match query")
