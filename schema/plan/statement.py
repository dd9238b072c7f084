"""A planned statement: SQL whose parameters are found by what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.refusal import Refusal
from schema.plan.parameters import Parameter, Unplanned
from schema.plan.rendering import rendered
from schema.plan.writer import Filled, Missing, Writer

if TYPE_CHECKING:
    from resolvers.context import Context


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL whose parameters are found by what is asked."""

    sql: str
    parameters: tuple[Parameter, ...]
    checks: tuple[Parameter, ...]
    filled: tuple[Filled, ...]
    missing: tuple[Missing, ...]
    #: Whether graphql-core refuses some of what it answers.
    is_wrong: bool

    def bind(self, context: Context, variables: Mapping[str, Any]) -> list[Any]:
        """The values of its parameters. Raises the refusal of a field that cannot be asked so."""
        for check in self.checks:
            check.get(context, variables)
        return [parameter.get(context, variables) for parameter in self.parameters]

    def check(self, context: Context, variables: Mapping[str, Any]) -> None:
        """Raises the refusal of a field that cannot be asked so, whoever asks."""
        for parameter in (*self.checks, *self.parameters):
            if parameter.field is not None:
                parameter.get(context, variables)

    def bind_anyway(self, context: Context, variables: Mapping[str, Any]) -> tuple[list[Any], dict[int, Refusal]]:
        """The same, with what finds nothing in place of what is refused, and those refusals by their fields."""
        refusals: dict[int, Refusal] = {}

        def value(parameter: Parameter) -> Any:
            try:
                return parameter.get(context, variables)
            except Unplanned:
                # graphql-core refuses its field before it looks at what was read.
                return parameter.nothing
            except Refusal as refusal:
                if parameter.field is None:
                    raise
                refusals.setdefault(id(parameter.field), refusal)
                return parameter.nothing

        for check in self.checks:
            value(check)
        return [value(parameter) for parameter in self.parameters], refusals


def statement_of(writer: Writer, statement: Any) -> Statement:
    """The statement as text with positional parameters; no value of a client's is a part of the text."""
    sql, names = rendered(statement)
    by_name = writer.parameters.by_name
    return Statement(
        sql,
        tuple(by_name[name] for name in names),
        # What was asked for and is no part of the text, such as the `first` of a count, may be refused all the same.
        (*writer.parameters.checks, *(by_name[name] for name in by_name.keys() - {*names})),
        tuple(writer.filled),
        tuple(writer.missing),
        writer.is_wrong,
    )
