"""Plans: what an operation is answered with, made once for each choice of its steering variables."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Final

from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, OperationType, is_object_type
from sqlalchemy import ColumnElement, func, select

from models.refusal import Refusal
from schema.plan.answer import Asking, Shape, own_statement, places_of, reading_statement, telling_statement
from schema.plan.calls import Call, Caller
from schema.plan.coercion import Uncoercible
from schema.plan.declarations import row_of, rows_of
from schema.plan.following import Following
from schema.plan.own import Show, showing
from schema.plan.parameters import Unplanned
from schema.plan.selection import Selections, Steering, named
from schema.plan.statement import Statement, statement_of
from schema.plan.writer import Writer

#: How many plans are kept: of 10 to 20 kB each, of 150 kB at the very worst.
PLANS_LIMIT: Final = 300


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
        self._document = document
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
        elif self.following is not None:
            _ = self.following.kinds
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

    @cached_property
    def following(self) -> Following | None:
        """What is asked of a book's events, for all who ask alike; None where it is to be told the ordinary way."""
        try:
            following = Following(self._schema, self._document, self._operation, self._selections, self._untagged)
            _ = following.kinds
        except (Unplanned, Refusal):
            return None
        return following

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
        own = statement_of(writer, own_statement(writer, places))
        return Shape(places, statement, own, None if tagged else self._shown(writer, places))

    @staticmethod
    def _shown(writer: Writer, places: Sequence[Asking]) -> list[tuple[str, Show]] | None:
        try:
            return [(str(rows_of(each.type_).prefix), showing(writer, each.type_, each.sets)) for each in places]
        except Unplanned:
            return None

    def _untagged(self) -> Writer:
        return self._writer(tagged=False)

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
