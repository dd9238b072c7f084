"""The planner: from a kept operation to its bytes, or to what the ordinary way finishes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode

from models.refusal import Refusal
from schema.plan.answer import Reading
from schema.plan.calls import Call
from schema.plan.coercion import Uncoercible, variables_of
from schema.plan.following import Followed
from schema.plan.late import Late, Text
from schema.plan.parameters import Unplanned
from schema.plan.plan import Kept, Plan, Plans

if TYPE_CHECKING:
    from resolvers.context import Context


class Planned:
    """An operation of a kept document, and its plans."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, kept: Kept
    ) -> None:
        self._plans = Plans(schema, document, operation, kept)
        try:
            self._coerced = variables_of(schema, operation)
        except Uncoercible:
            self._coerced = _uncoercible

    def variables(self, sent: Mapping[str, Any] | None) -> dict[str, Any]:
        """Raises Uncoercible for what the ordinary way refuses, and says why."""
        return self._coerced(sent)

    def plan(self, variables: Mapping[str, Any]) -> Plan:
        return self._plans.of(variables)


@dataclass(frozen=True, slots=True)
class Parted:
    """What one statement has read for the ordinary way, and the fields that cannot be asked so, by their nodes."""

    root: Any
    refusals: dict[int, Refusal]


@dataclass(slots=True)
class Called:
    """What the fields of a mutation came to; `data` is None where one that had to be there is not."""

    data: dict[str, Any] | None
    errors: list[GraphQLError] = field(default_factory=list)


class Planner:
    """Of one schema. What it keeps for others to use again is bounded, and says nothing of who asked."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self.late = Late()
        self.kept = Kept()

    def planned(self, document: DocumentNode, operation: OperationDefinitionNode) -> Planned:
        return Planned(self._schema, document, operation, self.kept)

    async def whole(self, plan: Plan, variables: Mapping[str, Any], context: Context) -> Text:
        """The `data` of a query, made by one statement. Raises Unplanned where the ordinary way is to be gone."""
        statement = plan.whole
        if statement is None:
            raise Unplanned
        try:
            arguments = statement.bind(context, variables)
        except Refusal:
            raise Unplanned from None
        data = await context.parts.database.fetch_value(statement.sql, arguments)
        return self.late.fill(statement, data, context)

    async def parts(self, plan: Plan, variables: Mapping[str, Any], context: Context) -> Parted:
        """What the fields of a query that are rows' come to, for graphql-core to finish."""
        # Made where it holds up nobody, as `Plan.prepare` is.
        statement = plan.parts if "parts" in vars(plan) else await asyncio.to_thread(getattr, plan, "parts")
        if statement is None or isinstance(context.caller, Refusal):
            return Parted(None, {})
        arguments, refusals = statement.bind_anyway(context, variables)
        data = await context.parts.database.fetch_value(statement.sql, arguments)
        return Parted(orjson.loads(self.late.fill(statement, data, context).json), refusals)

    async def call(self, calls: Sequence[Call], plan: Plan, variables: Mapping[str, Any], context: Context) -> Called:
        """The fields of a mutation, one after the other. Raises Uncoercible before the first."""
        arguments = [call.arguments(variables) for call in calls]
        called = Called({})
        for call, given in zip(calls, arguments, strict=True):
            assert called.data is not None
            reading = self.reading(plan, call.key, variables, context, tagged=False)
            context.answer = reading
            try:
                reading.check()
                called.data[call.key] = await call.answer(context, given, reading)
            except Exception as error:
                called.errors.append(call.error(error))
                called.data[call.key] = None
                if not call.nullable:
                    called.data = None
                    break
        return called

    def followed(self, plan: Plan, variables: Mapping[str, Any], sent: Mapping[str, Any] | None) -> Followed | None:
        """A subscription to a book's events that is shared; None where it is to be told the ordinary way."""
        following = plan.following
        return Followed(following, variables, sent or {}, self.late) if following else None

    def reading(
        self, plan: Plan, key: str, variables: Mapping[str, Any], context: Context, *, tagged: bool = True
    ) -> Reading:
        """What is asked for of the rows in the answer of a mutation's or subscription's field."""
        return Reading(plan.shape(key, tagged=tagged), context, variables, self.late)


def _uncoercible(_: Mapping[str, Any] | None) -> dict[str, Any]:
    raise Uncoercible
