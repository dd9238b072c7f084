"""Spans for the SQL of a traced operation: the statement's text, never what it was given or gave."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from opentelemetry.trace import Span, SpanKind
from sqlalchemy import Connection, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from server.observe import tracing
from storage.connections import Connections

#: Characters of a statement that are told, and statements that are kept ready to be told.
STATEMENT_LIMIT: Final = 2_048
STATEMENTS_KEPT: Final = 512

# A literal that the limit cut has no end.
_literal = re.compile(r"'(?:[^']|'')*+(?:'|\Z)|\$(\w{0,64}+)\$.*?(?:\$\1\$|\Z)", re.DOTALL)


def instrument(engine: AsyncEngine, lean: Connections | None = None) -> None:
    """Makes a span of each statement that an operation runs; what runs outside of one makes none."""
    event.listen(engine.sync_engine, "before_cursor_execute", _begin_statement)
    event.listen(engine.sync_engine, "after_cursor_execute", _end_statement)
    event.listen(engine.sync_engine, "handle_error", _fail_statement)
    if lean is not None:
        lean.observe = _spanned


def _begun(system: str, statement: str) -> Span | None:
    span = tracing.child("sql", SpanKind.CLIENT)
    if span is not None:
        span.set_attribute("db.system.name", system)
        span.set_attribute("db.query.text", _without_literals(statement[:STATEMENT_LIMIT]))
    return span


@contextmanager
def _spanned(statement: str) -> Iterator[None]:
    span = _begun("postgresql", statement)
    try:
        yield
    except BaseException as error:
        if span is not None:
            tracing.fail(span, error)
        raise
    finally:
        if span is not None:
            span.end()


def _begin_statement(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    context.leporello_span = _begun(connection.dialect.name, statement)


def _end_statement(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    span: Span | None = getattr(context, "leporello_span", None)
    if span is not None:
        span.end()


def _fail_statement(failed: ExceptionContext) -> None:
    span: Span | None = getattr(failed.execution_context, "leporello_span", None)
    if span is not None:
        tracing.fail(span, failed.original_exception)
        span.end()


@lru_cache(maxsize=STATEMENTS_KEPT)
def _without_literals(statement: str) -> str:
    return _literal.sub("?", statement)
