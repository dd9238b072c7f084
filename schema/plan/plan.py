"""Plans: what an operation is answered with, made once for each choice of its steering variables."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, OperationType, is_object_type
from sqlalchemy import ColumnElement, func, select

from models.refusal import Refusal
from schema.plan.answer import Asking, Shape, own_statement, places_of, reading_statement, telling_statement
from schema.plan.calls import Call, Caller
from schema.plan.coercion import Uncoercible
from schema.plan.declarations import row_of
from schema.plan.parameters import Parameter, Unplanned
from schema.plan.rendering import rendered
from schema.plan.selection import Selections, Steering, named
from schema.plan.writer import Filled, Missing, Writer

if TYPE_CHECKING:
    from resolvers.context import Context

#: How many plans are kept: of 10 to 20 kB each, of 150 kB at the very worst.
PLANS_LIMIT: Final = 300


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


class Plan:
    """Of a query, for one choice of its steering variables."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._variables = variables
        self._selections = Selections(schema, document, variables)
        self._is_ready = False
        self._shapes: dict[tuple[str, bool], Shape] = {}

    @property
    def is_ready(self) -> bool:
        """Whether its statement stands."""
        return self._is_ready

    def prepare(self) -> None:
        """Makes what the operation is most likely answered with; the rest is made when it is wanted."""
        if self._operation.operation is OperationType.QUERY:
            _ = self.whole or self.parts
        elif self._operation.operation is OperationType.SUBSCRIPTION or self.calls is None:
            root = self._schema.get_root_type(self._operation.operation)
            assert root
            for key, nodes in self._selections.fields(root, [self._operation.selection_set]).items():
                if nodes[0].name.value != "__typename":
                    self.shape(key, tagged=True)
        self._is_ready = True

    @cached_property
    def whole(self) -> Statement | None:
        """Answers all of the operation with the text of its `data`; None where a part of it is no row's."""
        writer, json, is_whole = self._written(tagged=False)
        if json is None or not is_whole or writer.is_wrong:
            return None
        # As bytes: text would be decoded, only to be encoded again.
        return statement_of(writer, select(func.convert_to(json, "UTF8")))

    @cached_property
    def parts(self) -> Statement | None:
        """Answers those of its fields that are rows', for the ordinary way to finish; None when there are none."""
        writer, json, _ = self._written(tagged=True)
        return None if json is None else statement_of(writer, select(func.convert_to(json, "UTF8")))

    @cached_property
    def calls(self) -> list[Call] | None:
        """The fields of a mutation, to be called directly; None where graphql-core has to."""
        try:
            calls = Caller(self._schema, self._selections, self._operation).calls()
        except (Unplanned, Uncoercible):
            return None
        statements = [self.shape(call.key, tagged=False).statement for call in calls]
        # What may be missing, or cannot be asked so, is an error within the answer.
        return None if any(each and (each.missing or each.is_wrong) for each in statements) else calls

    def shape(self, key: str, *, tagged: bool) -> Shape:
        """What is asked for of the rows in the answer of a mutation's or subscription's field."""
        if (shape := self._shapes.get((key, tagged))) is None:
            shape = self._shapes[key, tagged] = self._shaped(key, tagged=tagged)
        return shape

    def _shaped(self, key: str, *, tagged: bool) -> Shape:
        writer = self._writer(tagged=tagged)
        root = self._schema.get_root_type(self._operation.operation)
        assert root
        fields = writer.fields(root, [self._operation.selection_set])[key]
        type_ = named(root.fields[fields[0].name.value].type)
        sets = [each.selection_set for each in fields]
        if row_of(type_):
            told = Asking((), type_, sets, fields[0])
            return Shape([told], statement_of(writer, telling_statement(writer, told)))
        places = [*places_of(writer, type_, sets)] if is_object_type(type_) else []
        if not places:
            return Shape(places, None)
        statement = statement_of(writer, reading_statement(writer, places))
        if writer.looks_around:
            return Shape(places, statement)
        writer = self._writer(tagged=tagged)
        return Shape(places, statement, statement_of(writer, own_statement(writer, places)))

    def _writer(self, *, tagged: bool) -> Writer:
        return Writer(self._schema, self._selections, self._variables, tagged=tagged)

    def _written(self, *, tagged: bool) -> tuple[Writer, ColumnElement[str] | None, bool]:
        writer = self._writer(tagged=tagged)
        root = self._schema.get_root_type(self._operation.operation)
        assert root
        json, is_whole = writer.root(root, [self._operation.selection_set])
        return writer, json, is_whole


class Kept:
    """The plans that were used last, of all operations together."""

    def __init__(self, most: int = PLANS_LIMIT) -> None:
        self._most = most
        self._plans: OrderedDict[Plan, Callable[[], object]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._plans)

    def use(self, plan: Plan) -> None:
        if plan in self._plans:
            self._plans.move_to_end(plan)

    def add(self, plan: Plan, forget: Callable[[], object]) -> None:
        """Keeps one more; the one that was not used for longest is forgotten."""
        self._plans[plan] = forget
        if len(self._plans) > self._most:
            self._plans.popitem(last=False)[1]()


class Plans:
    """The plans of one operation, by what its steering variables choose."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, kept: Kept
    ) -> None:
        self._schema = schema
        self._document = document
        self._operation = operation
        self._steering = Steering(schema, operation)
        self._kept = kept
        self._by_choice: dict[tuple[Any, ...], Plan] = {}

    def of(self, variables: Mapping[str, Any]) -> Plan:
        """The plan for coerced variables."""
        choice = self._steering.of(variables)
        plan = self._by_choice.get(choice)
        if plan is None:
            plan = Plan(self._schema, self._document, self._operation, self._steering.kept(variables))
            self._by_choice[choice] = plan
            self._kept.add(plan, partial(self._by_choice.pop, choice, None))
        else:
            self._kept.use(plan)
        return plan
