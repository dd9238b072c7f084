"""What a client is told when something is wrong, and what only the log learns."""

import re
from collections.abc import Sequence
from typing import Any

import structlog
from graphql import GraphQLError

from models.refusal import BadUserInput, Forbidden, NotFound, Refusal, Refusals, Unavailable
from server.graphql.absence import is_absence

log = structlog.get_logger(__name__)

MASK = "Something went wrong on our side."

_SUGGESTION = re.compile(r",? ?Did you mean .*", re.DOTALL)

#: Refusals that belong to a part of the input, and yet have a code of their own among the top-level errors.
_NAMED = (Forbidden, NotFound)


def tell(errors: Sequence[GraphQLError], request_id: str, *, suggest: bool = True) -> list[dict[str, Any]]:
    """The errors as the client may see them. What is our mistake is logged, once for all of them."""
    told: list[dict[str, Any]] = []
    mistakes: list[BaseException] = []
    absences: list[BaseException] = []
    for error in errors:
        formatted: dict[str, Any] = {"message": error.message}
        if error.locations:
            formatted["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
        if error.path is not None:
            formatted["path"] = error.path
        cause = _cause(error)
        if cause is None:
            refusal: Refusal | None = BadUserInput(error.message if suggest else without_suggestion(error.message))
        else:
            refusal = _refusal(cause)
            if refusal is None:
                mistakes.append(cause)
            elif refusal is not cause and isinstance(refusal, Unavailable):
                absences.append(cause)
        formatted["message"] = refusal.message if refusal else MASK
        formatted["extensions"] = refusal.extensions if refusal else {"code": "INTERNAL", "requestId": request_id}
        told.append(formatted)
    if mistakes:
        log.error("operation_failed", request_id=request_id, times=len(mistakes), exc_info=mistakes[0])
    if absences:
        log.warning("part_away", request_id=request_id, times=len(absences), error=type(absences[0]).__name__)
    return told


def tell_exception(error: Exception, request_id: str) -> dict[str, Any]:
    """What happened outside of any field, told as `tell` would."""
    return tell([GraphQLError(str(error), original_error=error)], request_id)[0]


def without_suggestion(message: str) -> str:
    """The message without the names that would fit better, which are a way to learn a hidden schema."""
    return _SUGGESTION.sub("", message)


def is_request_error(data: object, errors: Sequence[GraphQLError] | None) -> bool:
    """Whether nothing was executed: a field's error has a path, but one about variables has none."""
    return data is None and bool(errors) and all(error.path is None for error in errors or ())


def _cause(error: GraphQLError) -> BaseException | None:
    """What a resolver raised; None when the client's own document or variables are at fault.

    Parsing, validation and coercion name the nodes at fault. A resolver's exception does not, nor does what
    we could not serialise: they are given a path, and the nodes of the field around them.
    """
    if error.path is None and error.nodes:
        return None
    inner: BaseException = error
    while isinstance(inner, GraphQLError):
        if inner is not error and inner.nodes:
            return None
        if inner.original_error is None:
            return None if error.path is None else inner
        inner = inner.original_error
    return inner


def _refusal(cause: BaseException) -> Refusal | None:
    if isinstance(cause, Refusal):
        if cause.is_top_level or isinstance(cause, _NAMED):
            return cause
        return BadUserInput(cause.message)
    if isinstance(cause, Refusals):
        return BadUserInput(" ".join(each.message for each in cause.each))
    return Unavailable() if is_absence(cause) else None
