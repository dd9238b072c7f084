"""A Strawberry schema, taught to take its documents from those that we keep."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy

from graphql import (
    ASTValidationRule,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OverlappingFieldsCanBeMergedRule,
    specified_rules,
)
from strawberry.extensions import AddValidationRules, SchemaExtension
from strawberry.schema import Schema
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types import ExecutionContext

from server.graphql.documents import Documents, Trusted
from server.graphql.limits import Limits, comparing


class KeptDocuments(SchemaExtension):
    """Hands the executor a document that has been parsed and validated already."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self._documents.read(self.execution_context.query or "").node
        yield

    def on_validate(self) -> Iterator[None]:
        # None would have Strawberry validate it again.
        self.execution_context.pre_execution_errors = []
        yield


def rules_of(schema: Schema, limits: Limits, *, introspection: bool) -> tuple[type[ASTValidationRule], ...]:
    """All rules of validation, with those that the schema was given by AddValidationRules."""
    rules: list[type[ASTValidationRule]] = [*specified_rules]
    rules[rules.index(OverlappingFieldsCanBeMergedRule)] = comparing(limits)
    rules += [MaybeNullValidationRule, OneOfInputValidationRule]
    if not introspection:
        rules.append(NoSchemaIntrospectionCustomRule)
    for extension in schema.get_extensions():
        if isinstance(extension, AddValidationRules):
            rules.extend(extension.validation_rules)
    return tuple(rules)


def keeping(
    schema: Schema, limits: Limits, *, introspection: bool, trusted: Iterable[Trusted] | None = None
) -> tuple[Schema, Documents]:
    """A copy of the schema that takes its documents from the ones beside it, and logs nothing by itself."""
    rules = rules_of(schema, limits, introspection=introspection)
    documents = Documents(schema._schema, rules, limits, suggest=introspection, trusted=trusted)
    schema = copy(schema)
    schema.extensions = (*schema.extensions, lambda: KeptDocuments(documents))
    # Its own log holds an excerpt of the source for every mistake of a client.
    schema.process_errors = _log_nothing  # type: ignore[method-assign]
    return schema, documents


def _log_nothing(errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
    """What is worth a record is logged where it is told (see `errors.tell`)."""
