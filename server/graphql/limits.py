"""How much may be asked at once, and the one validation rule that holds documents to it."""

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from graphql import (
    BREAK,
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
    ValidationRule,
    VisitorAction,
)

from server.graphql.measure import Size, measure


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask for at once. Sizes are in bytes, and times in seconds."""

    #: Fields within fields; what is below `__schema` and `__type` has a limit of its own.
    depth: int = 15
    introspection_depth: int = 20
    #: Counted as often as its fragment is spread, as are directives and the fields at the root.
    aliases: int = 15
    directives: int = 50
    root_fields: int = 20
    #: Objects that it can return (see `cost`); and selections looked at to know how many.
    cost: int = 50_000
    selections: int = 20_000
    #: Operations and fragments in a document, and comparisons of fields that may have to be merged.
    definitions: int = 100
    comparisons: int = 3_000
    #: The text of a document: tokens, length, brackets within brackets; and how many of its errors are told.
    tokens: int = 2_000
    characters: int = 50_000
    brackets: int = 64
    errors: int = 10
    #: The length of all documents that are kept parsed and validated; 50 MB of memory at the very worst.
    cached_characters: int = 250_000

    #: A request: how large it is, and how long its body takes to arrive.
    body_bytes: int = 1024 * 1024
    body_seconds: float = 10
    #: Lists and objects in JSON, and how deep they nest in variables.
    json_brackets: int = 12_500
    #: How long a list in the variables may be, and those of some names.
    list_items: int = 1_000
    long_lists: tuple[tuple[str, int], ...] = ()
    variables_depth: int = 32
    #: A query that takes longer is cancelled; a mutation is left to the limits of the database.
    query_seconds: float = 5

    #: The variables and extensions of a subscription, which are kept for as long as it goes on.
    subscription_bytes: int = 16 * 1024

    #: A websocket and its messages.
    message_bytes: int = 1024 * 1024
    messages_per_second: float = 1_000
    messages_at_once: int = 2_000
    #: Queries and mutations that are being answered count as well.
    subscriptions_per_socket: int = 100
    subscriptions_per_process: int = 100_000
    sockets_per_process: int = 20_000
    sockets_per_address: int = 12_000
    sockets_per_user: int = 100
    #: Until `connection_init` has come, and until it is answered.
    init_seconds: float = 5
    #: A reader that does not take a message within this is told that it is too slow.
    send_seconds: float = 3
    #: For a close frame to leave, and for what has been cancelled to end.
    closing_seconds: float = 1.5
    #: For mutations under way, once their socket is gone or this process stops.
    finishing_seconds: float = 10


class WithinLimits(ValidationRule):
    """Refuses an operation that is too deep or too wide; linear in the length of its document.

    One class for equal limits (see `within`), because a cache of validations keeps the class in its key.
    """

    limits: ClassVar[Limits] = Limits()

    def enter_document(self, document: DocumentNode, *_: Any) -> VisitorAction:
        if len(document.definitions) > self.limits.definitions:
            limit = self.limits.definitions
            self.report_error(GraphQLError(f"A document is at most {limit} operations and fragments long."))
            return BREAK
        for operation, size in measure(document):
            self._hold(operation, size)
        return BREAK

    def _hold(self, operation: OperationDefinitionNode, size: Size) -> None:
        limits = self.limits
        for found, limit, what in (
            (size.depth, limits.depth, "fields deep"),
            (size.introspection_depth, limits.introspection_depth, "fields of introspection deep"),
            (size.aliases, limits.aliases, "aliases wide"),
            (size.directives, limits.directives, "directives wide"),
            (size.root_fields, limits.root_fields, "fields wide at its root"),
        ):
            if found > limit:
                self.report_error(GraphQLError(f"An operation is at most {limit} {what}.", operation))


@cache
def within(limits: Limits) -> type[WithinLimits]:
    """The rule of these limits: always the same class."""
    return type("WithinLimits", (WithinLimits,), {"limits": limits})


class FieldsCanBeMerged(OverlappingFieldsCanBeMergedRule):
    """The rule of the specification, which takes quadratic time: stock, it goes on for a second or two."""

    limits: ClassVar[Limits] = Limits()

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        # One comparison costs two.
        self.rule_context.remaining_complexity_budget = 2 * self.limits.comparisons


@cache
def comparing(limits: Limits) -> type[FieldsCanBeMerged]:
    """As `within`: always the same class for these limits."""
    return type("FieldsCanBeMerged", (FieldsCanBeMerged,), {"limits": limits})
