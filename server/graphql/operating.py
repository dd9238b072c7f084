"""One operation from its document to its answers, the same for both transports."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from uuid import UUID

from graphql import GraphQLError
from strawberry.schema import Schema
from strawberry.types import ExecutionResult

from resolvers.context import Viewer
from server.graphql.asked import Asked
from server.graphql.documents import Documents, operation_of
from server.graphql.entrance import Enter, Entered, Entrance
from server.graphql.errors import is_request_error, tell
from server.graphql.limits import Limits
from server.observe.operation import Kind, Operation, Transport


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: `data` and `errors`, or with `refused` the errors alone, since nothing was executed."""

    payload: dict[str, Any]
    refused: bool
    #: Of the first error.
    code: str | None


@dataclass(frozen=True, slots=True)
class Means:
    """What every operation is answered with."""

    schema: Schema
    documents: Documents
    enter: Enter
    observe: Callable[[Operation], None]
    limits: Limits
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
        node = operation_of(means.documents.read(asked.query), asked.operation_name)
        self.kind: Kind = node.operation.value
        self._name = node.name.value if node.name else None
        self._code: str | None = None
        self._user_id: UUID | None = None

    async def answer(self) -> Answer:
        """The answer of a query or a mutation."""
        async with aclosing(self.answers()) as answers:
            return await anext(answers)

    async def answers(self) -> AsyncGenerator[Answer, None]:
        """One answer, or those of a subscription; whatever goes wrong is told in one that is `refused`."""
        try:
            try:
                context = await self._means.enter(self._entrance)
                if isinstance(context.caller, Viewer):
                    self._user_id = context.caller.user_id
                if self.kind == "subscription":
                    async with aclosing(await self._stream(context)) as results:
                        async for result in results:
                            yield self._answer(result)
                else:
                    # Told before the next line can be interrupted: a mutation is not to be without an answer.
                    yield self._answer(await self._execute(context))
            except Exception as error:
                told = GraphQLError(str(error), original_error=error)
                yield self._answer(ExecutionResult(None, [told]))
        finally:
            self._over()

    async def _execute(self, context: Entered) -> ExecutionResult:
        # The database limits what a mutation takes. Cancelled here, nobody would know whether it happened.
        async with asyncio.timeout(self._means.limits.query_seconds if self.kind == "query" else None):
            return await self._means.schema.execute(
                self._asked.query,
                variable_values=self._asked.variables,
                context_value=context,
                operation_name=self._asked.operation_name,
                operation_extensions=self._asked.extensions,
            )

    async def _stream(self, context: Entered) -> AsyncGenerator[Any, None]:
        return await self._means.schema.stream(
            self._asked.query,
            variable_values=self._asked.variables,
            context_value=context,
            operation_name=self._asked.operation_name,
            operation_extensions=self._asked.extensions,
        )

    def _answer(self, result: ExecutionResult) -> Answer:
        if not result.errors:
            payload: dict[str, Any] = {"data": result.data}
            if result.extensions:
                payload["extensions"] = result.extensions
            return Answer(payload, refused=False, code=None)
        errors = tell(result.errors, self._entrance.request_id, suggest=self._means.suggest)
        code: str = errors[0]["extensions"]["code"]
        self._code = self._code or code
        if is_request_error(result.data, result.errors):
            return Answer({"errors": errors}, refused=True, code=code)
        payload = {"errors": errors, "data": result.data}
        if result.extensions:
            payload["extensions"] = result.extensions
        return Answer(payload, refused=False, code=code)

    def _over(self) -> None:
        self._means.observe(
            Operation(
                name=self._name,
                kind=self.kind,
                seconds=perf_counter() - self._started,
                code=self._code,
                request_id=self._entrance.request_id,
                user_id=self._user_id,
                transport=self._transport,
            )
        )
