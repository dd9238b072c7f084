"""Traces for those who set an endpoint: spans for an operation, its parts, and (see `statements`) its SQL.

Not for its fields: a span a field made 286 ms out of 42. No span holds variables or the messages of errors.
"""

from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Final

from graphql import GraphQLError
from opentelemetry import trace
from opentelemetry.context import Context as TraceContext
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from server.observe import redaction

#: Spans that wait for the collector before new ones are dropped, and seconds that it has for a batch.
QUEUE_LIMIT: Final = 2_048
EXPORT_SECONDS: Final = 5
NAME_LIMIT: Final = 64

_tracer: Tracer | None = None
# The part of an operation that is running; what runs outside of one has no spans.
_current: ContextVar[Span | None] = ContextVar("current_span", default=None)
_incoming: ContextVar[TraceContext | None] = ContextVar("incoming_trace", default=None)
_propagator = TraceContextTextMapPropagator()


def configure(
    endpoint: str | None,
    service_name: str = "leporello",
    sample: float = 1.0,
    *,
    to: SpanProcessor | None = None,
) -> TracerProvider | None:
    """Begins to trace, to the OTLP collector at `endpoint` or through `to`; with neither, tracing is off.

    `sample` is the share of traces that is kept. The provider's `shutdown` sends what waits, and blocks.
    """
    global _tracer
    _tracer = None
    if endpoint is None and to is None:
        return None
    ratio = TraceIdRatioBased(sample)
    provider = TracerProvider(
        # The ratio is ours for remote parents too: a stranger's traceparent must not decide how much we keep.
        sampler=ParentBased(ratio, remote_parent_sampled=ratio),
        resource=Resource({"service.name": service_name}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(to or _collector(str(endpoint)))
    _tracer = provider.get_tracer("leporello")
    return provider


def _collector(endpoint: str) -> SpanProcessor:
    # Imported when it is wanted: it takes longer to load than the rest of this room.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    url = f"{endpoint.rstrip('/')}/v1/traces" if not endpoint.endswith("/v1/traces") else endpoint
    exporter = OTLPSpanExporter(endpoint=url, timeout=EXPORT_SECONDS)
    return BatchSpanProcessor(exporter, max_queue_size=QUEUE_LIMIT, export_timeout_millis=EXPORT_SECONDS * 1_000)


def child(name: str) -> Span | None:
    """A span below the part of the operation that is running; None where nothing is traced."""
    parent = _current.get()
    if parent is None or _tracer is None or not parent.is_recording():
        return None
    return _tracer.start_span(name, trace.set_span_in_context(parent, TraceContext()), SpanKind.CLIENT)


class Traceparent:
    """An ASGI middleware that remembers whose trace a request belongs to; wanted only when tracing is on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = next((value for name, value in scope.get("headers", ()) if name == b"traceparent"), None)
        if given is None or _tracer is None:
            await self._app(scope, receive, send)
            return
        # Without tracestate, which is free text of the client's.
        token = _incoming.set(_propagator.extract({"traceparent": given.decode("latin-1")}))
        try:
            await self._app(scope, receive, send)
        finally:
            _incoming.reset(token)


class Tracing(SchemaExtension):
    """Spans for an operation, and for its parse, validate and execute."""

    _span: Span | None = None

    def on_operation(self) -> Iterator[None]:
        if _tracer is None:
            yield
            return
        self._span = _tracer.start_span("graphql.operation", _incoming.get() or TraceContext(), SpanKind.SERVER)
        try:
            yield
        except BaseException as error:
            self._span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            self._finish(self._span)

    def on_parse(self) -> Iterator[None]:
        yield from self._part("graphql.parse")

    def on_validate(self) -> Iterator[None]:
        yield from self._part("graphql.validate")

    def on_execute(self) -> Iterator[None]:
        yield from self._part("graphql.execute")
        if self._span is not None and self.execution_context.operation_type is OperationType.SUBSCRIPTION:
            # A stream may last for hours: its span is that of its beginning.
            self._finish(self._span)

    def _part(self, name: str) -> Iterator[None]:
        if self._span is None or _tracer is None or not self._span.is_recording():
            yield
            return
        span = _tracer.start_span(name, trace.set_span_in_context(self._span, TraceContext()))
        token = _current.set(span)
        try:
            yield
        finally:
            _current.reset(token)
            span.end()

    def _finish(self, span: Span) -> None:
        if not span.is_recording():
            return
        asked = self.execution_context
        if asked.graphql_document is not None:
            with suppress(RuntimeError):  # It names an operation that it does not have.
                span.set_attribute("graphql.operation.type", asked.operation_type.value)
        if asked.operation_name is not None:
            span.set_attribute("graphql.operation.name", redaction.text(asked.operation_name[:NAME_LIMIT]))
        if asked.pre_execution_errors:
            span.set_status(Status(StatusCode.ERROR, _code(asked.pre_execution_errors[0])))
        span.end()


def _code(error: GraphQLError) -> str:
    given = error.extensions or getattr(error.original_error, "extensions", None) or {}
    code = given.get("code") or type(error.original_error or error).__name__
    return str(code)[:NAME_LIMIT]
