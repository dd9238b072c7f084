"""One operation from its document to its answers, the same for both transports."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from graphql import GraphQLError
from strawberry.schema import Schema
from strawberry.types import ExecutionResult

from models.id import inside
from models.refusal import BadUserInput, TooCostly
from resolvers.context import Context, Viewer
from resolvers.live import Sink, Unshared
from resolvers.presence import following, projection
from schema.base import sent
from schema.plan.coercion import Uncoercible
from schema.plan.late import Text
from schema.plan.parameters import Unplanned
from schema.plan.plan import Plan
from schema.plan.planner import Planned, Planner
from schema.presence.watched import Watched, is_compiled, watching_of
from server.graphql.asked import Asked
from server.graphql.documents import Documents, KeptOperation, Rejected
from server.graphql.entrance import Enter, Entrance
from server.graphql.errors import is_request_error, tell
from server.graphql.limits import Limits
from server.observe import tracing
from server.observe.operation import Kind, Operation, Transport

T = TypeVar("T")

_NONE: Final[Mapping[str, Any]] = {}

#: The coerced variables, and the plan for them.
_Planned = tuple[dict[str, Any], Plan]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: `data` and `errors`, or with `refused` the errors alone, since nothing was executed."""

    #: The JSON of it.
    text: bytes
    #: The errors, where there are some.
    errors: list[dict[str, Any]] | None = None
    refused: bool = False

    @property
    def code(self) -> str | None:
        """Of the first error."""
        code: str | None = self.errors[0]["extensions"]["code"] if self.errors else None
        return code

    @classmethod
    def refusing(cls, errors: list[dict[str, Any]]) -> "Answer":
        return cls(orjson.dumps({"errors": errors}), errors, refused=True)


@dataclass(frozen=True, slots=True)
class Means:
    """What every operation is answered with."""

    schema: Schema
    documents: Documents
    planner: Planner
    enter: Enter
    observe: Callable[[Operation], None]
    limits: Limits
    #: Charges the caller for the objects that an operation may return; raises RateLimited.
    spend: Callable[[Context, int], None] | None
    #: Whether errors may name what the client perhaps meant.
    suggest: bool


class Operating:
    """An operation that is being answered. Making one raises Rejected when its document is not valid."""

    def __init__(self, means: Means, asked: Asked, entrance: Entrance, transport: Transport) -> None:
        self._started = perf_counter()
        self._means = means
        self._asked = asked
        self._entrance = entrance
        self._transport: Transport = transport
        self._span = tracing.begin(entrance.request_id)
        try:
            self.operation = means.documents.of(asked).operation(asked.operation_name)
        except Exception as error:
            if self._span is not None:
                code = BadUserInput.code if isinstance(error, Rejected) else getattr(error, "code", "INTERNAL")
                tracing.refuse(self._span, entrance.request_id, asked.operation_name, code)
            raise
        self.kind: Kind = self.operation.kind
        self._cost = 0
        self._code: str | None = None
        self._user_id: UUID | None = None

    async def answer(self) -> Answer:
        """The answer of a query or a mutation; whatever goes wrong is told in one that is `refused`."""
        try:
            context = await self._enter()
            planned = await self._planned()
            answer = self._query if self.kind == "query" else self._mutation
            if self._span is None:
                return await answer(context, planned)
            with tracing.part("graphql.execute"):
                return await answer(context, planned)
        except Exception as error:
            return self._refused(error)
        except asyncio.CancelledError as error:
            self._cancelled(error)
            raise
        finally:
            self._over()

    async def answers(self, sink: Sink | None = None) -> AsyncGenerator[Answer, None]:
        """One answer, or those of a subscription: where they are shared with others, these go to the `sink`."""
        if self.kind != "subscription":
            # Told before the next line can be interrupted: a mutation is not to be without an answer.
            yield await self.answer()
            return
        try:
            try:
                context = await self._enter()
                planned = await self._planned()
                aside: AbstractContextManager[None] = nullcontext()
                if sink is not None and planned is not None:
                    aside = await self._follow(context, planned, sink) or aside
                    if await self._watch(context, planned, sink):
                        return
                with aside:
                    async with aclosing(self._streamed(context, planned)) as answers:
                        async for answer in answers:
                            yield answer
            except Exception as error:
                yield self._refused(error)
            except asyncio.CancelledError as error:
                self._cancelled(error)
                raise
        finally:
            self._over()

    async def _streamed(self, context: Context, planned: _Planned | None) -> AsyncGenerator[Answer, None]:
        """The answers of a subscription, completed for its viewer alone."""
        async with aclosing(await self._stream(context, planned)) as results:
            first = await self._first(results)
            if first is not None:
                yield first
            async for result in results:
                yield self._answer(result)

    async def _enter(self) -> Context:
        self._hold_to_cost()
        if self.kind == "subscription":
            self._hold_to_size()
        context = await self._means.enter(self._entrance)
        if isinstance(context.caller, Viewer):
            self._user_id = context.caller.user_id
        if self._means.spend is not None and not self.operation.is_presence:
            self._means.spend(context, self._cost)
        return context

    def _hold_to_size(self) -> None:
        size = len(orjson.dumps((self._asked.variables, self._asked.extensions)))
        limit = self._means.limits.subscription_bytes
        if size > limit:
            raise BadUserInput(f"The variables and extensions of a subscription take at most {limit} bytes.")

    def _hold_to_cost(self) -> None:
        self._cost, limit = self.operation.cost.of(self._asked.variables or _NONE), self._means.limits.cost
        if self._cost > limit:
            raise TooCostly(self._cost, limit)

    async def _query(self, context: Context, planned: _Planned | None) -> Answer:
        if planned is None:
            return self._answer(await self._execute(context))
        planner = self._means.planner
        variables, plan = planned
        try:
            # One statement, which the database limits.
            return self._whole(await planner.whole(plan, variables, context))
        except Unplanned:
            pass
        async with asyncio.timeout(self._means.limits.query_seconds):
            parted = await planner.parts(plan, variables, context)
            context.refusals = parted.refusals
            return self._answer(await self._execute(context, parted.root))

    async def _planned(self) -> _Planned | None:
        """None where the ordinary way is to say what is wrong with the variables."""
        planned = planned_of(self._means.planner, self.operation)
        try:
            variables = planned.variables(self._asked.variables)
            plan = planned.plan(variables)
            if not plan.is_ready:
                async with self._turn():
                    if not plan.is_ready:
                        with tracing.part("graphql.plan"):
                            await _threaded(plan.prepare)
        except Uncoercible:
            return None
        return variables, plan

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """For what may take a part of a second, of which everybody else is to have theirs."""
        async with self._means.documents.turns.of(self._user_id or self._entrance.ip_address):
            # The time of an operation begins here: the wait has a limit of its own.
            async with asyncio.timeout(self._means.limits.query_seconds):
                yield

    async def _mutation(self, context: Context, planned: _Planned | None) -> Answer:
        if planned is not None:
            variables, plan = planned
            if plan.calls is not None:
                # It is raised before the first of them is called.
                with suppress(Uncoercible):
                    called = await self._means.planner.call(plan.calls, plan, variables, context)
                    return self._answer(ExecutionResult(called.data, called.errors))
            self._ask(context, planned)
        return self._answer(await self._execute(context))

    def _ask(self, context: Context, planned: _Planned) -> None:
        """Hands down what is asked for of the rows in each answer."""
        variables, plan = planned
        context.asking = lambda key: self._means.planner.reading(plan, key, variables, context)

    async def _execute(self, context: Context, root: Any = None) -> ExecutionResult:
        return await self._means.schema.execute(
            self.operation.document.text,
            variable_values=self._asked.variables,
            context_value=context,
            root_value=root,
            operation_name=self._asked.operation_name,
            operation_extensions=self._asked.extensions,
        )

    async def _follow(self, context: Context, planned: _Planned, sink: Sink) -> AbstractContextManager[None] | None:
        """Is told of a book's events with all who ask alike; returns where the ordinary way is to go on.

        Where it goes on after others have shared it, within what is returned.
        """
        variables, plan = planned
        with suppress(Uncoercible):
            followed = self._means.planner.followed(plan, variables, self._asked.variables)
            if followed is None:
                return None
            self._end_span()
            given = followed.arguments
            after, epoch = sent(given.get("after")), sent(given.get("epoch"))
            try:
                book_id = inside("bk", given["book_id"])
                await context.parts.hub.follow(context, book_id, followed, sink, after=after, epoch=epoch)
            except Unshared as place:
                context.resumed = place
                return context.parts.hub.aside(context.viewer_id)
        return None

    async def _watch(self, context: Context, planned: _Planned, sink: Sink) -> bool:
        """Is told who is in a book with all who ask alike, to its end; False where the ordinary way is to tell it."""
        with suppress(Uncoercible, projection.Unshared):
            watched = await self._watched(*planned)
            if watched is not None:
                watched.check(context)
                self._end_span()
                given = watched.arguments
                book_id = inside("bk", given["book_id"])
                await following.shared(context, book_id, given["client_id"], watched, sink)
                return True
        return False

    async def _watched(self, variables: Mapping[str, Any], plan: Plan) -> Watched | None:
        operation, means = self.operation, self._means
        given = plan, means.schema._schema, operation.document.node, operation.node, variables
        if is_compiled(plan):
            watching = watching_of(*given)
        else:
            async with self._turn():
                watching = await _threaded(watching_of, *given)
        return Watched(watching, variables, means.planner.late) if watching else None

    async def _stream(self, context: Context, planned: _Planned | None) -> AsyncGenerator[Any, None]:
        if planned is not None:
            self._ask(context, planned)
        return await self._means.schema.stream(
            self.operation.document.text,
            variable_values=self._asked.variables,
            context_value=context,
            operation_name=self._asked.operation_name,
            operation_extensions=self._asked.extensions,
        )

    async def _first(self, results: AsyncGenerator[Any, None]) -> Answer | None:
        """The first answer of a subscription, which is the end of its beginning; None when it ended without one."""
        if self._span is None:
            result = await anext(results, None)
        else:
            with tracing.beginning(self._end_span):
                result = await anext(results, None)
        answer = None if result is None else self._answer(result)
        self._end_span()
        return answer

    def _answer(self, result: ExecutionResult) -> Answer:
        payload: dict[str, Any] = {"data": result.data}
        if self.kind != "subscription":
            payload["extensions"] = {"cost": self._cost}
        if not result.errors:
            return Answer(orjson.dumps(payload))
        errors = self._told(result.errors)
        if is_request_error(result.data, result.errors):
            return Answer.refusing(errors)
        return Answer(orjson.dumps({"errors": errors, **payload}), errors)

    def _whole(self, text: Text) -> Answer:
        """The answer that Postgres made."""
        end = b',"extensions":{"cost":%d}}' % self._cost
        if not text.refusals:
            return Answer(b'{"data":%b%b' % (text.json, end))
        errors = self._told(
            [
                GraphQLError(str(refusal), missing.fields, path=[missing.key or ""], original_error=refusal)
                for missing, refusal in text.refusals
            ]
        )
        return Answer(b'{"errors":%b,"data":%b%b' % (orjson.dumps(errors), text.json, end), errors)

    def _refused(self, error: Exception) -> Answer:
        return Answer.refusing(self._told([GraphQLError(str(error), original_error=error)]))

    def _told(self, errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
        told = tell(errors, self._entrance.request_id, suggest=self._means.suggest)
        self._code = self._code or told[0]["extensions"]["code"]
        return told

    def _cancelled(self, error: asyncio.CancelledError) -> None:
        if self._span is not None:
            tracing.fail(self._span, error)

    def _end_span(self) -> None:
        if self._span is not None:
            tracing.end(self._span, self.kind, self.operation.name, self._code)

    def _over(self) -> None:
        self._end_span()
        self._means.observe(
            Operation(
                name=self.operation.name,
                kind=self.kind,
                seconds=perf_counter() - self._started,
                code=self._code,
                request_id=self._entrance.request_id,
                user_id=self._user_id,
                transport=self._transport,
            )
        )


async def begun(means: Means, asked: Asked, entrance: Entrance, transport: Transport) -> Operating:
    """The operation, once its document has had its turn where it is new. Raises what Operating and Turns do."""
    documents = means.documents
    if documents.knows(asked):
        return Operating(means, asked, entrance, transport)
    # Whoever need not wait need not be known.
    caller = (await means.enter(entrance)).caller if documents.turns.are_taken else None
    async with documents.turns.of(caller.user_id if isinstance(caller, Viewer) else entrance.ip_address):
        try:
            return Operating(means, asked, entrance, transport)
        finally:
            # Those who know theirs come in between.
            await asyncio.sleep(0)


async def _threaded(work: Callable[..., T], *given: Any) -> T:
    """In a thread, which cannot be stopped: whoever gives it up has the turn until it has ended."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *given))
    try:
        return await asyncio.shield(working)
    finally:
        await asyncio.wait([working])


def planned_of(planner: Planner, operation: KeptOperation) -> Planned:
    """The plans of a kept operation."""
    planned: Planned | None = operation.slots.get("planned")
    if planned is None:
        planned = operation.slots["planned"] = planner.planned(operation.document.node, operation.node)
    return planned
