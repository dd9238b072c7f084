"""Spans for the SQL of a traced operation: the statement's text, never what it was given or gave."""

import re
from functools import lru_cache
from typing import Any, Final

from opentelemetry.trace import Span, Status, StatusCode
from sqlalchemy import Connection, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from server.observe import tracing

#: Characters of a statement that are told, and statements that are kept ready to be told.
STATEMENT_LIMIT: Final = 2_048
STATEMENTS_KEPT: Final = 512

# A literal that the limit cut has no end.
_literal = re.compile(r"'(?:[^']|'')*+(?:'|\Z)|\$(\w{0,64}+)\$.*?(?:\$\1\$|\Z)", re.DOTALL)


def instrument(engine: AsyncEngine) -> None:
    """Makes a span of each statement that an operation runs; what runs outside of one makes none."""
    event.listen(engine.sync_engine, "before_cursor_execute", _begin_statement)
    event.listen(engine.sync_engine, "after_cursor_execute", _end_statement)
    event.listen(engine.sync_engine, "handle_error", _fail_statement)


def _begin_statement(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    span = tracing.child("sql")
    if span is None:
        return
    span.set_attribute("db.system.name", connection.dialect.name)
    span.set_attribute("db.query.text", _without_literals(statement[:STATEMENT_LIMIT]))
    context.leporello_span = span


def _end_statement(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    span: Span | None = getattr(context, "leporello_span", None)
    if span is not None:
        span.end()


def _fail_statement(failed: ExceptionContext) -> None:
    span: Span | None = getattr(failed.execution_context, "leporello_span", None)
    if span is not None:
        # Its message may hold parameters and rows.
        span.set_status(Status(StatusCode.ERROR, type(failed.original_exception).__name__))
        span.end()


@lru_cache(maxsize=STATEMENTS_KEPT)
def _without_literals(statement: str) -> str:
    return _literal.sub("?", statement)
