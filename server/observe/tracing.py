"""Traces for those who set an endpoint: spans for an operation, its parts, and (see `statements`) its SQL.

Not for its fields: a span a field made 286 ms out of 42. No span holds variables or the messages of errors.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context as TraceContext
from opentelemetry.context import attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Receive, Scope, Send

from server.observe import redaction
from server.observe.operation import Kind

#: Spans that wait for the collector before new ones are dropped, and seconds that it has for a batch.
QUEUE_LIMIT: Final = 2_048
EXPORT_SECONDS: Final = 5
NAME_LIMIT: Final = 64
#: For how long at most a subscription is taken to begin: its first event may come in hours.
BEGINNING_SECONDS: Final = 1.0

_tracer: Tracer | None = None
# The operation that is running, or the part of it; what runs outside of one has no spans.
_current: ContextVar[Span | None] = ContextVar("current_span", default=None)
# The request whose operation was refused unread: what the direct way leaves is looked at once more, and told once.
_refused: ContextVar[str | None] = ContextVar("refused_request", default=None)
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


def begin(request_id: str) -> Span | None:
    """The span of an operation, below which its parts are until it is ended; None where it is not traced."""
    if _tracer is None or _refused.get() == request_id:
        return None
    span = _tracer.start_span("graphql.operation", _incoming.get() or TraceContext(), SpanKind.SERVER)
    if not span.is_recording():
        return None
    _current.set(span)
    # What this operation owes goes on in its trace, wherever it is put down.
    attach(trace.set_span_in_context(span, TraceContext()))
    return span


def end(span: Span, kind: Kind, name: str | None, code: str | None) -> None:
    """Ends the span of an operation; again, it does nothing."""
    if span.is_recording():
        span.set_attribute("graphql.operation.type", kind)
        _end(span, name, code)


def refuse(span: Span, request_id: str, name: str | None, code: str) -> None:
    """Ends the span of an operation whose document is not answered; `name` is what the client called it."""
    _refused.set(request_id)
    _end(span, name, code)


def _end(span: Span, name: str | None, code: str | None) -> None:
    if name is not None:
        span.set_attribute("graphql.operation.name", redaction.text(name[:NAME_LIMIT]))
    if code is not None:
        span.set_status(Status(StatusCode.ERROR, code))
    span.end()


def fail(span: Span, error: BaseException) -> None:
    """Says that it went wrong, by the error's type: its message may hold anything."""
    if span.is_recording():
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))


@contextmanager
def part(name: str) -> Iterator[Span | None]:
    """A part of the operation that is running, and the current one for as long; nothing where nothing is traced."""
    span = child(name, SpanKind.INTERNAL)
    if span is None:
        yield None
        return
    token = _current.set(span)
    try:
        yield span
    except BaseException as error:
        fail(span, error)
        raise
    finally:
        _current.reset(token)
        _close(span)


@contextmanager
def beginning(end: Callable[[], None]) -> Iterator[None]:
    """The part `graphql.execute` of what may go on for hours: at BEGINNING_SECONDS it is over, and `end` is called."""

    def begun() -> None:
        if span is not None:
            _close(span)
        end()

    with part("graphql.execute") as span:
        timer = asyncio.get_running_loop().call_later(BEGINNING_SECONDS, begun)
        try:
            yield
        finally:
            timer.cancel()


@contextmanager
def job(name: str, traceparent: str | None) -> Iterator[None]:
    """The span of a job, in the trace of whoever owed it; what it owes itself goes along too."""
    if _tracer is None:
        yield
        return
    given = _propagator.extract({"traceparent": traceparent}) if traceparent else TraceContext()
    span = _tracer.start_span(f"job {name}", given, SpanKind.CONSUMER)
    current, attached = _current.set(span), attach(trace.set_span_in_context(span, TraceContext()))
    try:
        yield
    except BaseException as error:
        fail(span, error)
        raise
    finally:
        detach(attached)
        _current.reset(current)
        span.end()


def _close(span: Span) -> None:
    if span.is_recording():
        span.end()


def child(name: str, kind: SpanKind) -> Span | None:
    """A span below what is running; None where nothing is traced."""
    parent = _current.get()
    if parent is None or _tracer is None or not parent.is_recording():
        return None
    return _tracer.start_span(name, trace.set_span_in_context(parent, TraceContext()), kind)


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
