"""Log lines: JSON in production, something to read in development, and no secrets in either."""

import logging
import sys
from typing import Any, BinaryIO, Final

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from models.refusal import Refusal, Refusals
from server.observe.lines import Lines
from server.observe.redaction import redact

#: Of the libraries only what is worth waking up for: their debug lines hold headers and parameters.
LIBRARY_LEVEL: Final = logging.WARNING
_LEVELS: Final = ((50, "critical"), (40, "error"), (30, "warning"), (20, "info"), (0, "debug"))
_NUMBERS: Final = logging.getLevelNamesMapping()
#: What may not reach a terminal as it is.
_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def configure(json: bool, level: str, to: BinaryIO | None = None) -> None:
    """Sends every line of this process, the libraries' too, to stdout or `to`; `level` is that of ours."""
    renderer: list[Processor] = [structlog.processors.JSONRenderer(serializer=_dumps)]
    if not json:
        renderer = [_printable, structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty()), _encode]
    structlog.configure(
        processors=[
            _merged,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time" if json else "timestamp"),
            _expected,
            structlog.processors.format_exc_info,
            redact,
            *renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_LinesFactory(
            Lines(to or sys.stdout.buffer), gathers=json and _NUMBERS[level.upper()] <= logging.INFO
        ),
        # Who logs on the hot path binds once (see Observer); others follow a later `configure`.
        cache_logger_on_first_use=False,
    )
    _route()


def _route() -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, Routed)]:
        root.removeHandler(handler)
    root.addHandler(Routed())
    root.setLevel(LIBRARY_LEVEL)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # Who asked for what is told by our own line for each operation; a path may hold a token.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    logging.captureWarnings(True)


class Routed(logging.Handler):
    """Hands what libraries log to structlog, so that it is rendered and redacted as ours is."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "uvicorn.error" and record.levelno == logging.INFO and _is_access(str(record.msg)):
            return
        try:
            event = record.getMessage()
        except Exception:
            # A wrong format is the caller's mistake; logging's own complaint would print the arguments.
            event = str(record.msg)
        method = next(name for least, name in _LEVELS if record.levelno >= least)
        getattr(structlog.get_logger(), method)(event, logger=record.name, exc_info=record.exc_info or None)


def _is_access(message: str) -> bool:
    """Whether uvicorn tells of a websocket that comes or goes, which it does not count as access."""
    return "WebSocket" in message or message in ("connection open", "connection closed")


def _merged(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """What is known of the request; the line of an operation says it by itself, and looking takes a while."""
    if "request_id" in line:
        return line
    return structlog.contextvars.merge_contextvars(logger, method, line)


def _expected(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """A refusal is an answer: it is told by its code, without a traceback."""
    given = line.get("exc_info")
    if given:
        error = sys.exc_info()[1] if given is True else given
        error = error[1] if isinstance(error, tuple) else error
        if isinstance(error, Refusal | Refusals):
            del line["exc_info"]
            line["refused"] = error.code if isinstance(error, Refusal) else [each.code for each in error.each]
    return line


def _printable(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = value.translate(_CONTROLS)
            if name == "event":
                line[name] = line[name].replace("\n", "\\n")
    return line


def _dumps(line: EventDict, **_: Any) -> bytes:
    return orjson.dumps(line, default=str)


def _encode(logger: WrappedLogger, method: str, line: Any) -> bytes:
    return str(line).encode(errors="replace")


class _LinesFactory:
    def __init__(self, lines: Lines, gathers: bool) -> None:
        self.lines = lines
        self.gathers = gathers

    def __call__(self, *_: Any) -> Lines:
        return self.lines


def gathering() -> Lines | None:
    """What takes finished lines of level info, past structlog; None when lines are for people, or fewer are told."""
    factory = structlog.get_config()["logger_factory"]
    return factory.lines if isinstance(factory, _LinesFactory) and factory.gathers else None
