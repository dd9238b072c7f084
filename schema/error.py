"""Saying no: the one place where a refusal becomes a payload's `userErrors`."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from models.refusal import Refusal, Refusals
from resolvers.rates import Rate

#: How many hits a call is, by its arguments.
Weigh = Callable[[Mapping[str, Any]], int]


@strawberry.enum(description="Why a mutation could not be done; a client may act on it.")
class UserErrorCode(Enum):
    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    TAKEN = "TAKEN"
    CONFLICT = "CONFLICT"
    GONE = "GONE"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    LIMIT_REACHED = "LIMIT_REACHED"
    TOO_LARGE = "TOO_LARGE"
    UNSUPPORTED_TYPE = "UNSUPPORTED_TYPE"
    WRONG_CREDENTIALS = "WRONG_CREDENTIALS"
    EXPIRED = "EXPIRED"
    LOCKED = "LOCKED"
    EMAIL_NOT_VERIFIED = "EMAIL_NOT_VERIFIED"


@strawberry.type(description="An expected failure, in words that can be shown.")
class UserError:
    code: UserErrorCode
    message: str
    path: list[str] = strawberry.field(
        description="The input field at fault, outermost first, list positions as numbers."
    )

    @classmethod
    def of(cls, refusal: Refusal) -> "UserError":
        return cls(code=UserErrorCode(refusal.code), message=refusal.message, path=list(refusal.path))


@strawberry.type(description="What every payload has.")
class Payload:
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty when it was done; else nothing has changed."
    )


class _Refusing(FieldExtension):
    """Answers a refusal with the payload, unless the contract wants it among the top-level errors.

    Each call is counted first, however many there are in one document.
    """

    def __init__(self, rate: Rate | None, weigh: Weigh | None) -> None:
        self.rate = rate
        self._weigh = weigh

    def apply(self, field: StrawberryField) -> None:
        answer = field.type
        self.payload = answer.of_type if isinstance(answer, StrawberryOptional) else answer

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: strawberry.Info, **arguments: Any
    ) -> Any:
        if self.rate is not None:
            cost = self._weigh(arguments) if self._weigh else 1
            await info.context.hit(self.rate, arguments, cost)
        try:
            return await next_(source, info, **arguments)
        except Refusal as refusal:
            if refusal.is_top_level:
                raise
            return self._payload([refusal])
        except Refusals as refusals:
            return self._payload(refusals.each)

    def _payload(self, refusals: list[Refusal]) -> Any:
        payload: Any = self.payload
        return payload(user_errors=[UserError.of(refusal) for refusal in refusals])


def mutation(
    description: str, *, rate: Rate | None = None, weigh: Weigh | None = None
) -> Callable[[Callable[..., Any]], Any]:
    """A mutation whose refusals are user errors; a call of it is `weigh(arguments)` hits of its rate, or one."""

    def field(resolver: Callable[..., Any]) -> Any:
        return strawberry.mutation(resolver, description=description, extensions=[_Refusing(rate, weigh)])

    return field


def rate_of(field: StrawberryField) -> Rate | None:
    """What a mutation is counted against by itself."""
    return next((each.rate for each in field.extensions if isinstance(each, _Refusing)), None)
